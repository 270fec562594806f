"""Classic mistakes in a convolution written with loops."""

import torch
import torch.nn.functional as F


def right(
    x, weight, bias, stride=1, padding=0, *, step=None, channels=None, reduce=torch.sum, flip=False, size=None
):
    """The convolution of one image (C, H, W); the keywords make the mistakes."""
    x = F.pad(x, (padding,) * 4)
    x, weight = x[:channels], weight[:, :channels]
    weight = weight.flip(2, 3) if flip else weight
    count, _, kh, kw = weight.shape
    step = stride if step is None else step
    out = torch.zeros(count, (x.shape[1] - kh) // stride + 1, (x.shape[2] - kw) // stride + 1)
    for o in range(out.shape[0]):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                window = x[:, i * step : i * step + kh, j * step : j * step + kw]
                out[o, i, j] = reduce(weight[o] * window) + bias[o]
    return out


def apart(x, weight, bias, stride, padding):
    parts = [right(x[c : c + 1], weight[:, c : c + 1], bias, stride, padding) for c in range(len(x))]
    return torch.stack(parts, 1)


MISTAKES = [
    (lambda x, w, b, s, p: F.conv2d(x, w, b, s, p), "PyTorch's own convolution"),
    (lambda x, w, b, s, p: None, "Expected a tensor"),
    (lambda x, w, b, s, p: right(x, w, 0 * b, s, p), "the bias is missing"),
    (lambda x, w, b, s, p: right(x, w, b, s, p, flip=True), "your kernel is flipped"),
    (lambda x, w, b, s, p: right(x, w, b, s, p, channels=1), "only the first input channel"),
    (lambda x, w, b, s, p: apart(x, w, b, s, p), "still separate"),
    (lambda x, w, b, s, p: apart(x, w, b, s, p).sum(1), "once for each input channel"),
    (lambda x, w, b, s, p: right(x, w, b, s, p, reduce=torch.mean), "the mean over the window"),
    (lambda x, w, b, s, p: right(x, w, b, s, 0), "the padding is ignored"),
    (lambda x, w, b, s, p: right(x, w, b, 1, p), "the stride is ignored"),
    (lambda x, w, b, s, p: right(x, w, b, s, p, step=1), "windows are one pixel apart"),
    (lambda x, w, b, s, p: right(x, w, b, s, p)[:, :-1, :-1], "for one image (channels, height, width)"),
    (lambda x, w, b, s, p: right(x, w, 2 * b, s, p), "the numbers differ"),
]
