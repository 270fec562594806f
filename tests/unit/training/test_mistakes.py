"""Each mistake is answered with a sentence, and the failed call leaves everything unchanged."""

import copy
import random

import numpy
import pytest
import torch
from mistakes_in_training import Items, all_mistakes, images, network, sgd
from torch import nn

from course_utils.training import CheckpointError, TrainingError, evaluate, fit, predict


def state(model, optimizer):
    """All that a user could see of a model, an optimizer and the random numbers, as comparable values."""

    def plain(value):
        return (
            value.tolist() if isinstance(value, torch.Tensor) and value.device.type != "meta" else str(value)
        )

    tensors = {name: plain(value) for name, value in model.state_dict().items()}
    formats = [(p.stride(), p.dtype, p.requires_grad, p.data_ptr()) for p in model.parameters()]
    gradients = [None if p.grad is None else (id(p.grad), plain(p.grad)) for p in model.parameters()]
    modes = [(module.training, len(module._forward_pre_hooks)) for module in model.modules()]
    groups = [
        {name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups
    ]
    moved = {id(p): {name: plain(v) for name, v in values.items()} for p, values in optimizer.state.items()}
    random_numbers = torch.get_rng_state().tolist(), random.getstate(), str(numpy.random.get_state())
    return tensors, formats, gradients, modes, groups, moved, random_numbers


@pytest.mark.filterwarnings("ignore:Got pickle error")
@pytest.mark.parametrize("name", all_mistakes())
def test_a_mistake_is_found_before_the_first_step_and_changes_nothing(name):
    mistake = all_mistakes()[name]
    model, options = mistake.model, dict(mistake.options)
    optimizer = options.pop("optimizer", None)
    if optimizer is None:
        optimizer = (mistake.make or sgd)(model.parameters())
    modules = list(model.modules())
    modules[-1].eval()  # a mode that fit does not choose
    for p in model.parameters():
        if p.requires_grad and p.device.type == "cpu":
            p.grad = torch.ones_like(p)
    before = copy.deepcopy(state(model, optimizer))
    with pytest.raises(TrainingError, match=f"(?s){mistake.words}"):
        fit(
            model,
            mistake.data,
            optimizer=optimizer,
            **{"epochs": 1, "batch_size": 16, "progress": False} | options,
        )
    assert state(model, optimizer) == before


def test_a_training_changes_weights_gradients_and_state_alone():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2).eval(), nn.Flatten(), nn.Linear(32, 3))
    optimizer = sgd(model.parameters(), momentum=0.9)
    before = copy.deepcopy(state(model, optimizer))
    fit(model, images(), epochs=1, optimizer=optimizer, precision="bf16", progress=False)
    tensors, formats, gradients, modes, groups, moved, random_numbers = state(model, optimizer)
    assert (formats, modes, groups) == (before[1], before[3], before[4])
    assert random_numbers[1:] == before[-1][1:] and tensors != before[0] and moved and None not in gradients


def test_a_state_that_is_kept_from_batch_to_batch_is_explained():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.kept = nn.Linear(36, 3), 0

        def forward(self, x):
            self.kept = self.last(x.flatten(1)).mean(0) + 0.5 * self.kept
            return self.last(x.flatten(1)) + self.kept

    model = Keeping()
    with pytest.raises(TrainingError, match=r"computed for an earlier batch. Use detach\(\)"):
        fit(model, images(), epochs=1, optimizer=sgd(model.parameters()), batch_size=16, progress=False)


def trained(file, model=None, make=sgd, schedule=None, data=None, **options):
    model = model or network(nn.BatchNorm1d(8))
    optimizer = make(model.parameters())
    if schedule:
        options["scheduler"] = schedule(optimizer)
    call = {"epochs": 1, "batch_size": 16, "progress": False, "checkpoint": file} | options
    before = copy.deepcopy(state(model, optimizer))
    try:
        return fit(model, data or images(), optimizer=optimizer, **call)
    except (TrainingError, CheckpointError):
        assert state(model, optimizer) == before
        raise


def step(optimizer):
    return torch.optim.lr_scheduler.StepLR(optimizer, 1)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("with the optimizer SGD; this run has Adam", {"make": torch.optim.Adam}),
        (
            r"lr 0.001 \(saved: 0.1\), momentum 0.9 \(saved: 0\)",
            {"make": lambda p: sgd(p, lr=0.001, momentum=0.9)},
        ),
        ("another model .*size mismatch", {"model": network(nn.BatchNorm1d(8), classes=4)}),
        ("another model .*Missing key", {"model": network(nn.Linear(8, 8), nn.BatchNorm1d(8))}),
        ("a scheduler was added or left out", {"schedule": None}),
        ("step_size 2 .saved: 1.", {"schedule": lambda o: torch.optim.lr_scheduler.StepLR(o, 2)}),
        ("scheduler StepLR; this run has", {"schedule": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9)}),
    ],
)  # fmt: skip
def test_a_checkpoint_of_another_run_is_refused_and_changes_nothing(words, options, tmp_path):
    trained(tmp_path / "run.pt", schedule=step)
    with pytest.raises(CheckpointError, match=words):
        trained(tmp_path / "run.pt", resume=True, epochs=2, **{"schedule": step} | options)


def test_data_that_does_not_fit_after_loading_a_checkpoint_changes_nothing(tmp_path):
    def adam(parameters):
        return torch.optim.Adam(parameters, lr=0.01)

    trained(tmp_path / "run.pt", make=adam, schedule=step)
    dicts = Items(lambda i: {"image": torch.zeros(1, 6, 6), "label": 0})
    with pytest.raises(TrainingError, match="dicts"):
        trained(tmp_path / "run.pt", resume=True, epochs=2, make=adam, schedule=step, data=dicts)


@pytest.mark.parametrize("measure", [evaluate, predict])
def test_measuring_explains_the_same_mistakes(measure):
    with pytest.raises(TrainingError, match="inputs without targets"):
        measure(network(), Items(lambda i: torch.zeros(1, 6, 6)))
    with pytest.raises(TrainingError, match="cannot take a batch"):
        measure(network(), Items(lambda i: (torch.zeros(1, 5, 5), 0)))


def test_weights_that_are_not_finite_after_the_last_step_are_noticed():
    model = network()
    with pytest.raises(TrainingError, match="no longer finite after the last step"):
        fit(
            model,
            images(),
            epochs=1,
            batch_size=64,
            optimizer=sgd(model.parameters(), lr=1e39),
            progress=False,
        )


def test_a_schedule_that_is_too_short_is_named():
    model = network()
    optimizer = sgd(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=4)
    options = {"scheduler": schedule, "scheduler_step": "batch", "batch_size": 16, "progress": False}
    with pytest.raises(TrainingError, match="OneCycleLR is shorter than the training"):
        fit(model, images(), epochs=2, optimizer=optimizer, **options)
