"""Pictures of what autograd records (notebook 01) and of how a network is put together (notebook 11)."""

from course_utils.graphs.autograd import autograd_graph
from course_utils.graphs.modules import module_graph
from course_utils.graphs.rendering import Drawing, GraphError

__all__ = ["Drawing", "GraphError", "autograd_graph", "module_graph"]
