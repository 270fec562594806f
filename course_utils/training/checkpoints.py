"""Save a state to a file and load it again, so that nothing half-written or damaged is used."""

import zipfile
from pathlib import Path

import torch

from course_utils.files import replacing
from course_utils.training.errors import CheckpointError, first_line
from course_utils.training.plain import State, plain


def save(path: str | Path, state: State) -> None:
    """Write ``state`` (tensors, numbers, lists, dicts) to ``path``, whole or not at all.

    Raises:
        CheckpointError: If the folder does not exist or cannot be written, or ``state`` holds something that ``load``
            would refuse.
    """
    state = plain(state)
    try:
        with replacing(Path(path)) as temporary:
            torch.save(state, temporary)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"The checkpoint {path} could not be written ({first_line(error)}). "
            "Try a file in a folder that exists and has space."
        ) from error


def load(path: str | Path) -> State:
    """Read a checkpoint; only tensors and plain values are accepted, so a file from elsewhere cannot run code.

    Raises:
        CheckpointError: If the file is missing, damaged, or holds more than plain values.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # torch.load does not compare the checksums that torch.save writes
            damaged = archive.testzip()
        if damaged:
            raise CheckpointError(f"the checksum of {damaged} is wrong")
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
