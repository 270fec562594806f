"""The checked loss: which targets are class labels."""

import pytest
import torch

from course_utils.training.loss import are_labels


@pytest.mark.parametrize(
    ("targets", "expected"),
    [([0, 2], True), ([True, False], True), ([0.0, 1.0], False), ([[0], [1]], False)],
)
def test_labels_are_integers_one_per_item(targets, expected):
    assert are_labels(torch.tensor(targets)) is expected
