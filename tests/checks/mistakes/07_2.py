"""Classic mistakes in a convolution written as unfold and one matrix product."""

import torch.nn.functional as F


def columns(x, weight, bias, stride, padding):
    """Output (N, O, pixels), and its height and width."""
    kernel = weight.shape[2:]
    height, width = ((n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[2:], kernel))
    patches = F.unfold(x, kernel, stride=stride, padding=padding)
    return weight.flatten(1) @ patches + bias[:, None], height, width


def right(x, weight, bias, stride, padding):
    out, height, width = columns(x, weight, bias, stride, padding)
    return out.unflatten(2, (height, width))


def mixed_up(x, weight, bias, stride, padding):
    out, height, width = columns(x, weight, bias, stride, padding)
    return out.transpose(1, 2).reshape(len(x), len(weight), height, width)


def wrong_way_round(x, weight, bias, stride, padding):
    out, height, width = columns(x, weight, bias, stride, padding)
    return out.unflatten(2, (width, height))


MISTAKES = [
    (lambda x, w, b, s, p: F.conv2d(x, w, b, s, p), "PyTorch's own convolution"),
    (lambda x, w, b, s, p: columns(x, w, b, s, p), "Expected a tensor"),
    (lambda x, w, b, s, p: columns(x, w, b, s, p)[0], "one long row"),
    (mixed_up, "pixels and channels are mixed up"),
    (lambda x, w, b, s, p: right(x, w, 0 * b, s, p), "the bias is missing"),
    (lambda x, w, b, s, p: right(x, w.flip(2, 3), b, s, p), "your kernel is flipped"),
    (lambda x, w, b, s, p: right(x, w, b, s, 0), "the padding is ignored"),
    (lambda x, w, b, s, p: right(x, w, b, 1, p), "the stride is ignored"),
    (wrong_way_round, "for one image (channels, height, width)"),
    (lambda x, w, b, s, p: w.flatten(1) @ F.unfold(x, w.shape[2:]) + b, "Your code stopped"),
]
