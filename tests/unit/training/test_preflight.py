"""Losses that are not finite, and the words of errors: what test_fit does not see of them through `fit`."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils.training import TrainingError, errors, preflight


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


def test_the_first_line_of_an_error_or_its_name():
    assert errors.first_line(ValueError("one\ntwo")) == "one"
    assert errors.first_line(KeyError()) == "KeyError"
