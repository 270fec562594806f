"""Judges of notebook 15: principal components, noisy pairs, interpolation between codes, nearest neighbours."""

import torch
from torch import Tensor, nn

from course_utils.checks import close, exercise, expect, seeds
from course_utils.neighbours import nearest, vote


def _shape(answer: object) -> str:
    """Return the shape of a tensor, or the type of anything else."""
    return str(tuple(answer.shape)) if isinstance(answer, Tensor) else type(answer).__name__


@exercise("15.1", "no linear map to k numbers per point loses less.")
def reconstruct(student):
    for generator in seeds():
        # axes of very different lengths, rotated, and far from the origin
        rotation = torch.linalg.qr(torch.randn(6, 6, generator=generator))[0]
        lengths = torch.tensor([9.0, 6.0, 4.0, 2.0, 1.0, 0.5])
        x = torch.randn(60, 6, generator=generator) * lengths @ rotation.T + 20 * torch.rand(
            6, generator=generator
        )
        for k in (2, 4):
            out = student(x.clone(), k)
            expect(
                isinstance(out, Tensor) and out.shape == x.shape,
                f"Expected a tensor of shape {tuple(x.shape)}, got {_shape(out)}.\n"
                "Try: map the code back, (N, k) times (k, D).",
            )
            _compare_reconstruction(out, x, k)


def _compare_reconstruction(out: Tensor, x: Tensor, k: int) -> None:
    mean = x.mean(0)
    axes = torch.linalg.svd(x - mean, full_matrices=False)[
        2
    ]  # the rows are the directions, by decreasing length
    raw = torch.linalg.svd(x, full_matrices=False)[2]
    first, last = axes[:k], axes[-k:]
    right = (x - mean) @ first.T @ first + mean
    for wrong, hint in [
        (x @ raw[:k].T @ raw[:k], "You have not centred the points.\nTry: subtract the mean of each "
         "column before you look for directions, and add it at the end."),
        (right - mean, "The mean is missing.\nTry: add it after mapping back."),
        (x @ first.T @ first + mean, "You project x itself.\nTry: project x - mean."),
        ((x - mean) @ last.T @ last + mean, "You keep the shortest directions.\nTry: svd sorts in descending order, "
         "eigh in ascending order."),
        (x, "Nothing is lost: all directions are used.\nTry: keep k of them."),
        (mean.expand_as(x), "Every point is mapped to the mean."
         "\nTry: x_centred @ axes.T @ axes, with the k axes as rows."),
    ]:  # fmt: skip
        expect(not close(out, wrong, 1e-3), hint)
    expect(
        close(out, right, 1e-3),
        f"With k = {k} the mean squared error is {float((out - x).square().mean()):.3f}; "
        f"{float((right - x).square().mean()):.3f} is possible.\n"
        "Try: U, S, V = torch.linalg.svd(centred, full_matrices=False); the rows of V are the directions.",
    )


@exercise("15.2", "noisy in, clean out.")
def noisy_pair(student):
    for generator in seeds():
        x = torch.rand(40, 1, 28, 28, generator=generator)
        given = x.clone()
        torch.manual_seed(int(torch.randint(10**6, (1,), generator=generator)))
        first, second = student(x, 0.3), student(x, 0.3)
        expect(
            torch.equal(x, given),
            "The clean images themselves are noisy now.\nTry: make a new tensor, x + noise; += changes x.",
        )
        expect(
            isinstance(first, tuple | list) and len(first) == 2,
            "Expected two tensors.\nTry: return noisy, target.",
        )
        noisy, target = first
        expect(
            not close(noisy, x) or close(target, x),
            "Input and target are swapped.\nTry: return the noisy images first, the clean ones second.",
        )
        expect(not close(noisy, x), "The input is clean.\nTry: add noise to what the network sees.")
        expect(
            not close(target, noisy),
            "The target is as noisy as the input: the network would learn to keep the noise.\n"
            "Try: use x as the target.",
        )
        expect(close(target, x), "The target is not the clean image.\nTry: return x unchanged.")
        expect(
            not close(noisy, second[0]),
            "Two calls add the same noise.\nTry: draw new noise in each call, without a fixed seed.",
        )
        _judge_noise(noisy - x)


def _judge_noise(noise: Tensor) -> None:
    per_image = noise.flatten(1)
    spread = min(per_image.std(0).mean(), per_image.std(1).mean())  # between images, between pixels
    expect(
        spread > 0.5 * noise.std(),
        "All pixels of an image, or all images, get the same noise.\nTry: torch.randn_like(x), one number per pixel.",
    )
    expect(
        noise.mean().abs() < 0.05,
        f"The noise has the mean {float(noise.mean()):.2f} and makes the images brighter.\n"
        "Try: randn, which has mean 0, not rand, which is between 0 and 1.",
    )
    expect(
        (noise.std() - 0.3).abs() < 0.02,
        f"The standard deviation of the noise: expected 0.3, got {float(noise.std()):.2f}.\n"
        "Try: sigma * torch.randn_like(x), and no clamping.",
    )
    kurtosis = (noise / noise.std()).pow(4).mean()  # 3 for a normal distribution, 1.8 for a uniform one
    expect(
        kurtosis > 2.5,
        "The noise is not Gaussian.\nTry: randn draws from a normal distribution, rand from a uniform one.",
    )


class _Curved(nn.Module):
    """A small autoencoder for which a straight line of codes is not a straight line of images."""

    def __init__(self, generator: torch.Generator):
        super().__init__()
        self.down, self.up = torch.randn(9, 4, generator=generator), torch.randn(4, 9, generator=generator)

    def encode(self, x: Tensor) -> Tensor:
        return torch.tanh(x.flatten(1) @ self.down)  # (N, 4)

    def decode(self, code: Tensor) -> Tensor:
        return torch.sigmoid(2 * code @ self.up).unflatten(1, (1, 3, 3))  # (N, 1, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


@exercise("15.3", "a straight line of codes, and the images along it.")
def walk(student):
    for generator in seeds():
        model = _Curved(generator)
        a, b = torch.rand(2, 1, 3, 3, generator=generator)
        steps = 5
        out = student(model, a, b, steps)
        expect(
            isinstance(out, Tensor) and out.shape == (steps, 1, 3, 3),
            f"Expected {steps} images, {(steps, 1, 3, 3)}, got {_shape(out)}.\n"
            "Try: weights of shape (steps, 1) make codes of shape (steps, code); decode them all at once.",
        )
        start, end = model.encode(a[None]), model.encode(b[None])
        t = torch.linspace(0, 1, steps)[:, None]
        right = model.decode((1 - t) * start + t * end)
        pixels = (1 - t[..., None, None]) * a + t[..., None, None] * b
        inside = torch.linspace(0, 1, steps + 1)[:-1, None]
        for wrong, hint in [
            (right.flip(0), "You walk from b to a.\nTry: the weight of a decreases from 1 to 0."),
            (pixels, "You blend the pixels.\nTry: encode both, blend the codes, decode."),
            (model(pixels), "You blend the pixels and then encode.\nTry: encode a and b first, then blend."),
            ((1 - t[..., None, None]) * model(a[None]) + t[..., None, None] * model(b[None]),
             "You blend two decoded images.\nTry: blend the codes, then decode each."),
            (model.decode((1 - inside) * start + inside * end),
             "You stop before b.\nTry: torch.linspace(0, 1, steps) includes both ends."),
            (model.decode(start + t * end), "You add b's code to a's.\nTry: (1 - t)·a + t·b, or a + t·(b - a)."),
        ]:  # fmt: skip
            expect(not close(out, wrong, 1e-5), hint)
        expect(
            close(out, right, 1e-4),
            "The first image should be the decoded a, the last the decoded b, with equal steps between them.\n"
            "Try: (1 - t)·encode(a) + t·encode(b) for t from 0 to 1.",
        )


@exercise("15.4", "the labels that scikit-learn would give.")
def neighbours(student):
    for generator in seeds():
        # lengths differ a lot, so that leaving out |b|² changes the result
        bank = torch.randn(200, 5, generator=generator) * (4 * torch.rand(200, 1, generator=generator))
        queries = 0.7 * torch.randn(60, 5, generator=generator)
        labels = torch.randint(4, (200,), generator=generator)
        out = student(queries, bank, labels, 5)
        found = nearest(queries, bank, 5).index
        right = vote(labels[found], 4)
        expect(
            isinstance(out, Tensor) and out.shape == (60,),
            f"Expected one class for each of 60 queries, (60,), got {_shape(out)}.\n"
            "Try: the vote gives one label for the k labels of each row, .mode(1).values.",
        )
        table = torch.cdist(queries, bank)
        farthest = labels[table.topk(5).indices].mode(1).values
        product = labels[(queries @ bank.T).topk(5).indices].mode(1).values
        for wrong, hint in [
            (found[:, 0], "These are indices into the bank, not classes.\nTry: labels[index]."),
            (labels[found[:, 0]], "Only the nearest neighbour decides.\nTry: let the k nearest vote."),
            (farthest, "You take the farthest neighbours.\nTry: topk(k, largest=False)."),
            (product, "You compare only products: then a long vector is near to every query.\n"
             "Try: |q − b|² = |q|² − 2 q·b + |b|², or torch.cdist."),
            (labels[found].float().mean(1).round().long(), "You average the labels, but labels are not quantities."
             "\nTry: the most frequent one, .mode(1).values."),
        ]:  # fmt: skip
            expect(not torch.equal(out.long(), wrong), hint)
        expect(
            torch.equal(out.long(), right) or (out != right).float().mean() < 0.05,
            f"{int((out != right).sum())} of 60 classes differ from the vote of the 5 nearest neighbours.\n"
            "Try: distances (N, M), the k smallest of each row, their labels, the most frequent.",
        )
