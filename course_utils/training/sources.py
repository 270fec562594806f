"""Read pairs (inputs, targets) from a DataLoader, and explain what else it may give."""

import pickle
from collections.abc import Iterator, Mapping

from torch import Tensor
from torch.utils.data import DataLoader

from course_utils.training.errors import TrainingError, first_line

PICKLE = (
    "Worker processes cannot receive this data set: define its class and functions at the top level of a .py file "
    "(no lambda), or use num_workers=0."
)
# words in the message of an error that is raised while a batch is made, and what to do about it
ADVICE = {
    "exited unexpectedly": "A worker process died. If the Dataset is defined in a notebook cell, new processes cannot "
    "find it: move the class to a .py file and import it. If memory ran out, use fewer workers. num_workers=0 avoids "
    "both.",
    "killed by signal": "A worker process was killed, most often because memory ran out: use fewer workers or "
    "num_workers=0.",
    "pickle": PICKLE,
    "local object": PICKLE,
    "equal size": "The items of a batch have different shapes: resize or pad all of them to one shape.",
    "batch must contain tensors": "The items must be tensors, arrays or numbers: convert each, for example with "
    "torchvision.transforms.v2.functional.to_image.",
}


def pairs(loader: DataLoader[object]) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of a loader, each inputs ``(B, ...)`` and targets ``(B, ...)``.

    Raises:
        TrainingError: If a batch is not a pair of tensors, or the loader cannot make one.
    """
    try:
        for batch in loader:
            yield _pair(batch)
    except (RuntimeError, TypeError, AttributeError, pickle.PicklingError) as error:
        for words, advice in ADVICE.items():
            if words in str(error) and not isinstance(error, TrainingError):
                raise TrainingError(f"{advice}\nPyTorch says: {first_line(error)}") from error
        raise


def _pair(batch: object) -> tuple[Tensor, Tensor]:
    needed = "fit needs pairs (inputs, targets)"
    if isinstance(batch, Tensor):
        raise TrainingError(
            f"The data holds inputs without targets; {needed}. If there are none to learn, repeat the inputs: (x, x)."
        )
    if isinstance(batch, Mapping):
        names = [repr(name) for name in batch]
        raise TrainingError(
            f"The data holds dicts with the keys {', '.join(names)}; {needed}. Let __getitem__ return two of the "
            "values, or give the DataLoader a collate_fn that does."
        )
    if not isinstance(batch, list | tuple) or len(batch) != 2:
        count = f"{len(batch)} values" if isinstance(batch, list | tuple) else type(batch).__name__
        raise TrainingError(
            f"Each batch of the data holds {count}; {needed}. Let __getitem__ return two values."
        )
    x, y = batch
    if not isinstance(y, Tensor):
        if isinstance(y, list | tuple) and y and isinstance(y[0], str):
            raise TrainingError(
                f"The targets are strings such as {y[0]!r}. Number the classes from 0, and let __getitem__ return the "
                "number: classes.index(name)."
            )
        raise TrainingError(f"The targets of a batch are of type {type(y).__name__}; they must be a tensor.")
    if not isinstance(x, Tensor):
        raise TrainingError(f"The inputs of a batch are of type {type(x).__name__}; they must be a tensor.")
    return x, y
