"""Find the nearest neighbours of points, and classify by a vote of their labels. Notebook 15."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest points of each query, the nearest first: distances ``(N, k)``, indices in the bank ``(N, k)``."""

    distance: Tensor
    index: Tensor


def nearest(queries: Tensor, bank: Tensor, k: int = 1, chunk: int = 500) -> Neighbours:
    """Find the ``k`` points of ``bank`` that are nearest to each query in Euclidean distance.

    Args:
        queries: points ``(N, D)``.
        bank: known points ``(M, D)``.
        k: number of neighbours, at most M.
        chunk: number of queries per matrix product, which computes ``chunk * M`` distances.

    Raises:
        ValueError: If queries and bank have different numbers of columns, or the bank has fewer than k points.
    """
    if queries.dim() != 2 or bank.dim() != 2 or queries.shape[1] != bank.shape[1]:
        raise ValueError(
            f"queries and bank must be tables with the same number of columns; got {tuple(queries.shape)} and "
            f"{tuple(bank.shape)}. Try images.flatten(1)."
        )
    if not 1 <= k <= len(bank):
        raise ValueError(f"k must be between 1 and {len(bank)}, the number of points in the bank; got {k}.")
    square = bank.square().sum(1)  # (M,)
    distances, indices = [], []
    for part in queries.split(chunk):
        # |q - b|² = |q|² - 2 q·b + |b|²: one matrix product for all pairs
        distance = torch.addmm(square, part, bank.T, alpha=-2)  # (chunk, M), without |q|²
        smallest = distance.topk(k, largest=False)
        squares = smallest.values + part.square().sum(1, keepdim=True)
        distances.append(squares.clamp(min=0).sqrt())
        indices.append(smallest.indices)
    return Neighbours(torch.cat(distances), torch.cat(indices))


def vote(labels: Tensor, classes: int) -> Tensor:
    """The most frequent of the neighbours' labels ``(N, k)``, the smallest one in a tie: ``(N,)``."""
    return F.one_hot(labels, classes).sum(1).argmax(1)
