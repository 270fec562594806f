"""A training run that is saved after each epoch and can be continued, with the same parts and settings."""

import copy
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_utils.training import distributed, random_state
from course_utils.training.checkpoints import load, save
from course_utils.training.errors import CheckpointError
from course_utils.training.history import History
from course_utils.training.plain import State, differences, plain

# how an optimizer computes, not what: each run may choose
IMPLEMENTATION = ("foreach", "fused", "capturable", "differentiable")

Part = nn.Module | Optimizer | LRScheduler


@dataclass
class Best:
    """The epoch with the smallest validation loss so far, and the weights after it."""

    epoch: int = 0
    loss: float = float("inf")
    weights: dict[str, Tensor] | None = None


class Run:
    """A training run that can be saved to a file and continued: its parts, its history, its best weights.

    If multiple processes work together, the first one writes and all read, so all of them must see the file.

    Args:
        model: the network that is trained.
        optimizer: of its parameters.
        scheduler: of the optimizer, if there is one.
        file: where the run is saved after each epoch; None saves nothing.
        generators: random number generators of the data, besides the global ones.

    Raises:
        CheckpointError: If the run could be saved but not loaded again.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LRScheduler | None = None,
        file: str | Path | None = None,
        generators: list[torch.Generator] | None = None,
    ):
        self.model, self.file, self.generators = model, file, generators or []
        self.parts: dict[str, Part] = {"model": model, "optimizer": optimizer}
        if scheduler is not None:
            self.parts["scheduler"] = scheduler
        self.history, self.best = History(), Best()
        # set when the run starts and kept when it continues, so that other settings are noticed
        self.settings: State = _settings(self.parts) if file else {}
        self.written: tuple[int, int, int] | None = None
        if file:
            plain(self._state())

    def is_saved(self) -> bool:
        """Whether the file of the run exists."""
        return self.file is not None and Path(self.file).exists()

    def resume(self) -> None:
        """Continue the run that is saved in the file, if there is one.

        Raises:
            CheckpointError: If the file cannot be read, or was written by a run with other parts or settings.
        """
        if self.file is None or not self.is_saved():
            return
        state = load(self.file)
        try:
            self._check_settings(state)
            for name, part in self.parts.items():
                _load_part(part, state[name])
            self.history, self.best = History(**state["history"]), Best(**state["best"])
            # a rank that was not there when the file was written has no saved state
            if distributed.rank() < len(state["random"]):
                random_state.restore(state["random"][distributed.rank()], self.generators)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(
                f"{self.file} was written by another model ({' '.join(str(error).split())[:200]}). "
                "Choose another name for this run."
            ) from None
        self.settings, self.written = state["settings"], _signature(self.file)

    def finish_epoch(self, epoch: History, *, keep_best: bool) -> None:
        """Record one epoch, remember the best weights so far, write the checkpoint.

        If the disk is full, a warning says so, and the next epoch tries again.

        Raises:
            CheckpointError: If another run has written the file.
        """
        self.history = self.history + epoch
        loss = epoch.val_loss[0]
        if keep_best and loss is not None and loss < self.best.loss:
            self.best = Best(len(self.history), loss, copy.deepcopy(self.model.state_dict()))
        if self.file:
            state = self._state()
            state["random"] = distributed.from_all(random_state.get(self.generators))
            if distributed.rank() == 0:
                self._write(self.file, state)
            # a rank that is ahead would look for a file that is not there yet
            distributed.wait_for_all()

    def is_stale(self, patience: int | None) -> bool:
        """Whether the validation loss has not improved for ``patience`` epochs."""
        return patience is not None and len(self.history) - self.best.epoch >= patience

    def back_to_best(self) -> None:
        """Give the model the weights it had after its best epoch."""
        if self.best.weights is not None:
            self.model.load_state_dict(self.best.weights)

    def _state(self) -> State:
        state: State = {name: part.state_dict() for name, part in self.parts.items()}
        return state | {"history": vars(self.history), "best": vars(self.best), "settings": self.settings}

    def _write(self, file: str | Path, state: State) -> None:
        if Path(file).exists() and _signature(file) != self.written:
            raise CheckpointError(
                f"Another run has written {file} in the meantime, so it is not overwritten after epoch "
                f"{len(self.history)} of this run. Choose a different name for each run."
            )
        try:
            save(file, state)
        except CheckpointError as error:
            if not isinstance(error.__cause__, OSError | RuntimeError):
                raise
            warnings.warn(f"Epoch {len(self.history)}: {error} The training continues.", stacklevel=4)
        else:
            self.written = _signature(file)

    def _check_settings(self, saved: State) -> None:
        """Compare with the settings at the start of the saved run, and with those it had when it was saved."""
        if saved.get("settings", {}).keys() != self.settings.keys():
            raise CheckpointError(
                f"{self.file} was written by a run with other parts; a scheduler was added or left out. "
                "Choose another name for this run."
            )
        for name, given in self.settings.items():
            before, class_name = saved["settings"][name], given["class"]
            if before["class"] != class_name:
                raise CheckpointError(
                    f"{self.file} was written with the {name} {before['class']}; this run has {class_name}. "
                    "Choose another name for this run."
                )
            at_start = differences(before["values"], given["values"])
            if at_start and differences(_values(saved[name]), given["values"]):
                raise CheckpointError(
                    f"{self.file} was written with other settings of the {name}: {', '.join(at_start)}. "
                    "Continue with the saved settings, or choose another name for this run."
                )


def _settings(parts: dict[str, Part]) -> State:
    """Class and settings of optimizer and scheduler."""
    return {
        name: {"class": type(part).__name__, "values": plain(copy.deepcopy(_values(part.state_dict())))}
        for name, part in parts.items()
        if not isinstance(part, nn.Module)
    }


def _values(state: State) -> State:
    """The settings that were chosen for an optimizer or a scheduler: of an optimizer's state, the parameter groups."""
    if "param_groups" not in state:
        return state
    left_out = ("params", *IMPLEMENTATION)
    groups = [
        {name: value for name, value in group.items() if name not in left_out}
        for group in state["param_groups"]
    ]
    return groups[0] if len(groups) == 1 else {f"group {i}": group for i, group in enumerate(groups)}


def _load_part(part: Part, state: State) -> None:
    """Load a part's state; an optimizer keeps the implementation that it was made with."""
    groups = part.param_groups if isinstance(part, Optimizer) else []
    chosen = [{name: group[name] for name in IMPLEMENTATION if name in group} for group in groups]
    part.load_state_dict(state)
    for group, implementation in zip(getattr(part, "param_groups", []), chosen, strict=False):
        group.update(implementation)


def _signature(file: str | Path) -> tuple[int, int, int]:
    """A value that changes if the file is replaced by another one."""
    status = os.stat(file)
    return status.st_ino, status.st_mtime_ns, status.st_size
