"""The training loop of notebook 06: ``fit`` trains, ``evaluate`` measures, ``predict`` returns the outputs."""

from course_utils.training.distributed import processes, torchrun
from course_utils.training.history import History
from course_utils.training.loop import Scores, evaluate, fit, predict, seed_everything
from course_utils.training.preflight import TrainingError

__all__ = [
    "History",
    "Scores",
    "TrainingError",
    "evaluate",
    "fit",
    "predict",
    "processes",
    "seed_everything",
    "torchrun",
]
