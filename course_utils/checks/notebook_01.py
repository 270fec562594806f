"""Judges of notebook 01: a derivative, a differentiable layer, a scalar autograd engine."""

import random

import torch
from torch import Tensor

from course_utils.checks import close, exercise, expect, seeds


@exercise("01.1", "your derivative and autograd's agree.")
def derivative(student):
    for generator in seeds():
        x = torch.randn(50, generator=generator, dtype=torch.float64).requires_grad_()
        (x**2 * torch.sin(x)).sum().backward()
        answer, x = student(x.detach().clone()), x.detach()
        expect(
            isinstance(answer, Tensor) and answer.shape == x.shape,
            "Expected one derivative for each x: a tensor of the shape of x.\nTry: use x**2, torch.sin, torch.cos.",
        )
        expect(
            not close(answer, 2 * x * torch.cos(x)),
            "You multiplied the two derivatives.\nTry: the product rule, (u v)' = u' v + u v'.",
        )
        expect(
            not close(answer, 2 * x * torch.sin(x)),
            "This is only u' v, half of the product rule.\nTry: add x² times the derivative of sin.",
        )
        expect(
            not close(answer, 2 * x * torch.sin(x) - x**2 * torch.cos(x)),
            "The sign of the second term is wrong.\nTry: what is the derivative of sin? And of cos?",
        )
        expect(
            close(answer, x.new_tensor(0) + 2 * x * torch.sin(x) + x**2 * torch.cos(x)),
            "This differs from autograd's derivative.\nTry: write down u = x² and v = sin x, then u' v + u v'.",
        )


@exercise("01.2", "forward and all three gradients pass torch.autograd.gradcheck.")
def linear_layer(student):
    expect(
        isinstance(student, type) and issubclass(student, torch.autograd.Function),
        "A subclass of torch.autograd.Function was expected.\nTry: class MyLinear(torch.autograd.Function): …",
    )
    for generator in seeds():
        draw = {"generator": generator, "dtype": torch.float64}
        x, weight, bias = torch.randn(4, 3, **draw), torch.randn(2, 3, **draw), torch.randn(2, **draw)
        out = student.apply(x, weight, bias)
        expect(not close(out, x @ weight.T), "forward forgets the bias.\nTry: x @ weight.T + bias.")
        expect(
            close(out, torch.nn.functional.linear(x, weight, bias)),
            "forward differs from torch.nn.functional.linear(x, weight, bias).\nTry: x @ weight.T + bias.",
        )
        upstream = torch.randn(4, 2, **draw)
        ours = _gradients(student.apply, x, weight, bias, upstream)
        _compare_gradients(ours, x, weight, upstream)
    inputs = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
    expect(
        torch.autograd.gradcheck(student.apply, inputs, raise_exception=False),
        "gradcheck finds a difference from the numerical gradient.\nTry: compare one gradient at a time.",
    )


def _gradients(layer, *tensors: Tensor) -> list[Tensor]:
    *inputs, upstream = tensors
    inputs = [tensor.clone().requires_grad_() for tensor in inputs]
    try:
        layer(*inputs).backward(upstream)
    except RuntimeError as error:
        expect(
            False,
            f"backward stopped: {error}\nTry: return one gradient for each input of forward, each of its input's shape;"
            " the gradient of the bias sums over the batch.",
        )
    return [tensor.grad for tensor in inputs]


def _compare_gradients(ours: list[Tensor | None], x: Tensor, weight: Tensor, upstream: Tensor) -> None:
    right = {"x": upstream @ weight, "weight": upstream.T @ x, "bias": upstream.sum(0)}
    ignoring_upstream = [
        torch.ones_like(upstream) @ weight,
        torch.ones_like(upstream).T @ x,
        torch.ones_like(upstream).sum(0),
    ]
    for (name, expected), gradient, ignoring in zip(right.items(), ours, ignoring_upstream, strict=True):
        expect(
            gradient is not None,
            f"The gradient of {name} is None.\nTry: return a tensor for each input of forward.",
        )
        expect(
            not close(gradient, ignoring),
            f"The gradient of {name} ignores the upstream gradient, grad_output.\n"
            "Try: the chain rule: each gradient is a product with grad_output.",
        )
        if name == "bias":
            expect(
                not close(gradient, expected / len(x)),
                "The gradient of bias is averaged over the batch.\n"
                "Try: each row uses the bias once, so sum over the rows.",
            )
        expect(
            close(gradient, expected),
            f"The gradient of {name} is wrong.\nTry: write down the shapes: grad_output is (N, out), x is (N, in), "
            "weight is (out, in). Only one product has the right shape.",
        )


@exercise("01.3", "your engine and PyTorch agree on fifty random expressions.")
def scalar_engine(student):
    a = student(2.0)
    expect(
        hasattr(a, "data") and hasattr(a, "grad"),
        "A Value needs the attributes data and grad.\nTry: look at __init__.",
    )
    _simple_rules(student)
    b = student(3.0)
    (b * b).backward()
    expect(
        b.grad == 6,
        f"For y = b·b at b = 3 the gradient should be 6, yours is {b.grad:g}.\n"
        "Try: a value used twice gets two contributions: add to grad with +=.",
    )
    for text, last in [("d·d + d", lambda d: d * d + d), ("d + d·d", lambda d: d + d * d)]:
        c = student(2.0)
        last(c * 3).backward()
        expect(
            abs(c.grad - 39) < 1e-9,
            f"For d = 3c, y = {text} at c = 2 the gradient should be 39, yours is {c.grad:g}.\n"
            "Try: a node passes its gradient on after all nodes that use it have: sort the graph topologically.",
        )
    for seed in range(50):
        _random_expression(student, random.randrange(10**9) + seed)


def _simple_rules(student) -> None:
    """Check each operation by itself, at a = 2 and b = 3."""
    # expression, operation, its value, its gradients for a and b, advice
    rules = [
        ("a + b", lambda a, b: a + b, 2 + 3, 1, 1, "the sum passes the gradient on unchanged."),
        ("a * b", lambda a, b: a * b, 2 * 3, 3, 2, "the gradient of each factor is the other factor."),
        ("a - b", lambda a, b: a - b, 2 - 3, 1, -1, "a - b is a + (-1)·b."),
        ("a ** 3 + b", lambda a, b: a**3 + b, 8 + 3, 12, 1, "the derivative of aⁿ is n·aⁿ⁻¹."),
        ("a.relu() + b", lambda a, b: a.relu() + b, 2 + 3, 1, 1, "relu passes the gradient on if a > 0."),
        (
            "(-a).relu() + b",
            lambda a, b: (-a).relu() + b,
            0 + 3,
            0,
            1,
            "relu passes no gradient on if its input is negative.",
        ),
        (
            "2 * a + b",
            lambda a, b: 2 * a + b,
            4 + 3,
            2,
            1,
            "2 * a calls __rmul__ of your class with the plain number 2.",
        ),
    ]
    for text, rule, value, da, db, hint in rules:
        a, b = student(2.0), student(3.0)
        out = rule(a, b)
        expect(
            abs(out.data - value) < 1e-9,
            f"{text} at a = 2, b = 3 is {value}, yours is {out.data:g}.\nTry: {hint}",
        )
        out.backward()
        expect(
            out.grad == 1,
            "The gradient of the output itself must be 1.\nTry: self.grad = 1.0 at the start of backward.",
        )
        expect(
            abs(a.grad - da) < 1e-9 and abs(b.grad - db) < 1e-9,
            f"The gradients of {text} at a = 2, b = 3 are {da} and {db}, "
            f"yours are {a.grad:g} and {b.grad:g}.\nTry: {hint}",
        )


def _random_expression(student, seed: int) -> None:
    """Build the same expression of the student's values and of tensors, and compare all gradients."""
    results = []
    for make in (student, lambda v: torch.tensor(v, dtype=torch.float64, requires_grad=True)):
        draw = random.Random(seed)
        leaves = [make(draw.uniform(0.5, 2)) for _ in range(3)]
        values = list(leaves)
        for _ in range(8):
            a, b = draw.choice(values), draw.choice(values)
            values.append(
                draw.choice(
                    [
                        lambda a, b: a + b,
                        lambda a, b: a * b,
                        lambda a, b: a - b,
                        lambda a, b: (a - b).relu() + a,
                        lambda a, b: a * 0.5 + b,
                    ]
                )(a, b)
            )
        total = sum(values[1:], values[0])
        total.backward()
        results.append([float(getattr(leaf.grad, "item", lambda leaf=leaf: leaf.grad)()) for leaf in leaves])
    ours, torchs = torch.tensor(results, dtype=torch.float64)
    expect(
        torch.allclose(ours, torchs, rtol=1e-6, atol=1e-6),
        f"On a random expression PyTorch computes the gradients {torchs.tolist()}, your engine {ours.tolist()}.\n"
        "Try: visit each node once, after all nodes that use it, and add with +=.",
    )
