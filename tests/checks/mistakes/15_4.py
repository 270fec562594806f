"""Classic mistakes in a vote of the nearest neighbours."""

import torch


def smallest(table, labels, k):
    return labels[table.topk(k, largest=False).indices]


def index_of_nearest(q, bank, labels, k):
    return torch.cdist(q, bank).argmin(1)


MISTAKES = [
    (index_of_nearest, "indices into the bank"),
    (lambda q, b, y, k: y[torch.cdist(q, b).argmin(1)], "Only the nearest neighbour decides"),
    (lambda q, b, y, k: smallest(-torch.cdist(q, b), y, k).mode(1).values, "the farthest"),
    (lambda q, b, y, k: smallest(-(q @ b.T), y, k).mode(1).values, "compare only products"),
    (lambda q, b, y, k: smallest(torch.cdist(q, b), y, k).float().mean(1).round(), "You average the labels"),
    (lambda q, b, y, k: smallest(torch.cdist(q, b), y, k), "one class for each"),
    (lambda q, b, y, k: smallest(torch.cdist(q, b, p=1), y, k).mode(1).values, "differ from the vote"),
]
