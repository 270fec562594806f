"""Classic mistakes in a reconstruction from principal components."""

import torch


def axes_of(x):
    return torch.linalg.svd(x, full_matrices=False)[2]


def not_centred(x, k):
    axes = axes_of(x)[:k]
    return x @ axes.T @ axes


def mean_forgotten(x, k):
    x = x - x.mean(0)
    axes = axes_of(x)[:k]
    return x @ axes.T @ axes


def x_itself(x, k):
    axes = axes_of(x - x.mean(0))[:k]
    return x @ axes.T @ axes + x.mean(0)


def shortest(x, k):
    mean = x.mean(0)
    vectors = torch.linalg.eigh((x - mean).T @ (x - mean))[1][:, :k]
    return (x - mean) @ vectors @ vectors.T + mean


def everything(x, k):
    mean = x.mean(0)
    axes = axes_of(x - mean)
    return (x - mean) @ axes.T @ axes + mean


def code_only(x, k):
    return (x - x.mean(0)) @ axes_of(x - x.mean(0))[:k].T


def columns_for_rows(x, k):
    mean = x.mean(0)
    axes = axes_of(x - mean)[:, :k]
    return (x - mean) @ axes @ axes.T + mean


MISTAKES = [
    (not_centred, "have not centred the points"),
    (mean_forgotten, "The mean is missing"),
    (x_itself, "project x - mean"),
    (shortest, "the shortest directions"),
    (everything, "Nothing is lost"),
    (code_only, "map the code back"),
    (columns_for_rows, "is possible"),
    (lambda x, k: x.mean(0).expand_as(x), "mapped to the mean"),
]
