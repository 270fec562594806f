"""The assignment on Fashion-MNIST (notebook 12): what is given, many training runs by one call, their results."""

from course_utils.assignment.experiments import Recipe, build, run
from course_utils.assignment.given import GIVEN, LECTURE, MORE, RECIPES, STORED, THIN_RECIPE
from course_utils.assignment.results import Cell, Results, ResultsError

__all__ = [
    "GIVEN",
    "LECTURE",
    "MORE",
    "RECIPES",
    "STORED",
    "THIN_RECIPE",
    "Cell",
    "Recipe",
    "Results",
    "ResultsError",
    "build",
    "run",
]
