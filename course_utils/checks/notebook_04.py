"""Judges of notebook 04: folding linear layers, a forward pass without nn.Module, and the two moons."""

import time

import torch
from torch import nn

from course_utils.checks import close, exercise, expect, seeds

# The text asks for five seconds; slow machines may take longer.
SECONDS = 20


@exercise("04.1", "one layer does the work of two.")
def folded_layers(student):
    for generator in seeds():
        # as many outputs as inputs, so that the product in the wrong order also exists
        first, second = nn.Linear(3, 5), nn.Linear(5, 3)
        for p in (*first.parameters(), *second.parameters()):
            nn.init.normal_(p, generator=generator)
        given = [p.detach().clone() for p in (*first.parameters(), *second.parameters())]
        W1, b1, W2, b2 = given
        answer = student(first, second)
        expect(
            isinstance(answer, tuple | list) and len(answer) == 2,
            "Expected two tensors.\nTry: return weight, bias.",
        )
        expect(
            all(hasattr(part, "shape") for part in answer),
            "Expected two tensors, but one of the two is not a tensor.\nTry: return weight, bias.",
        )
        after = (*first.parameters(), *second.parameters())
        expect(
            all(close(now, before) for now, before in zip(after, given, strict=True)),
            "Your function changes the layers that it is given.\nTry: make new tensors; do not assign to a layer.",
        )
        weight, bias = (torch.as_tensor(part) for part in answer)
        expect(
            tuple(weight.shape) != (5, 5),
            "Your weight is (5, 5) for layers 3 → 5 → 3: the product is in the wrong order.\n"
            "Try: what is applied first is next to x, on the right: W2 @ W1.",
        )
        expect(
            not close(weight, (W2 @ W1).T),
            "This is the transposed weight.\nTry: PyTorch stores (out, in), so you do not need to transpose.",
        )
        expect(close(weight, W2 @ W1), "The weight differs from that of the two layers.\nTry: W2 @ W1.")
        expect(
            tuple(bias.shape) == (3,),
            f"bias has the shape {tuple(bias.shape)}, but the layer has 3 outputs.\n"
            "Try: the first bias has to pass through the second layer.",
        )
        expect(
            not close(bias, b2),
            "The first layer's bias is missing.\nTry: pass x = 0 through both layers; the result is the bias.",
        )
        expect(
            not close(bias, W2 @ b1),
            "The second layer's own bias is missing.\nTry: second(first.bias) includes it.",
        )
        expect(
            close(bias, W2 @ b1 + b2),
            "The bias differs from that of the two layers.\nTry: second(first(0)) is the bias of both.",
        )


@exercise("04.2", "you and nn.Sequential compute the same.")
def forward_by_hand(student):
    for generator, sizes in zip(seeds(), ([4, 6, 5, 3], [4, 7, 6, 5, 3], [4, 5, 3]), strict=True):
        weights = [torch.randn(o, i, generator=generator) for i, o in zip(sizes[:-1], sizes[1:], strict=True)]
        biases = [torch.randn(o, generator=generator) for o in sizes[1:]]
        x = torch.randn(20, 4, generator=generator)
        biases[-1] -= _forward(x, weights, biases).mean(0)  # so that each output has both signs
        answer = student(x.clone(), [w.clone() for w in weights], [b.clone() for b in biases])
        found = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        expect(
            found == (20, 3),
            f"Expected an output of shape (20, 3) for 20 points, {len(weights)} layers and 3 outputs, got {found}.\n"
            "Try: go through all layers, however many there are, x @ weight.T + bias.",
        )
        if close(answer, _forward(x, weights, biases), 1e-4):
            continue  # a mistake may happen to give the same numbers
        for wrong, hint in [
            (
                _forward(x, weights, biases).clamp(min=0),
                "The output of your last layer is clipped at zero.\n"
                "Try: no ReLU after the last layer; a score may be negative.",
            ),
            (
                _forward(x, weights, biases, between=lambda v: v),
                "There is no ReLU between your layers, so together they are one linear layer.\n"
                "Try: .clamp(min=0) or torch.relu.",
            ),
            (
                _forward(x, weights, [0 * b for b in biases]),
                "The biases are missing.\nTry: x @ weight.T + bias.",
            ),
            (
                _forward(x, weights, biases, between=torch.sigmoid),
                "There is a sigmoid between your layers.\nTry: torch.relu.",
            ),
            (
                _forward(x.clamp(min=0), weights, biases),
                "ReLU comes too early: it clips the input itself.\nTry: first the layer, then ReLU.",
            ),
        ]:
            expect(not close(answer, wrong, 1e-4), hint)
        expect(
            False,
            "The output differs from nn.Sequential's with the same weights.\n"
            "Try: layer by layer, x = relu(x @ weight.T + bias), the last one without relu.",
        )


def _forward(x, weights, biases, between=torch.relu):
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = between(x @ weight.T + bias)
    return x @ weights[-1].T + biases[-1]


@exercise("04.3", "your network tells the moons apart.")
def moons(student):
    from sklearn.datasets import make_moons

    for generator in seeds(2):
        points, classes = make_moons(1400, noise=0.1, random_state=generator.initial_seed())
        x, y = torch.tensor(points).float(), torch.tensor(classes).float()
        start = time.thread_time()  # does not count other threads and processes
        net = student(x[:400].clone(), y[:400].clone())
        seconds = time.thread_time() - start
        out, midpoints = _scores(net, x[400:])
        right = ((out[:, 0] > 0) == (y[400:] > 0.5)).float().mean().item()
        expect(
            right > 0.2,
            f"Only {right:.0%} of the test points are right, worse than guessing: your classes are swapped.\n"
            "Try: a positive score means class 1.",
        )
        expect(
            right >= 0.8,
            f"{right:.0%} of the test points are right: the network has hardly been trained.\n"
            "Try: backward() and step() in the loop, a larger learning rate, and an optimizer for net.parameters().",
        )
        expect(
            not close(midpoints, (out[:500] + out[500:]) / 2, 1e-4),
            "Your network is linear: it maps the midpoint of two points to the midpoint of their scores.\n"
            "Try: an activation, nn.Tanh() or nn.ReLU(), between the linear layers.",
        )
        expect(
            right >= 0.98,
            f"{right:.1%} of the test points are right, but the exercise asks for 98 %.\n"
            "Try: more steps, a larger learning rate, or more units.",
        )
        expect(
            seconds < SECONDS,
            f"Training took {seconds:.0f} seconds.\nTry: fewer steps with a larger learning rate.",
        )


def _scores(net, x):
    """Return the network's scores for 1000 points (1000, 1), and for the midpoints of 500 pairs (500, 1)."""
    expect(
        isinstance(net, nn.Module),
        f"Expected the trained network, got {type(net).__name__}.\nTry: end with return net.",
    )
    expect(
        any(p.requires_grad for p in net.parameters()),
        "Your network has no trainable parameters, but the exercise asks for a multilayer perceptron.\n"
        "Try: nn.Linear layers with an activation between them, in an nn.Sequential.",
    )
    with torch.no_grad():
        out, midpoints = net(x), net((x[:500] + x[500:]) / 2)
    expect(
        tuple(out.shape) == (1000, 1),
        f"1000 points give outputs of shape {tuple(out.shape)}, not (1000, 1).\nTry: nn.Linear(…, 1) at the end.",
    )
    expect(
        out.min() < 0 or out.max() > 1,
        "The outputs are probabilities, but the exercise asks for scores of either sign.\n"
        "Try: leave out the last sigmoid, binary_cross_entropy_with_logits includes it.",
    )
    return out, midpoints
