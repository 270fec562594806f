"""Eval mode and devices: what test_fit does not see of them through `evaluate` and `predict`."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_utils.training import TrainingError, inference


def network():
    return nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))


@given(modes=st.lists(st.booleans(), min_size=5, max_size=5))
def test_every_part_is_in_its_own_mode_again_also_after_an_error(modes):
    model = network()
    for module, mode in zip(model.modules(), modes, strict=True):
        module.training = mode
    with pytest.raises(ZeroDivisionError), inference.eval_mode(model):
        assert not any(module.training for module in model.modules())
        assert not model(torch.ones(1, 2)).requires_grad
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == modes


def test_a_model_is_on_the_device_of_all_its_tensors():
    assert inference.device_of(nn.Identity()) == torch.device("cpu")
    with torch.device("meta"):
        assert inference.device_of(network()) == torch.device("meta")
        half = nn.BatchNorm1d(4)
    half.weight = nn.Parameter(torch.ones(4))
    with pytest.raises(TrainingError, match="is on several devices: cpu, meta"):
        inference.device_of(half)
