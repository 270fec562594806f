"""Metrics against scikit-learn and against their definitions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as scikit_learns
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
    assert matrix.tolist() == scikit_learns(labels, predicted, labels=range(4)).tolist()


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


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, 1, 4], [0, 1, 2], "With 4 classes, labels must be 0 to 3; got 4"),
        ([0, -1, 3], [0, 1, 2], "labels must be 0 to 3; got -1"),
        ([0, 1, 3], [0, 1, 9], "predictions must be 0 to 3; got 9"),
        ([0, 1, 3], [0.0, 0.5, 1.0], "predictions must be 0 to 3; got 0.5"),
    ],
)
def test_a_class_out_of_range_is_not_dropped_but_named(labels, predicted, message):
    with pytest.raises(ValueError, match=message):
        metrics.confusion_matrix(torch.tensor(labels), torch.tensor(predicted), 4)


@pytest.mark.parametrize("outputs", [1, 3, 5])
def test_logits_with_another_number_of_classes_are_refused(outputs):
    with pytest.raises(ValueError, match=f"There are 4 classes, but each prediction has {outputs} outputs"):
        metrics.confusion_matrix(torch.arange(4), torch.rand(4, outputs), 4)


def test_one_output_per_image_is_not_read_as_class_0():
    with pytest.raises(ValueError, match=r"\(outputs > 0\).long\(\).squeeze\(1\)"):
        metrics.confusion_matrix(torch.tensor([0, 1, 1]), torch.randn(3, 1), 2)
    with pytest.raises(ValueError, match="each prediction has 1 outputs"):
        metrics.worst_mistakes(torch.tensor([0, 1, 1]), torch.randn(3, 1))


@pytest.mark.parametrize("measure", [metrics.most_confused, metrics.per_class])
@pytest.mark.parametrize("names", [CLASSES, CLASSES[:2], ()])
def test_a_matrix_and_names_of_different_lengths_are_refused(measure, names):
    with pytest.raises(ValueError, match="Give the name of each class"):
        measure(torch.eye(3, dtype=torch.int64), names)


def test_the_largest_confusions_of_a_thousand_classes_are_those_of_a_loop():
    matrix = torch.randint(3, (1000, 1000), generator=torch.Generator().manual_seed(0)).fill_diagonal_(900)
    for count, (i, j) in enumerate([(5, 7), (999, 0), (31, 32)]):
        matrix[i, j] = 50 - count
    found = metrics.most_confused(matrix, tuple(map(str, range(1000))), 3)
    assert [(pair.truth, pair.read_as, pair.count) for pair in found] == [
        ("5", "7", 50), ("999", "0", 49), ("31", "32", 48),
    ]  # fmt: skip
