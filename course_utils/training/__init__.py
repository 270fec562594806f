"""The training loop of notebook 06: ``fit`` trains, ``evaluate`` measures, ``predict`` returns the outputs."""

from course_utils.training.distributed import processes, torchrun
from course_utils.training.errors import CheckpointError, TrainingError
from course_utils.training.history import History
from course_utils.training.inference import Scores, evaluate, measure, predict
from course_utils.training.loop import fit, seed_everything, train_epoch

__all__ = [
    "CheckpointError",
    "History",
    "Scores",
    "TrainingError",
    "evaluate",
    "fit",
    "measure",
    "predict",
    "processes",
    "seed_everything",
    "torchrun",
    "train_epoch",
]
