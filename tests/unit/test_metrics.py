"""Metrics against scikit-learn and against their definitions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from course_utils import metrics

CLASSES = ("a", "b", "c", "d")
labelled = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(labelled)
def test_the_matrix_counts_each_pair_of_truth_and_prediction(pairs):
    labels, predicted = (torch.tensor(column) for column in zip(*pairs, strict=True))
    matrix = metrics.confusion_matrix(labels, predicted, 4)
    for i in range(4):
        for j in range(4):
            assert matrix[i, j] == ((labels == i) & (predicted == j)).sum()


@given(labelled)
def test_precision_and_recall_are_scikit_learns(pairs):
    labels, predicted = (torch.tensor(column) for column in zip(*pairs, strict=True))
    ours = metrics.per_class(metrics.confusion_matrix(labels, predicted, 4), CLASSES)
    theirs = precision_recall_fscore_support(labels, predicted, labels=range(4), zero_division=0)
    for i, name in enumerate(CLASSES):
        assert ours[name] == pytest.approx((theirs[0][i], theirs[1][i]))


def test_logits_are_read_as_their_largest():
    logits = torch.randn(20, 4)
    labels = torch.arange(20) % 4
    a, b = (metrics.confusion_matrix(labels, p, 4) for p in (logits, logits.argmax(1)))
    assert torch.equal(a, b)


def test_the_most_confused_pairs_come_first_and_right_answers_never():
    matrix = torch.tensor([[90, 3, 0], [7, 50, 1], [0, 0, 99]])
    first, second, third = metrics.most_confused(matrix, CLASSES[:3], 5)
    assert (first.truth, first.read_as, first.count) == ("b", "a", 7)
    assert first.share == pytest.approx(7 / 58)
    assert (second.count, third.count) == (3, 1)
    assert matrix[0, 0] == 90


def test_the_worst_mistake_is_the_one_with_the_smallest_probability_of_the_truth():
    logits = torch.randn(50, 4)
    labels = torch.randint(4, (50,))
    worst = metrics.worst_mistakes(labels, logits, 5)
    wrong = (logits.argmax(1) != labels).nonzero().squeeze(1).tolist()
    probability = logits.softmax(1)[torch.arange(50), labels]
    assert worst.tolist() == sorted(wrong, key=lambda i: probability[i])[:5]


def test_a_perfect_classifier_has_no_mistakes():
    labels = torch.arange(4)
    assert len(metrics.worst_mistakes(labels, 9.0 * torch.eye(4))) == 0
    assert metrics.most_confused(metrics.confusion_matrix(labels, labels, 4), CLASSES) == []


def test_predictions_of_other_images_are_noticed():
    with pytest.raises(ValueError, match="4 labels and 3 predictions"):
        metrics.confusion_matrix(torch.arange(4), torch.arange(3), 4)


def test_equal_models_have_no_relative_difference_even_with_dropout():
    linear, x = torch.nn.Linear(5, 3), torch.rand(4, 5)
    with_dropout = torch.nn.Sequential(linear, torch.nn.Dropout(0.5))
    assert metrics.relative_difference(with_dropout, linear, x) == 0


@given(st.floats(-3, 3))
def test_the_relative_difference_of_a_scaled_model_is_the_change_of_scale(scale):
    reference, model = torch.nn.Linear(5, 3, bias=False), torch.nn.Linear(5, 3, bias=False)
    with torch.no_grad():
        model.weight.copy_(scale * reference.weight)
    difference = metrics.relative_difference(model, reference, torch.rand(4, 5))
    assert difference == pytest.approx(abs(scale - 1), abs=1e-5)
