"""Shares are fair, accumulation equals one large batch, a killed run goes on as if nothing had happened.

Each test that starts processes waits long, so that a busy machine does not fail it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_utils import checkpoints, distributed
from course_utils.data import ImageSet
from course_utils.training import TrainingError, fit, seed_everything

ROOT = Path(__file__).parents[2]
TRAIN = ROOT / "notebooks/scripts/train.py"
PATIENCE = 300  # seconds until a start counts as hanging


def start(command):
    """Run a command with no data and no network, on one thread."""
    environment = os.environ | {"COURSE_DATA": "/nonexistent", "COURSE_DOWNLOAD": "0", "OMP_NUM_THREADS": "1"}
    environment |= {"COURSE_DEVICE": "cpu", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE)


def images(count):
    draw = torch.Generator().manual_seed(count)
    pixels = torch.randint(0, 256, (count, 1, 6, 6), generator=draw, dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % 3, ("a", "b", "c"))


def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 3))


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
    data = images(count)
    seed_everything(0)
    ours, theirs = network(), network()
    theirs.load_state_dict(ours.state_dict())
    torch.manual_seed(1)
    by_hand(theirs, data, torch.randperm(count), group=8 * accumulate)
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1, momentum=0.9)
    fit(ours, data, epochs=1, optimizer=optimizer, batch_size=8, accumulate=accumulate, progress=False)
    torch.testing.assert_close(list(ours.parameters()), list(theirs.parameters()), rtol=0, atol=1e-6)


def test_a_schedule_moves_on_once_a_step_when_accumulating():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    options = {"optimizer": optimizer, "scheduler": schedule, "scheduler_step": "batch", "progress": False}
    fit(model, images(40), epochs=1, batch_size=8, accumulate=2, **options)  # 5 batches, 3 steps
    assert optimizer.param_groups[0]["lr"] == 0.5**3


@pytest.mark.parametrize("accumulate", [0, -1, 1.5, "2"])
def test_accumulate_must_be_a_number_of_batches(accumulate):
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TrainingError, match="whole number of batches"):
        fit(model, images(4), epochs=1, optimizer=optimizer, accumulate=accumulate)


def test_alone_nothing_is_shared():
    assert (distributed.rank(), distributed.size(), distributed.share(7)) == (0, 1, slice(0, 7))
    value = object()
    assert distributed.from_first(value) is value and distributed.from_all(value) == [value]


SCRIPT = ("--epochs=3", "--images=300", "--batch-size=32")  # 10 steps an epoch


def weights(file):
    return list(checkpoints.load(file)["model"].values())


def test_killed_and_resumed_is_bit_equal_to_not_killed(tmp_path):
    kill_at = int(
        torch.randint(12, 31, ())
    )  # in the second or third epoch; fit tries the first batch once more
    whole, killed = tmp_path / "whole.pt", tmp_path / "killed.pt"
    command = [sys.executable, str(TRAIN), *SCRIPT, "--checkpoint"]
    assert start([*command, str(whole)]).returncode == 0
    assert start([*command, str(killed), f"--kill-at={kill_at}"]).returncode != 0
    assert len(checkpoints.load(killed)["history"]["train_loss"]) < 3
    done = start([*command, str(killed)])
    assert done.returncode == 0, done.stderr
    assert all(map(torch.equal, weights(whole), weights(killed))), f"killed at step {kill_at}"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".pt") == [
        "killed.pt",
        "whole.pt",
    ]
