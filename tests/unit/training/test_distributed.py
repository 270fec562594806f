"""Two processes give the results of one; a killed run continues bit for bit; an error ends all processes.

The tests that start processes have a long time limit, so that they do not fail on a busy machine.
"""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import two_processes
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_utils.training import TrainingError, checkpoints, distributed, fit, seed_everything

ROOT = Path(__file__).parents[3]
TRAIN = ROOT / "notebooks/scripts/train.py"
# seconds until a process counts as hanging
PATIENCE = 300
SETTINGS = {"COURSE_DATA": "/nonexistent", "COURSE_DOWNLOAD": "0", "COURSE_DEVICE": "cpu"}


def start(command, **variables):
    """Run a command with no data and no network, on one thread per process."""
    environment = os.environ | SETTINGS | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"} | variables
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The results of all scenarios, for each of two processes."""
    file = tmp_path_factory.mktemp("two") / "results.pt"
    done = start([*distributed.torchrun(2), two_processes.__file__, str(file)])
    assert done.returncode == 0, done.stderr
    return torch.load(file)


def assert_close(ours, expected):
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)


def compare(result, expected):
    """Compare weights, history, scores and outputs of two trainings; times and random numbers may differ."""
    assert_close(result["weights"], expected["weights"])
    for name, values in expected["history"].items():
        if name != "seconds" and values[0] is not None:
            assert_close(torch.tensor(result["history"][name]), torch.tensor(values))
    for name in expected.keys() - {"weights", "history"}:
        assert_close(result[name], expected[name])


def test_two_processes_equal_one(two):
    for name in ("loader", "idle", "sparse"):
        expected = getattr(two_processes, name)()
        for process in two:
            compare(process[name], expected)


def test_two_processes_equal_one_for_all_sizes_of_the_last_batch(two):
    for number, expected in enumerate(two_processes.uneven()):
        for process in two:
            compare(process["uneven"][number], expected)


def test_all_processes_end_with_the_same_bits(two):
    first, second = two
    for name in ("loader", "idle", "sparse"):
        assert all(map(torch.equal, first[name]["weights"], second[name]["weights"]))
    for ours, theirs in zip(first["randomness"], second["randomness"], strict=True):
        assert all(map(torch.equal, ours["weights"], theirs["weights"]))


def test_an_epoch_counts_every_image_once(two):
    for images in zip(*(process["seen"] for process in two), strict=True):
        first, second = images
        assert sorted(sum(first + second, [])) == list(range(43))
        assert all(0 <= len(a) - len(b) <= 1 for a, b in zip(first, second, strict=True))
    # in the order of one process, from images in memory and from a DataLoader
    for alone, *shares in zip(two_processes.seen(), *(process["seen"] for process in two), strict=True):
        assert alone == [a + b for a, b in zip(*shares, strict=True)]


def test_each_process_has_its_own_random_numbers_and_they_repeat(two):
    (a, b), (c, d) = (process["randomness"] for process in two)
    assert torch.equal(a["next"], b["next"]) and torch.equal(c["next"], d["next"])
    assert not torch.equal(a["next"], c["next"])
    assert a["history"]["batch_losses"] == b["history"]["batch_losses"] == c["history"]["batch_losses"]


def test_two_processes_resume_bit_equal_from_one_checkpoint(two):
    for process in two:
        (whole, parts), states, files = process["resumed"]
        assert all(map(torch.equal, whole["weights"], parts["weights"]))
        assert whole["history"]["batch_losses"] == parts["history"]["batch_losses"]
        assert (states, files) == (2, 2)


@given(count=st.integers(1, 300), size=st.integers(1, 40))
def test_shares_are_even_and_complete(count, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "size", lambda: size)
        shares = []
        for rank in range(size):
            patch.setattr(distributed, "rank", lambda rank=rank: rank)
            shares.append(list(range(count))[distributed.share(count)])
    assert sum(shares, []) == list(range(count)) and shares[0]
    lengths = [len(share) for share in shares]
    assert max(lengths) - min(lengths) <= 1


def by_hand(model, data, order, group, lr=0.1):
    """Each step is taken along the gradient of a group of images at once."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for part in order.split(group):
        x, y = data.batch(part)
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


@pytest.mark.parametrize(("count", "accumulate"), [(48, 3), (45, 3), (41, 2), (50, 4), (7, 5)])
def test_accumulating_equals_one_large_batch(count, accumulate):
    data = two_processes.images(count)
    seed_everything(0)
    ours, theirs = two_processes.network(), two_processes.network()
    theirs.load_state_dict(ours.state_dict())
    torch.manual_seed(1)
    by_hand(theirs, data, torch.randperm(count), group=8 * accumulate)
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1, momentum=0.9)
    fit(ours, data, epochs=1, optimizer=optimizer, batch_size=8, accumulate=accumulate, progress=False)
    torch.testing.assert_close(list(ours.parameters()), list(theirs.parameters()), rtol=0, atol=1e-6)


def test_a_schedule_advances_once_per_step_when_accumulating():
    model = two_processes.network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    options = {"optimizer": optimizer, "scheduler": schedule, "scheduler_step": "batch", "progress": False}
    # 5 batches, 3 steps
    fit(model, two_processes.images(40), epochs=1, batch_size=8, accumulate=2, **options)
    assert optimizer.param_groups[0]["lr"] == 0.5**3


@pytest.mark.parametrize("accumulate", [0, -1, 1.5, "2"])
def test_accumulate_must_be_a_number_of_batches(accumulate):
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TrainingError, match="accumulate must be a positive integer"):
        fit(model, two_processes.images(4), epochs=1, optimizer=optimizer, accumulate=accumulate)


def test_a_single_process_shares_nothing():
    assert (distributed.rank(), distributed.size(), distributed.share(7)) == (0, 1, slice(0, 7))
    value = object()
    assert distributed.from_first(value) is value and distributed.from_all(value) == [value]


# 10 steps per epoch
SCRIPT = ("--epochs=3", "--images=300", "--batch-size=32")


def weights(file):
    return list(checkpoints.load(file)["model"].values())


@pytest.fixture
def kill_at():
    # in the second or third epoch
    return int(torch.randint(11, 31, ()))


def assert_equal_ends(whole, killed, kill_at):
    """The weights of both runs are bit-equal, and no half-written checkpoint is left."""
    assert all(map(torch.equal, weights(whole), weights(killed))), f"killed at step {kill_at}"
    assert {file.name for file in whole.parent.glob("*.pt")} == {"killed.pt", "whole.pt"}


def test_killed_and_started_again_is_bit_equal_to_not_killed(kill_at, tmp_path, monkeypatch, one_thread):
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    whole, killed = tmp_path / "whole.pt", tmp_path / "killed.pt"
    script = [str(TRAIN), *SCRIPT, "--checkpoint"]
    assert start([sys.executable, *script, str(killed), f"--kill-at={kill_at}"]).returncode != 0
    assert len(checkpoints.load(killed)["history"]["train_loss"]) < 3
    # in this process, which has PyTorch already
    for file in (whole, killed):
        monkeypatch.setattr(sys, "argv", [*script, str(file)])
        with pytest.warns(UserWarning, match="stand-in"):
            runpy.run_path(str(TRAIN), run_name="__main__")
    assert_equal_ends(whole, killed, kill_at)


def test_torchrun_restarts_a_killed_run_which_ends_bit_equal(kill_at, tmp_path):
    whole, killed = tmp_path / "whole.pt", tmp_path / "killed.pt"
    launch, script = distributed.torchrun(2), [str(TRAIN), *SCRIPT, "--checkpoint"]
    done = start([*launch, *script, str(whole)])
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("| 0/30 [") == 1, "one progress bar, however many processes"
    # PyTorch issue 135712
    own_store = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    done = start([*launch, "--max-restarts=1", *script, str(killed), f"--kill-at={kill_at}"], **own_store)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("[00:00<?") == 2, "a second attempt begins, in the middle"
    assert_equal_ends(whole, killed, kill_at)


def test_an_error_in_one_process_ends_all_and_is_shown_also_on_windows(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "")
    monkeypatch.setattr(sys, "platform", "win32")
    # the processes meet through a file, which works on this system too
    command = distributed.torchrun(2)
    monkeypatch.undo()
    assert "--standalone" not in command
    script = tmp_path / "fails.py"
    script.write_text(
        "from torch.distributed.elastic.multiprocessing.errors import record\n"
        "from course_utils.training import distributed\n"
        "@record\n"
        "def main():\n"
        "    with distributed.processes():\n"
        "        if distributed.rank() == 1:\n"
        "            raise ValueError('image 17 is damaged')\n"
        "        distributed.from_all(0)\n"
        "main()\n"
    )
    done = start([*command, str(script)], TORCH_DISABLE_SHARE_RDZV_TCP_STORE="1", USE_LIBUV="0")
    assert done.returncode != 0
    assert "image 17 is damaged" in done.stderr
