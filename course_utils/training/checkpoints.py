"""Save a training run to a file and load it again, so that nothing is lost and nothing half-written is used."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.files import replacing
from course_utils.training import distributed
from course_utils.training.errors import CheckpointError, first_line
from course_utils.training.history import History

# what a checkpoint holds: by name, tensors and plain values, nested; each reader knows the type of its part
State = dict[str, Any]


def save(path: str | Path, state: State) -> None:
    """Write ``state`` (tensors, numbers, lists, dicts) to ``path``, whole or not at all.

    Raises:
        CheckpointError: If the folder does not exist or cannot be written.
    """
    try:
        with replacing(Path(path)) as temporary:
            torch.save(state, temporary)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"The checkpoint {path} could not be written ({error}). Try a file in a folder that exists and has room."
        ) from None


def load(path: str | Path) -> State:
    """Read a checkpoint; only tensors and plain values are accepted, so a file from elsewhere cannot run code.

    Raises:
        CheckpointError: If the file is missing, damaged, or holds more than plain values.
    """
    try:
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(
            f"There is no checkpoint {path}. Is the path right, and was it saved?"
        ) from None
    except Exception as error:
        raise CheckpointError(
            f"{path} could not be read as a checkpoint ({first_line(error)}). "
            "It may be damaged: delete it and train again."
        ) from None
    return state


def random_state() -> State:
    """The state of torch's random number generators, which a run needs to continue bit for bit."""
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_state(state: State) -> None:
    """Put the random number generators back to ``random_state()``."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


@dataclass
class Best:
    """The epoch with the smallest validation loss so far, and the weights after it."""

    epoch: int = 0
    loss: float = float("inf")
    weights: dict[str, Tensor] | None = None


class Run:
    """A training run that can be saved to a file and continued: its parts, its history, its best weights.

    If multiple processes work together, the first one writes and all read, so all of them must see the file.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LRScheduler | None = None,
        file: str | Path | None = None,
    ):
        self.model, self.file = model, file
        self.parts: dict[str, nn.Module | Optimizer | LRScheduler] = {"model": model, "optimizer": optimizer}
        if scheduler is not None:
            self.parts["scheduler"] = scheduler
        self.history, self.best = History(), Best()

    def resume(self) -> None:
        """Continue the run that is saved in the file, if there is one.

        Raises:
            CheckpointError: If the file cannot be read, or was written by another model, optimizer or scheduler.
        """
        if not self.file or not Path(self.file).exists():
            return
        state = load(self.file)
        try:
            for name, part in self.parts.items():
                part.load_state_dict(state[name])
        except (RuntimeError, ValueError, KeyError) as error:
            raise CheckpointError(
                f"{self.file} was written by another model, optimizer or scheduler ({first_line(error)}). "
                "Choose another name for this run."
            ) from None
        self.history, self.best = History(**state["history"]), Best(**state["best"])
        # a rank that was not there when the file was written has no saved state
        if distributed.rank() < len(state["random"]):
            restore_random_state(state["random"][distributed.rank()])

    def finish_epoch(self, epoch: History, *, keep_best: bool) -> None:
        """Record one epoch, remember the best weights so far, write the checkpoint."""
        self.history += epoch
        loss = epoch.val_loss[0]
        if keep_best and loss is not None and loss < self.best.loss:
            weights = {name: value.clone() for name, value in self.model.state_dict().items()}
            self.best = Best(len(self.history), loss, weights)
        if self.file:
            state: State = {name: part.state_dict() for name, part in self.parts.items()}
            state |= {"history": vars(self.history), "best": vars(self.best)}
            state["random"] = distributed.from_all(random_state())
            if distributed.rank() == 0:
                save(self.file, state)
            # a rank that is ahead would look for a file that is not there yet
            distributed.wait_for_all()

    def is_stale(self, patience: int | None) -> bool:
        """Whether the validation loss has not improved for ``patience`` epochs."""
        return patience is not None and len(self.history) - self.best.epoch >= patience

    def back_to_best(self) -> None:
        """Give the model the weights it had after its best epoch."""
        if self.best.weights is not None:
            self.model.load_state_dict(self.best.weights)
