"""Nearest neighbours against scikit-learn's, and the autoencoders against the layers they are made of."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from torch.testing import assert_close

from course_utils.models import ConvAutoencoder, LinearAutoencoder
from course_utils.neighbours import nearest, vote


@settings(deadline=None, max_examples=30)
@given(
    count=st.integers(1, 12), known=st.integers(5, 30), columns=st.integers(1, 6), k=st.integers(1, 5),
    chunk=st.integers(1, 7), seed=st.integers(0, 999),
)  # fmt: skip
def test_nearest_equals_scikit_learns(count, known, columns, k, chunk, seed):
    generator = torch.Generator().manual_seed(seed)
    queries, bank = (
        torch.randn(n, columns, generator=generator, dtype=torch.float64) for n in (count, known)
    )
    distance, index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(bank).kneighbors(queries)
    ours = nearest(queries, bank, k, chunk)
    assert_close(ours.distance, torch.from_numpy(distance), rtol=1e-6, atol=1e-6)
    assert_close(ours.index, torch.from_numpy(index))


@pytest.mark.parametrize("k", [1, 4, 5])
def test_the_vote_is_scikit_learns_ties_included(k):
    generator = torch.Generator().manual_seed(k)
    queries, bank = (torch.randn(n, 3, generator=generator, dtype=torch.float64) for n in (80, 60))
    labels = torch.randint(4, (60,), generator=generator)
    theirs = KNeighborsClassifier(k, algorithm="brute").fit(bank, labels).predict(queries)
    assert_close(vote(labels[nearest(queries, bank, k).index], 4), torch.from_numpy(theirs))


def test_the_nearest_point_to_a_known_one_is_itself():
    bank = torch.randn(50, 8)
    found = nearest(bank, bank, 2)
    assert found.index[:, 0].tolist() == list(range(50))
    assert (found.distance[:, 0] < 1e-2).all() and (found.distance[:, 1] > 0.1).all()


@pytest.mark.parametrize(
    ("queries", "bank", "k", "message"),
    [
        (torch.zeros(2, 1, 4, 4), torch.zeros(5, 16), 1, r"same number of columns.*flatten"),
        (torch.zeros(2, 3), torch.zeros(5, 4), 1, r"\(2, 3\) and \(5, 4\)"),
        (torch.zeros(2, 3), torch.zeros(5, 3), 6, "k must be between 1 and 5, the number of points in the bank; got 6"),
        (torch.zeros(2, 3), torch.zeros(5, 3), 0, "got 0"),
    ],
)
def test_wrong_tables_are_explained(queries, bank, k, message):
    with pytest.raises(ValueError, match=message):
        nearest(queries, bank, k)


@pytest.mark.parametrize("code", [2, 32])
def test_the_linear_autoencoder_is_two_affine_maps(code):
    model, x = LinearAutoencoder(code), torch.rand(3, 1, 28, 28)
    down, a, up, b = model.parameters()
    assert_close(model.encode(x), x.flatten(1) @ down.T + a)
    assert_close(model(x), ((x.flatten(1) @ down.T + a) @ up.T + b).reshape(3, 1, 28, 28))
    assert sum(p.numel() for p in model.parameters()) == 2 * 784 * code + code + 784


@pytest.mark.parametrize("code", [2, 32])
def test_the_convolutional_autoencoder_has_the_sizes_of_its_layers(code):
    model, x = ConvAutoencoder(code), torch.rand(3, 1, 28, 28)
    assert model.encode(x).shape == (3, code)
    out = model(x)
    assert out.shape == x.shape and out.min() >= 0 and out.max() <= 1
    assert_close(out, model.decode(model.encode(x)))
    encoder = (9 + 1) * 16 + (16 * 9 + 1) * 32 + (1568 + 1) * code
    decoder = (code + 1) * 1568 + (32 * 16 * 16 + 16) + (16 * 16 + 1)
    assert sum(p.numel() for p in model.parameters()) == encoder + decoder
