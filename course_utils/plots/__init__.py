"""Figures in one style, with alternative text: learning curves, images, confusion matrices, scatter plots.

Each function returns a :class:`Picture`; as the last line of a cell it is shown with its alternative text,
which says what the data say. ``new`` and ``show`` begin and end a figure of your own.
"""

from course_utils.plots.images import confusion_matrix, image_grid
from course_utils.plots.lines import curves, learning_curves, surface
from course_utils.plots.scatter import labelled_scatter
from course_utils.plots.style import COLOURS, DASHES, STYLE, WIDEST, Picture, embedded, new, show

__all__ = [
    "COLOURS",
    "DASHES",
    "STYLE",
    "WIDEST",
    "Picture",
    "confusion_matrix",
    "curves",
    "embedded",
    "image_grid",
    "labelled_scatter",
    "learning_curves",
    "new",
    "show",
    "surface",
]
