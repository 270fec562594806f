"""The choice of the device, on machines with and without GPUs."""

import pytest
import torch

from course_utils.device import DeviceError, pick_device


@pytest.fixture
def machine(monkeypatch):
    """Simulate a machine: machine(free=[…] GiB for each GPU, mps=…)."""

    def pretend(free=(), mps=False):
        monkeypatch.delenv("COURSE_DEVICE", raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(free))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(free))
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda i: (free[i] * 2**30, 80 * 2**30))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("free", "mps", "expected"),
    [((), False, "cpu"), ((), True, "mps"), ((3, 70, 12), False, "cuda:1"), ((5,), True, "cuda:0")],
)
def test_the_best_device_is_picked_and_explained_in_a_line(machine, capsys, free, mps, expected):
    machine(free, mps)
    assert pick_device() == torch.device(expected)
    line = capsys.readouterr().out
    assert line.count("\n") == 1 and expected in line


def test_a_gpu_that_does_not_respond_is_not_picked(machine, monkeypatch):
    machine((0, 1))

    def ask(index):
        if index == 1:
            raise RuntimeError("out of memory")
        return 2**30, 2**33

    monkeypatch.setattr(torch.cuda, "mem_get_info", ask)
    assert pick_device() == torch.device("cuda:0")


def test_argument_before_environment_before_choice(machine, monkeypatch):
    machine((5, 6))
    monkeypatch.setenv("COURSE_DEVICE", "cuda:0")
    assert pick_device() == torch.device("cuda:0")
    assert pick_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "mps", "gpu", "cuda:7"])
def test_the_error_for_a_missing_device_lists_those_that_exist(machine, wanted):
    machine()
    with pytest.raises(DeviceError, match="This machine has: cpu|this machine has: cpu"):
        pick_device(wanted)
