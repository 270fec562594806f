"""Files that are whole or not there, and never run code."""

import pickle

import pytest
import torch

from course_utils.training.checkpoints import CheckpointError, load, random_state, restore_random_state, save


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


def test_random_numbers_go_on_where_they_were():
    state = random_state()
    first = torch.rand(4)
    restore_random_state(state)
    assert torch.equal(torch.rand(4), first)
