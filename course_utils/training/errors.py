"""The errors that training raises, and the words they describe tensors with."""

from torch import Tensor


class TrainingError(RuntimeError):
    """Model, data, loss and optimizer do not fit together; the message says what to try."""


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or read; the message says what to try."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its class if the message is empty."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def describe(value: object) -> str:
    """Shape and type of a tensor in words, or the name of the class of anything else."""
    if not isinstance(value, Tensor):
        return f"of type {type(value).__name__}"
    return f"of shape {tuple(value.shape)} and type {str(value.dtype).removeprefix('torch.')}"
