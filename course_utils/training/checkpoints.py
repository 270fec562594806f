"""Save a training run to a file and load it again, so that nothing is lost and nothing half-written is used."""

from pathlib import Path

import torch

from course_utils.files import replacing
from course_utils.training import distributed
from course_utils.training.history import History
from course_utils.training.preflight import first_line


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or read; the message says what to try."""


def save(path: str | Path, state: dict) -> None:
    """Write ``state`` (tensors, numbers, lists, dicts) to ``path``, whole or not at all.

    Raises:
        CheckpointError: the folder does not exist or cannot be written.
    """
    try:
        with replacing(Path(path)) as temporary:
            torch.save(state, temporary)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"The checkpoint {path} could not be written ({error}). Try a file in a folder that exists and has room."
        ) from None


def load(path: str | Path) -> dict:
    """Read a checkpoint; only tensors and plain values are accepted, so a file from elsewhere cannot run code.

    Raises:
        CheckpointError: the file is missing, damaged, or holds more than plain values.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(
            f"There is no checkpoint {path}. Is the path right, and was it saved?"
        ) from None
    except Exception as error:
        raise CheckpointError(
            f"{path} could not be read as a checkpoint ({first_line(error)}). "
            "It may be damaged: delete it and train again."
        ) from None


def random_state() -> dict[str, torch.Tensor | list[torch.Tensor]]:
    """The state of torch's random number generators: part of a run that is to go on bit for bit."""
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_state(state: dict) -> None:
    """Put the random number generators back to ``random_state()``."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


class Run:
    """A training run that can be written to a file and taken up again: its parts, its history, its best weights.

    Of several processes the first one writes; all read, so the file must lie where all see it.

    Raises:
        CheckpointError: the file exists and ``resume`` is False, or it does not fit the model.
    """

    def __init__(
        self, model, optimizer, scheduler=None, file: str | Path | None = None, resume: bool = False
    ):
        parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
        self.parts = {name: part for name, part in parts.items() if part is not None}
        self.file, self.history = file, History()
        self.best = {"epoch": 0, "loss": float("inf"), "weights": None}
        if file and Path(file).exists():
            if not resume:
                raise CheckpointError(
                    f"{file} exists already and is not overwritten. Go on from it with resume=True, or choose "
                    "another name."
                )
            self._restore(load(file))

    def finish_epoch(self, row: dict[str, float | None], keep_best: bool) -> None:
        """Record one epoch, remember the best weights so far, write the checkpoint."""
        self.history.append(**({"val_loss": None, "val_accuracy": None} | row))
        if keep_best and row["val_loss"] < self.best["loss"]:
            weights = {name: value.clone() for name, value in self.parts["model"].state_dict().items()}
            self.best = {"epoch": len(self.history), "loss": row["val_loss"], "weights": weights}
        if self.file:
            state = {name: part.state_dict() for name, part in self.parts.items()}
            state |= {"history": vars(self.history), "best": self.best}
            state["random"] = distributed.from_all(random_state())
            if distributed.rank() == 0:
                save(self.file, state)
            distributed.wait_for_all()  # a process ahead would look for a file that is not there yet

    def waited(self, patience: int | None) -> bool:
        """Whether the validation loss has not improved for ``patience`` epochs."""
        return patience is not None and len(self.history) - self.best["epoch"] >= patience

    def back_to_best(self) -> None:
        """Give the model the weights it had after its best epoch."""
        if self.best["weights"] is not None:
            self.parts["model"].load_state_dict(self.best["weights"])

    def _restore(self, state: dict) -> None:
        try:
            for name, part in self.parts.items():
                part.load_state_dict(state[name])
        except (RuntimeError, ValueError, KeyError) as error:
            raise CheckpointError(
                f"{self.file} was written by another model, optimizer or schedule ({first_line(error)}). "
                "Choose another name for this run."
            ) from None
        self.history, self.best = History(**state["history"]), state["best"]
        if distributed.rank() < len(state["random"]):  # else there were fewer processes
            restore_random_state(state["random"][distributed.rank()])
