"""Resuming bit for bit whatever draws the random numbers, two writers, a full disk, and Ctrl-C at any moment."""

import random

import numpy
import pytest
import torch
import torch.nn.functional as F
from mistakes_in_training import images, network, sgd
from torch import nn
from torch.utils.data import DataLoader, Dataset

from course_utils.training import CheckpointError, checkpoints, fit, run, seed_everything


def train(file=None, epochs=2, model=None, make=sgd, schedule=None, data=None, **options):
    """Train the small network; return model and history."""
    model = model or network(nn.Dropout(0.2))
    optimizer = make(model.parameters())
    if schedule:
        options["scheduler"] = schedule(optimizer)
    call = {"epochs": epochs, "batch_size": 16, "progress": False, "checkpoint": file} | options
    return model, fit(model, data or images(), optimizer=optimizer, **call)


class Jittered(Dataset):
    """Images with noise that is drawn from all three global generators, also inside worker processes."""

    def __len__(self):
        return 24

    def __getitem__(self, index):
        noise = random.random() + numpy.random.rand() + torch.rand(()).item()
        return torch.full((1, 6, 6), noise), index % 3


def augmented_by_numpy():
    return {"augment": lambda x: x + float(numpy.random.normal())}


def augmented_by_python():
    return {"augment": lambda x: x * random.uniform(0.5, 1.5)}


def own_generator():
    generator = torch.Generator().manual_seed(7)
    return {"data": DataLoader(images(), 16, shuffle=True, generator=generator)}


def workers():
    generator = torch.Generator().manual_seed(7)
    return {"data": DataLoader(Jittered(), 8, shuffle=True, num_workers=2, generator=generator)}


@pytest.mark.parametrize("options", [augmented_by_numpy, augmented_by_python, own_generator, workers])
def test_a_resumed_run_is_bit_equal_whatever_draws_the_random_numbers(options, tmp_path):
    seed_everything(0)
    whole, uninterrupted = train(epochs=4, **options())
    seed_everything(0)
    train(tmp_path / "run.pt", epochs=2, **options())
    seed_everything(99)
    resumed, history = train(tmp_path / "run.pt", epochs=4, resume=True, **options())
    assert history.batch_losses == uninterrupted.batch_losses
    assert all(map(torch.equal, resumed.state_dict().values(), whole.state_dict().values()))


def test_persistent_workers_are_warned_of_with_a_checkpoint(tmp_path):
    loader = DataLoader(images(), 16, num_workers=1, persistent_workers=True)
    with pytest.warns(UserWarning, match="not bit for bit the run that did not stop") as found:
        train(tmp_path / "run.pt", data=loader)
    assert found[0].filename == __file__


SCHEDULES = {
    "StepLR": lambda o: torch.optim.lr_scheduler.StepLR(o, 1),
    "MultiStepLR": lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [1, 3]),
    "LambdaLR": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch),
    "OneCycleLR": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, numpy.float64(0.1), total_steps=9),
    "CyclicLR": lambda o: torch.optim.lr_scheduler.CyclicLR(o, 0.01, 0.1),
    "CosineAnnealingWarmRestarts": lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "ReduceLROnPlateau": lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=0.5),
    "SequentialLR": lambda o: torch.optim.lr_scheduler.SequentialLR(
        o,
        [torch.optim.lr_scheduler.LinearLR(o, 0.1, total_iters=2), torch.optim.lr_scheduler.StepLR(o, 1)],
        milestones=[2],
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_and_numpys_numbers_can_be_saved_and_resumed(name, tmp_path):
    def make(parameters):
        return sgd(parameters, lr=numpy.float64(0.1), momentum=numpy.float32(0.9))

    options = {"make": make, "schedule": SCHEDULES[name]}
    seed_everything(0)
    _, uninterrupted = train(epochs=4, **options)
    seed_everything(0)
    train(tmp_path / "run.pt", epochs=2, **options)
    _, history = train(tmp_path / "run.pt", epochs=4, resume=True, **options)
    assert history.batch_losses == uninterrupted.batch_losses and history.lr == uninterrupted.lr


def test_the_same_optimizer_and_schedule_can_continue_in_one_session(tmp_path):
    model = network()
    optimizer = sgd(model.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    for epochs in (2, 4):
        options = {"scheduler": schedule, "checkpoint": tmp_path / "run.pt", "resume": True}
        history = fit(model, images(), epochs=epochs, optimizer=optimizer, progress=False, **options)
    assert history.lr == pytest.approx([0.1, 0.01, 0.001, 0.0001])


def test_a_resumed_optimizer_keeps_the_form_that_was_chosen(tmp_path):
    train(tmp_path / "run.pt", epochs=1)
    model = network(nn.Dropout(0.2))
    optimizer = sgd(model.parameters(), foreach=True)
    options = {"checkpoint": tmp_path / "run.pt", "resume": True, "progress": False, "batch_size": 16}
    fit(model, images(), epochs=2, optimizer=optimizer, **options)
    assert optimizer.param_groups[0]["foreach"] is True and optimizer.param_groups[0]["fused"] is None


class Extra(nn.Linear):
    """A layer with a state that is not a plain value."""

    def get_extra_state(self):
        return {"activation": torch.relu}

    def set_extra_state(self, state):
        pass


def test_a_state_that_could_not_be_loaded_is_refused_before_training(tmp_path):
    model = nn.Sequential(nn.Flatten(), Extra(36, 3))
    before = model[1].weight.clone()
    with pytest.raises(CheckpointError, match="extra_state.*of type builtin_function"):
        train(tmp_path / "run.pt", model=model)
    assert torch.equal(model[1].weight, before) and not list(tmp_path.iterdir())


class Meddling(nn.Module):
    """A loss that does something else at its n-th use."""

    def __init__(self, at, meddle):
        super().__init__()
        self.left, self.meddle = at, meddle

    def forward(self, out, y):
        self.left -= 1
        if self.left == 0:
            self.meddle()
        return F.cross_entropy(out, y)


@pytest.mark.parametrize("at", [1, 5])
def test_a_second_run_that_writes_the_same_file_is_noticed(at, tmp_path):
    file = tmp_path / "run.pt"
    loss = Meddling(at, lambda: train(file, epochs=2, resume=True))
    with pytest.raises(CheckpointError, match="Another run has written"):
        train(file, epochs=3, loss=loss)
    assert len(checkpoints.load(file)["history"]["lr"]) == 2


def test_a_full_disk_is_a_warning_and_the_next_epoch_tries_again(tmp_path, monkeypatch):
    file, written = tmp_path / "run.pt", []

    def write(state, path):
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        original(state, path)

    original = torch.save
    monkeypatch.setattr(torch, "save", write)
    with pytest.warns(UserWarning, match="Epoch 2: .*No space left.*The training continues") as found:
        _, history = train(file, epochs=3)
    assert len(history) == 3 and len(checkpoints.load(file)["history"]["lr"]) == 3 and len(found) == 1
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("at", range(1, 13))
def test_ctrl_c_at_any_moment_leaves_whole_epochs(at, tmp_path):
    # four losses per epoch: three in training, one in validation
    def interrupt():
        raise KeyboardInterrupt

    options = {"validation": images(count=9, seed=1), "patience": 9}
    _, history = train(tmp_path / "run.pt", epochs=3, loss=Meddling(at, interrupt), **options)
    whole = (at - 1) // 4
    lengths = {name: len(values) for name, values in vars(history).items()}
    assert lengths.pop("batch_losses") == 3 * whole and set(lengths.values()) == {whole}
    if whole:
        assert checkpoints.load(tmp_path / "run.pt")["history"] == vars(history)


def test_a_rising_accuracy_keeps_the_rate_of_a_plateau_that_watches_for_the_maximum():
    model, measured = network(), images()
    optimizer = sgd(model.parameters(), lr=0.2)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=0)
    watched = []
    original = schedule.step
    schedule.step = lambda metrics: (watched.append(metrics), original(metrics))
    options = {"scheduler": schedule, "validation": measured, "batch_size": 16, "progress": False}
    history = fit(model, images(), epochs=4, optimizer=optimizer, **options)
    assert watched == history.val_accuracy
    watched.clear()
    history = fit(model, images(), epochs=2, optimizer=optimizer, **(options | {"validation": None}))
    assert watched == history.train_accuracy


def test_a_learning_rate_in_a_tensor_is_recorded_as_numbers():
    _, history = train(
        epochs=3,
        make=lambda p: sgd(p, lr=torch.tensor(0.5)),
        schedule=lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.5),
    )
    assert history.lr == [0.5, 0.25, 0.125] and all(type(lr) is float for lr in history.lr)


def test_a_replaced_file_has_another_signature(tmp_path):
    checkpoints.save(tmp_path / "run.pt", {"a": 1})
    first = run._signature(tmp_path / "run.pt")
    checkpoints.save(tmp_path / "run.pt", {"a": 1})
    assert run._signature(tmp_path / "run.pt") != first
