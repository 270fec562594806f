"""Widgets to play with: a network (notebook 04), a race of optimizers (06), a convolution (07).

    from course_utils.playground import network_playground

    network_playground()

Each function returns an :class:`Interactive`, which holds two forms of the same thing: a widget and a static
figure with alternative text. A front end that has widgets (JupyterLab, with a running kernel) shows the widget;
every other one (HTML, slides, GitHub, a stored notebook) shows the figure. The output contains both, and the front end
selects the richest one that it can show.
"""

from course_utils.playground.convolution import convolution_explorer
from course_utils.playground.interactive import Interactive
from course_utils.playground.network import network_playground
from course_utils.playground.race import optimizer_race

__all__ = ["Interactive", "convolution_explorer", "network_playground", "optimizer_race"]
