"""Nearest neighbours: which known points lie closest to new ones, and what their labels say. Notebook 15."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Neighbours(NamedTuple):
    """The k nearest points of each query, the nearest first: distances ``(N, k)``, places in the bank ``(N, k)``."""

    distance: Tensor
    index: Tensor


def nearest(queries: Tensor, bank: Tensor, k: int = 1, chunk: int = 500) -> Neighbours:
    """Find the ``k`` points of ``bank`` that are nearest to each query in Euclidean distance.

    Args:
        queries: points ``(N, D)``.
        bank: known points ``(M, D)``.
        k: how many neighbours, at most M.
        chunk: queries at a time; the table of their distances has ``chunk * M`` entries.

    Raises:
        ValueError: queries and bank do not have the same number of columns, or the bank has fewer than k points.
    """
    if queries.dim() != 2 or bank.dim() != 2 or queries.shape[1] != bank.shape[1]:
        raise ValueError(
            f"queries and bank must be tables with the same number of columns; got {tuple(queries.shape)} and "
            f"{tuple(bank.shape)}. Try images.flatten(1)."
        )
    if not 1 <= k <= len(bank):
        raise ValueError(f"k is {k}, but the bank has {len(bank)} points.")
    square = bank.square().sum(1)  # (M,)
    found = []
    for part in queries.split(chunk):
        # |q - b|² = |q|² - 2 q·b + |b|²: one matrix product for all pairs
        distance = torch.addmm(square, part, bank.T, alpha=-2)  # (chunk, M), without |q|²
        smallest = distance.topk(k, largest=False)
        whole = smallest.values + part.square().sum(1, keepdim=True)
        found.append(Neighbours(whole.clamp(min=0).sqrt(), smallest.indices))
    return Neighbours(*(torch.cat(column) for column in zip(*found, strict=True)))


def vote(labels: Tensor, classes: int) -> Tensor:
    """The most frequent label among those of the neighbours ``(N, k)``, the smaller one in a tie: ``(N,)``."""
    return F.one_hot(labels, classes).sum(1).argmax(1)
