"""fit, evaluate and predict against the same loop written by hand; resuming, stopping, precision."""

import copy
import os
import subprocess
import sys

import numpy
import pytest
import torch
import torch.nn.functional as F
from mistakes_in_training import images, network
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import training
from course_utils.training import TrainingError, checkpoints, evaluate, fit, predict, seed_everything


def run(model, data, optimizer=None, **options):
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    return fit(
        model, data, optimizer=optimizer, **{"epochs": 1, "batch_size": 16, "progress": False} | options
    )


def by_hand(model, loader, optimizer, epochs):
    """The loop of the course, as plainly as it can be written; returns the loss of each step."""
    losses = []
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop])
def test_fit_gives_the_losses_of_the_loop_by_hand(make):
    data, model = images(), network()
    twin = copy.deepcopy(model)
    loader = DataLoader(TensorDataset(*data[:]), batch_size=16, shuffle=True)
    torch.manual_seed(1)
    expected = by_hand(twin, loader, make(twin.parameters(), lr=0.01), epochs=3)
    torch.manual_seed(1)
    history = run(model, loader, make(model.parameters(), lr=0.01), epochs=3)
    torch.testing.assert_close(torch.tensor(history.batch_losses), torch.tensor(expected), rtol=0, atol=1e-6)


def test_images_that_stay_resident_give_the_losses_of_a_loader():
    data, model = images(), network()
    twin = copy.deepcopy(model)
    seed_everything(5)
    order = torch.randperm(len(data))
    expected = by_hand(
        twin, [data.batch(part) for part in order.split(16)], torch.optim.SGD(twin.parameters(), 0.1), 1
    )
    seed_everything(5)
    assert run(model, data).batch_losses == pytest.approx(expected, abs=1e-6)


def test_the_epochs_loss_is_the_mean_over_images_not_over_batches():
    data, model = images(count=40), network()  # batches of 16, 16 and 8
    history = run(model, data)
    a, b, c = history.batch_losses
    assert history.train_loss[0] == pytest.approx((16 * a + 16 * b + 8 * c) / 40, abs=1e-6)


def test_a_seed_gives_the_same_history_bit_for_bit():
    histories = []
    for _ in range(2):
        seed_everything(3)
        histories.append(run(network(), images(), epochs=2, validation=images(seed=1)))
    first, second = histories
    assert first.batch_losses == second.batch_losses
    assert (first.val_loss, first.val_accuracy) == (second.val_loss, second.val_accuracy)


def test_seed_everything_seeds_numpy_and_python_too():
    import random

    draws = []
    for _ in range(2):
        seed_everything(7)
        draws.append((torch.rand(()).item(), numpy.random.rand(), random.random()))
    assert draws[0] == draws[1]


def test_evaluate_equals_one_batch_of_everything():
    data, model = images(), network()
    with torch.no_grad():
        out, y = model(data[:][0]), data.labels
    scores = evaluate(model, data, batch_size=7)
    assert scores.loss == pytest.approx(F.cross_entropy(out, y).item(), abs=1e-6)
    assert scores.accuracy == pytest.approx((out.argmax(1) == y).float().mean().item(), abs=1e-6)


@pytest.mark.parametrize("mode", [True, False])
def test_measuring_leaves_the_model_as_it_was(mode):
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(36), nn.Dropout(), nn.Linear(36, 3)).train(mode)
    model[2].train(not mode)
    before = copy.deepcopy(model.state_dict())
    first, second = evaluate(model, images()), evaluate(model, images())
    predict(model, images())
    assert [m.training for m in (model, model[1], model[2])] == [mode, mode, not mode] and first == second
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    assert all(p.grad is None for p in model.parameters())


def test_predict_keeps_the_order_of_the_images():
    data, model = images(), network()
    with torch.no_grad():
        expected = model(data[:][0])
    torch.testing.assert_close(predict(model, data, batch_size=7), expected)


def test_regression_has_a_loss_and_no_accuracy():
    x = torch.randn(32, 2)
    data = TensorDataset(x, x.sum(1, keepdim=True))
    model = nn.Linear(2, 1)
    history = run(model, data, epochs=30, loss=F.mse_loss, validation=data)
    assert history.train_accuracy == [None] * 30
    assert history.val_loss[-1] < 1e-2 < history.val_loss[0]
    assert "accuracy" not in repr(history) and "accuracy" not in repr(evaluate(model, data, F.mse_loss))


@pytest.mark.parametrize("unit", ["epoch", "batch"])
def test_a_schedule_moves_on_once_an_epoch_or_once_a_batch(unit):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    history = run(model, images(), optimizer, epochs=2, scheduler=scheduler, scheduler_step=unit)
    assert history.lr == ([1.0, 0.5] if unit == "epoch" else [1.0, 0.125])


def test_a_schedule_that_watches_the_loss_is_given_the_validation_loss():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.1)
    history = run(model, images(), optimizer, epochs=4, scheduler=scheduler, validation=images(seed=1))
    assert history.lr[-1] < history.lr[0]


def test_early_stopping_waits_and_goes_back_to_the_best_weights():
    data, other, model = images(), images(seed=9), network()
    history = run(model, data, epochs=200, validation=other, patience=3)
    best = history.val_loss.index(min(history.val_loss))
    assert len(history) == best + 4 < 200
    assert evaluate(model, other).loss == pytest.approx(history.val_loss[best], abs=1e-6)


def resumable(model, file, epochs, resume=False):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12)
    options = {
        "scheduler": scheduler,
        "scheduler_step": "batch",
        "validation": images(seed=1),
        "patience": 50,
    }
    return run(model, images(), optimizer, epochs=epochs, checkpoint=file, resume=resume, **options)


def test_a_resumed_run_is_bit_equal_to_one_that_never_stopped(tmp_path):
    seed_everything(0)
    whole = network()
    dropout = nn.Sequential(nn.Dropout(0.3), whole)
    uninterrupted = resumable(dropout, tmp_path / "whole.pt", epochs=4)
    seed_everything(0)
    parts = nn.Sequential(nn.Dropout(0.3), network())
    resumable(parts, tmp_path / "parts.pt", epochs=2)
    torch.manual_seed(12345)  # whatever happened in between
    fresh = nn.Sequential(nn.Dropout(0.3), network(seed=8))
    resumed = resumable(fresh, tmp_path / "parts.pt", epochs=4, resume=True)
    assert resumed.batch_losses == uninterrupted.batch_losses
    assert resumed.val_loss == uninterrupted.val_loss and len(resumed) == 4
    for ours, theirs in zip(fresh.parameters(), dropout.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_an_existing_checkpoint_is_not_overwritten(tmp_path):
    file = tmp_path / "run.pt"
    resumable(network(), file, epochs=1)
    before = file.read_bytes()
    with pytest.raises(checkpoints.CheckpointError, match="resume=True"):
        resumable(network(), file, epochs=1)
    assert file.read_bytes() == before


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    resumable(network(), tmp_path / "run.pt", epochs=1)
    with pytest.raises(checkpoints.CheckpointError, match="another model"):
        resumable(network(classes=4), tmp_path / "run.pt", epochs=2, resume=True)


class Interrupting(nn.Module):
    """A loss that is interrupted, as by Ctrl-C, at its n-th use."""

    def __init__(self, at):
        super().__init__()
        self.left = at

    def forward(self, out, y):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return F.cross_entropy(out, y)


def test_ctrl_c_returns_the_whole_epochs(capsys):
    # three steps per epoch: the eighth is in the third epoch
    history = run(network(), images(), epochs=9, loss=Interrupting(at=8))
    assert len(history) == 2 and len(history.batch_losses) == 6
    assert "2 whole epochs of 9" in capsys.readouterr().out


def test_a_loss_that_is_no_number_names_epoch_and_step():
    class Exploding(Interrupting):
        def forward(self, out, y):
            self.left -= 1
            return F.cross_entropy(out, y) * (float("nan") if self.left == 0 else 1)

    with pytest.raises(TrainingError, match="nan in epoch 2, step 2.*learning rate"):
        run(network(), images(), epochs=5, loss=Exploding(at=5))


def test_bfloat16_trains_about_as_well_and_leaves_weights_in_float32():
    losses = {}
    for precision in ("float32", "bf16"):
        seed_everything(0)
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
        losses[precision] = run(model, images(), epochs=3, precision=precision).train_loss[-1]
        assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert losses["bf16"] != losses["float32"]
    assert losses["bf16"] == pytest.approx(losses["float32"], rel=0.02)


def test_a_new_optimizer_takes_the_fused_step_and_a_chosen_one_is_left_alone():
    model = network()
    new = torch.optim.SGD(model.parameters(), lr=0.1)
    chosen = torch.optim.SGD(model.parameters(), lr=0.1, foreach=True)
    seen = {}
    for optimizer in (new, chosen):
        optimizer.register_step_post_hook(lambda o, *_: seen.update({o: o.param_groups[0]["fused"]}))
        run(model, images(), optimizer)
        assert optimizer.param_groups[0]["fused"] is None
    assert seen == {new: True, chosen: None}


def test_nothing_heavy_is_imported_before_it_is_needed():
    heavy = ("matplotlib", "sklearn", "pandas", "torchvision", "torchviz", "IPython")
    code = (
        "import sys, torch; before = set(sys.modules)\n"
        "from course_utils import checks, claims, data, device, graphs, machine, metrics, models, plots, training\n"
        f"print([m for m in {heavy} if m in sys.modules and m not in before])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "[]"


def test_public_functions_are_documented():
    for name in training.__all__:
        assert getattr(training, name).__doc__
