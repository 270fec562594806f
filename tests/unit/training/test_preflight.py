"""What stands before the first step of training: what test_training does not see of it through `fit`."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_utils.training import TrainingError, preflight


def network():
    return nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))


@given(modes=st.lists(st.booleans(), min_size=5, max_size=5))
def test_every_part_is_in_its_own_mode_again_also_after_an_error(modes):
    model = network()
    for module, mode in zip(model.modules(), modes, strict=True):
        module.training = mode
    with pytest.raises(ZeroDivisionError), preflight.eval_mode(model):
        assert not any(module.training for module in model.modules())
        assert not model(torch.ones(1, 2)).requires_grad
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == modes


def test_trying_a_batch_changes_nothing():
    model, x, y = network(), torch.randn(5, 2), torch.tensor([0, 1, 2, 0, 1])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    preflight.check_first_batch(model, x, y, nn.functional.cross_entropy, None)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_a_model_lies_where_all_its_tensors_lie():
    assert preflight.device_of(nn.Identity()) == torch.device("cpu")
    with torch.device("meta"):
        assert preflight.device_of(network()) == torch.device("meta")
        half = nn.BatchNorm1d(4)
    half.weight = nn.Parameter(torch.ones(4))
    with pytest.raises(TrainingError, match="several devices: cpu, meta"):
        preflight.device_of(half)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [([0, 2], True), ([True, False], True), ([0.0, 1.0], False), ([[0], [1]], False)],
)
def test_labels_are_whole_numbers_one_an_item(targets, expected):
    assert preflight.are_labels(torch.tensor(targets)) is expected


@given(
    count=st.integers(1, 120), wrong=st.integers(0, 119), value=st.sampled_from([float("nan"), float("inf")])
)
def test_the_step_of_the_first_infinite_loss_is_named(count, wrong, value):
    losses = [torch.tensor(1.0)] * count
    if not count - 50 <= wrong < count:  # those before were looked at before
        preflight.stop_unless_finite(losses, epoch=1)
        return
    losses[wrong] = torch.tensor(value)
    with pytest.raises(TrainingError, match=f"epoch 7, step {wrong + 1}\\."):
        preflight.stop_unless_finite(losses, epoch=7)


@pytest.mark.parametrize("rule", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_a_fused_step_is_the_same_step(rule):
    results = []
    for fused in (False, True):
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        optimizer = rule(model.parameters(), lr=0.1, weight_decay=0.01)
        if fused:
            preflight.use_fused_step(optimizer)
            assert optimizer.param_groups[0]["fused"]
        for _ in range(5):
            optimizer.zero_grad()
            model(torch.ones(4, 3)).square().sum().backward()
            optimizer.step()
        results.append(list(model.parameters()))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("options", [{"foreach": False}, {"fused": False}, {"lr": torch.tensor(0.1)}])
def test_what_the_user_chose_stays(options):
    optimizer = torch.optim.Adam(nn.Linear(3, 2).parameters(), **options)
    preflight.use_fused_step(optimizer)
    assert not optimizer.param_groups[0]["fused"]


def test_of_an_error_the_first_line_is_told_or_its_name():
    assert preflight.first_line(ValueError("one\ntwo")) == "one"
    assert preflight.first_line(KeyError()) == "KeyError"
