"""Files that are whole or not there, and never run code."""

import pickle
import random
from pathlib import Path

import numpy
import pytest
import torch

from course_utils.training import CheckpointError, random_state
from course_utils.training.checkpoints import load, save


def test_what_is_saved_comes_back(tmp_path):
    state = {"weights": torch.randn(3, 3), "history": {"loss": [1.0, None]}, "epoch": 2}
    save(tmp_path / "run.pt", state)
    back = load(tmp_path / "run.pt")
    assert torch.equal(back.pop("weights"), state.pop("weights")) and back == state


def test_a_save_that_fails_leaves_the_old_file_and_no_new_one(tmp_path, monkeypatch):
    file = tmp_path / "run.pt"
    save(file, {"epoch": 1})

    def half_written(state, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half_written)
    with pytest.raises(CheckpointError, match="disk full"):
        save(file, {"epoch": 2})
    assert load(file) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="folder that exists"):
        save(tmp_path / "nowhere" / "run.pt", {})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint .*run\.pt"):
        load(tmp_path / "run.pt")


@pytest.mark.parametrize("keep", [0, 10, 500])
def test_a_damaged_file_is_refused(tmp_path, keep):
    file = tmp_path / "run.pt"
    save(file, {"weights": torch.zeros(100)})
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="damaged"):
        load(file)


class Evil:
    ran = False

    def __reduce__(self):
        return setattr, (Evil, "ran", True)


@pytest.mark.parametrize("write", [torch.save, lambda state, path: path.write_bytes(pickle.dumps(state))])
def test_a_file_from_elsewhere_cannot_run_code(tmp_path, write):
    write({"model": Evil()}, tmp_path / "run.pt")
    with pytest.raises(CheckpointError):
        load(tmp_path / "run.pt")
    assert not Evil.ran


def test_random_numbers_continue_where_they_were():
    loader = torch.Generator()

    def draw():
        return (
            torch.rand(4).tolist(),
            random.random(),
            numpy.random.rand(),
            torch.rand(2, generator=loader).tolist(),
        )

    state = random_state.get([loader])
    first = draw()
    random_state.restore(state, [loader])
    assert draw() == first


def damages():
    """A bit of a checkpoint changed, at places all over the file."""
    draw = torch.Generator().manual_seed(0)
    return torch.rand(40, generator=draw).tolist()


@pytest.mark.parametrize("place", damages())
def test_a_changed_byte_is_noticed_or_changes_nothing(tmp_path, place):
    file = tmp_path / "run.pt"
    weights = torch.arange(500.0)
    save(file, {"weights": weights})
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 16
    file.write_bytes(content)
    try:
        found = load(file)
    except CheckpointError as error:
        assert "damaged" in str(error)
    else:
        assert torch.equal(found["weights"], weights)


def test_numbers_of_numpy_are_saved_as_pythons(tmp_path):
    state = {
        "lr": numpy.float64(0.1),
        "groups": [{"decay": numpy.float32(0.5), numpy.int64(3): (numpy.bool_(True),)}],
    }
    save(tmp_path / "run.pt", state)
    back = load(tmp_path / "run.pt")
    assert back == {"lr": 0.1, "groups": [{"decay": 0.5, 3: (True,)}]} and type(back["lr"]) is float


@pytest.mark.parametrize("value", [lambda x: x, numpy.zeros(2), Evil(), Path("x"), {"a": [Evil]}])
def test_what_load_would_refuse_is_refused_by_save(tmp_path, value):
    with pytest.raises(CheckpointError, match=r"cannot hold state\['extra'\]"):
        save(tmp_path / "run.pt", {"extra": value})
    assert not list(tmp_path.iterdir())
