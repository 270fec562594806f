"""Run a trained network: ``evaluate`` measures it on a data set, ``predict`` returns its outputs."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.training import distributed
from course_utils.training.batches import Batch, Batches, Source
from course_utils.training.errors import TrainingError, describe, first_line
from course_utils.training.loss import CheckedLoss, Loss, are_labels


class Scores(NamedTuple):
    """The result of ``evaluate``: the mean loss, and the fraction of right answers (None without class labels)."""

    loss: float
    accuracy: float | None

    def __repr__(self) -> str:
        return f"loss {self.loss:.4f}" + (
            "" if self.accuracy is None else f", accuracy {100 * self.accuracy:.2f} %"
        )


@dataclass
class Tally:
    """The results of the batches of one pass. They stay tensors until its end: reading one makes a GPU wait.

    Attributes:
        losses: the mean loss of each batch.
        right: how many items of each batch are classified right; empty if the targets are not class labels.
        sizes: how many items of each batch count.
    """

    losses: list[Tensor] = field(default_factory=list)
    right: list[Tensor] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, loss: Tensor, out: object, batch: Batch) -> None:
        """Add the results of one batch; answers are read from the first tensor of ``out``, ``(B, classes)``."""
        value = loss.detach()
        self.losses.append(value if value.dim() == 0 else value.reshape(()))
        scores = first_tensor(out)
        if are_labels(batch.y) and scores is not None and scores.dim() == 2 and scores.shape[1] > 1:
            self.right.append((scores.argmax(1) == batch.y).sum())
        self.sizes.append(batch.size)

    def of_all_processes(self) -> "Tally":
        """The results of the same batches in all processes together."""
        return Tally(*distributed.join_batches(self.losses, self.right, self.sizes))

    def scores(self) -> Scores:
        """Means over the items: batches may differ in size, so the mean of the batch means would be wrong."""
        weights = torch.tensor(self.sizes, dtype=torch.float64)
        loss = (torch.stack(self.losses).cpu().double() * weights).sum() / weights.sum()
        accuracy = (torch.stack(self.right).cpu().sum() / weights.sum()).item() if self.right else None
        return Scores(loss.item(), accuracy)


def evaluate(
    model: nn.Module, dataset: Source, loss: Loss = F.cross_entropy, batch_size: int = 512
) -> Scores:
    """Measure the mean loss and the accuracy of ``model`` on a data set. Notebook 06.

    Runs in eval mode without gradients, and leaves the model in the mode it was found in. Of a tuple or dict of
    outputs, ``loss`` receives all, and the accuracy is that of the first tensor.

    Raises:
        TrainingError: If the data set is empty, or the model cannot take its items.
    """
    batches = Batches(dataset, batch_size, device_of(model), shuffle=False)
    return measure(model, batches, CheckedLoss(loss, dataset))


def measure(model: nn.Module, batches: Batches, loss: Loss) -> Scores:
    """Measure the mean loss and the accuracy, without training."""
    tally = Tally()
    with eval_mode(model):
        for batch in batches:
            out = forward(model, batch.x)
            tally.add(loss(out, batch.y), out, batch)
    return tally.of_all_processes().scores()


def predict(model: nn.Module, dataset: Source, batch_size: int = 512) -> Tensor:
    """Return the model's outputs for all items, in their order, on the CPU: ``(N, classes)``. Notebook 09.

    Runs in eval mode without gradients, and leaves the model in the mode it was found in. Of a tuple or dict of
    outputs, the first tensor is returned.

    Raises:
        TrainingError: If the data set is empty, or the model cannot take its items.
    """
    batches = Batches(dataset, batch_size, device_of(model), shuffle=False)
    with eval_mode(model):
        parts = [_outputs(model, batch) for batch in batches]
    return torch.cat([part for shares in zip(*distributed.from_all(parts), strict=True) for part in shares])


def _outputs(model: nn.Module, batch: Batch) -> Tensor:
    out = forward(model, batch.x)
    scores = first_tensor(out)
    if scores is None:
        raise TrainingError(f"The model returns something {describe(out)}, which holds no tensor.")
    return scores.float().cpu()[: batch.size]


@contextlib.contextmanager
def modes_restored(model: nn.Module) -> Iterator[None]:
    """Afterwards each module is in its old mode again, training or evaluation."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextlib.contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Inside, the model is in eval mode and records no gradients; afterwards each module is in its old mode again."""
    # not inference_mode: tensors that a module makes and keeps here must be usable in training
    with modes_restored(model), torch.no_grad():
        model.eval()
        yield


def forward(model: nn.Module, x: Tensor) -> object:
    """``model(x)``: a tensor, or a tuple or dict of tensors. If the model cannot take x, the error names its shape.

    Raises:
        TrainingError: If the model cannot take the batch.
    """
    try:
        out: object = model(x)
    except TrainingError:
        raise
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise TrainingError(
            f"The model cannot take a batch {describe(x)}.\nPyTorch says: {first_line(error)}\n"
            "Try model(x) on one batch, and print the shape after each layer."
        ) from error
    return out


def takes_channels_last(model: nn.Module, x: Tensor) -> bool:
    """Whether the model can take images ``(B, C, H, W)`` that have the channels last in memory.

    It cannot if it calls ``view`` on a feature map, for example. Tried in eval mode; the model is not changed.
    """
    devices = [x.device] if x.device.type == "cuda" else []
    try:
        with eval_mode(model), torch.random.fork_rng(devices):
            model(x.to(memory_format=torch.channels_last))
    except RuntimeError:
        return False
    return True


def first_tensor(out: object) -> Tensor | None:
    """The output itself, or the first tensor of a tuple, list or dict; None if there is none."""
    if isinstance(out, Tensor):
        return out
    parts = out.values() if isinstance(out, dict) else out if isinstance(out, list | tuple) else ()
    return next((part for part in parts if isinstance(part, Tensor)), None)


def device_of(model: nn.Module) -> torch.device:
    """The device that holds all of the model's parameters and buffers; the CPU for a model without any.

    Raises:
        TrainingError: If they are on several devices.
    """
    devices = {tensor.device for tensor in [*model.parameters(), *model.buffers()]}
    if len(devices) > 1:
        names = ", ".join(sorted(map(str, devices)))
        raise TrainingError(
            f"The model is on several devices: {names}. Move all of it with model.to(device), and register "
            "your own tensors as nn.Parameter or with register_buffer, so that they move too."
        )
    return devices.pop() if devices else torch.device("cpu")
