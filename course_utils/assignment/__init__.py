"""The assignment on Fashion-MNIST (notebook 12): its networks and recipes, training runs, their results."""

from course_utils.assignment.experiments import run, train_all
from course_utils.assignment.given import GIVEN, LECTURE, MORE, RECIPES, STORED, THIN_RECIPE
from course_utils.assignment.results import Cell, Results, ResultsError
from course_utils.assignment.settings import Recipe

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
    "run",
    "train_all",
]
