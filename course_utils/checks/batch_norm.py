"""Judging batch norm (exercise 05.1) and its backward (05.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.checks import close, expect, seeds
from course_utils.checks.ready_made import without

OWN_NORM = "You call PyTorch's own batch norm.\nTry: x.mean(dim=0) and x.var(dim=0, correction=0)."
OWN_BACKWARD = "You use autograd.\nTry: sums and means of grad_output and grad_output · x̂ over the batch."


def judge_batch_norm(student) -> None:
    """Compare a module class with nn.BatchNorm1d."""
    expect(
        isinstance(student, type) and issubclass(student, nn.Module),
        'Expected a module class.\nTry: check("05.1", BatchNorm), without brackets after the name.',
    )
    for generator in seeds():
        # double precision, so that no rounding error looks like a mistake
        draw = {"generator": generator, "dtype": torch.float64}
        ours, theirs = student(5).double(), nn.BatchNorm1d(5).double()
        for name in ("weight", "bias"):
            values = torch.randn(5, **draw)
            getattr(ours, name).data.copy_(values)
            getattr(theirs, name).data.copy_(values)
        # the last feature varies so little that ε matters
        x = torch.randn(12, 5, **draw) * torch.tensor([1.0, 2.0, 3.0, 4.0, 3e-3]) + 2
        _judge_training(ours, theirs, x)
        _judge_running(ours, theirs, x, draw)
        _judge_evaluation(ours, theirs, x)
        _judge_arguments(student, x)


def _judge_training(ours: nn.Module, theirs: nn.Module, x: Tensor) -> None:
    """Compare the output for one batch in training, and the gradients."""
    ours_x, theirs_x = x.clone().requires_grad_(), x.clone().requires_grad_()
    out, right = ours(ours_x), theirs(theirs_x)
    w, b = theirs.weight.detach(), theirs.bias.detach()
    mean, var = x.mean(0), x.var(0, correction=0)
    expect(
        isinstance(out, Tensor) and out.shape == x.shape,
        "forward should return a tensor of the shape of x, (N, features).\n"
        "Try: mean and var over dim=0 are (features,).",
    )
    for wrong, hint in [
        (
            (x - mean) / (var + 1e-5).sqrt(),
            "weight and bias are not used.\nTry: the output is weight · x̂ + bias.",
        ),
        (
            w * (x - mean) / (x.var(0) + 1e-5).sqrt() + b,
            "You divide by N − 1 in the variance; batch norm normalises with N.\nTry: x.var(dim=0, correction=0).",
        ),
        (
            F.layer_norm(x, (5,), w, b),
            "You average over the features of each example; that is layer norm.\nTry: dim=0 is the batch.",
        ),
        (w * (x - mean) / var.sqrt() + b, "ε is missing.\nTry: take the root of var + self.eps."),
        (
            w * (x - mean) / (var.sqrt() + 1e-5) + b,
            "ε is outside the root.\nTry: add it to the variance, then take the root.",
        ),
        (
            w * (x - mean) / (var + 1e-5) + b,
            "You divide by the variance.\nTry: divide by its square root, the standard deviation.",
        ),
        (
            w * x / (1 + 1e-5) ** 0.5 + b,
            "In training you use the running statistics.\nTry: if self.training: take mean and variance of x.",
        ),
    ]:
        expect(not close(out, wrong), hint)
    expect(
        close(out, right),
        "In training the output differs from nn.BatchNorm1d's.\n"
        "Try: mean and variance over dim=0, x̂ = (x − mean) / √(var + ε), weight · x̂ + bias.",
    )
    _judge_gradients(ours, theirs, (ours_x, out), (theirs_x, right))


def _judge_gradients(
    ours, theirs, our_pass: tuple[Tensor, Tensor], their_pass: tuple[Tensor, Tensor]
) -> None:
    upstream = torch.randn_like(our_pass[1])
    gradients = []
    for model, (x, out) in ((ours, our_pass), (theirs, their_pass)):
        inputs = (x, model.weight, model.bias)
        gradients.append(torch.autograd.grad(out, inputs, upstream, allow_unused=True))
    for name, mine, right in zip(("x", "weight", "bias"), *gradients, strict=True):
        expect(
            mine is not None and torch.allclose(mine, right, rtol=1e-5, atol=1e-5 * right.abs().max().item()),
            f"The output is right, but the gradient of {name} is not.\n"
            "Try: mean and variance also depend on x: no .detach(), .data or no_grad around them.",
        )


def _judge_running(ours: nn.Module, theirs: nn.Module, x: Tensor, draw: dict) -> None:
    """Compare the running statistics after one batch and after four."""
    expect(
        not (ours.running_mean.requires_grad or ours.running_var.requires_grad),
        "The running statistics keep a graph, which grows with each batch.\n"
        "Try: update them within torch.no_grad().",
    )
    m, mean = 0.1, x.mean(0)
    for statistic, wrong, hint in [
        ("mean", 0 * mean, "running_mean has not changed.\nTry: update it in training, after each batch."),
        (
            "mean",
            0.9 * mean,
            "(1 − m) and m are swapped.\nTry: running = (1 − m)·running + m·batch, m = 0.1.",
        ),
        (
            "var",
            0.9 + m * x.var(0, correction=0),
            "running_var should average the variance that divides by N − 1.\nTry: x.var(dim=0, correction=1).",
        ),
    ]:
        expect(not close(getattr(ours, f"running_{statistic}"), wrong), hint)
    for _ in range(3):
        x = 3 * torch.randn(12, 5, **draw) - 1
        ours(x), theirs(x)
    expect(
        close(ours.running_mean, theirs.running_mean) and close(ours.running_var, theirs.running_var),
        "After four batches the running statistics differ from nn.BatchNorm1d's.\n"
        "Try: running = (1 − m)·running + m·batch for both, with m = self.momentum.",
    )


def _judge_evaluation(ours: nn.Module, theirs: nn.Module, x: Tensor) -> None:
    ours.eval(), theirs.eval()
    before = ours.running_mean.clone()
    with torch.no_grad():
        out, right = ours(x), theirs(x)
        as_in_training = F.batch_norm(x, None, None, theirs.weight, theirs.bias, training=True)
    expect(
        not close(out, as_in_training),
        "In evaluation you still use the batch's statistics.\n"
        "Try: if not self.training, take running_mean and running_var.",
    )
    expect(
        torch.equal(before, ours.running_mean),
        "In evaluation the running statistics change.\nTry: update them only if self.training.",
    )
    expect(
        close(out, right),
        "In evaluation the output differs from nn.BatchNorm1d's.\n"
        "Try: (x − running_mean) / √(running_var + ε), then weight and bias.",
    )


def _judge_arguments(student: type, x: Tensor) -> None:
    """Compare again, with other values of eps and momentum than the usual ones."""
    options = {"eps": 0.1, "momentum": 0.3}
    ours, theirs = student(5, **options).double(), nn.BatchNorm1d(5, **options).double()
    with without("batch_norm", hint=OWN_NORM):
        out = ours(x)
    pairs = [
        (out, theirs(x)),
        (ours.running_mean, theirs.running_mean),
        (ours.running_var, theirs.running_var),
    ]
    expect(
        all(close(mine, right) for mine, right in pairs),
        "With eps = 0.1 and momentum = 0.3 your layer is wrong; with the usual values it is right.\n"
        "Try: self.eps and self.momentum instead of numbers.",
    )


def judge_batch_norm_backward(student) -> None:
    """Compare ``student(grad_output, x_hat, weight, std)`` with autograd's gradients for x, weight and bias."""
    for generator in seeds():
        draw = {"generator": generator, "dtype": torch.float64}
        x, weight = 3 * torch.randn(10, 4, **draw) + 1, torch.randn(4, **draw)
        bias, g = torch.randn(4, **draw), torch.randn(10, 4, **draw) + 0.5
        std = (x.var(0, correction=0) + 1e-5).sqrt()
        x_hat = (x - x.mean(0)) / std
        inputs = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
        out = F.batch_norm(inputs[0], None, None, *inputs[1:], training=True)
        dx, dweight, dbias = torch.autograd.grad(out, inputs, g)
        answer = student(g.clone(), x_hat.clone(), weight.clone(), std.clone())
        expect(
            isinstance(answer, tuple | list) and len(answer) == 3,
            "Expected three gradients.\nTry: return dx, dweight, dbias.",
        )
        _compare_parameters(answer[1], answer[2], dweight, dbias, g)
        h = weight * g  # the gradient that arrives at x_hat
        along = x_hat * (h * x_hat).mean(0)
        for wrong, hint in [
            (
                h / std,
                "dx has only the direct path.\nTry: x_i also changes the mean and s, and these change every output.",
            ),
            (
                (h - h.mean(0)) / std,
                "dx lacks the path through s.\nTry: ∂s/∂x_i = x̂_i/N; subtract the part along x̂.",
            ),
            (
                (h - along) / std,
                "dx lacks the path through the mean.\nTry: subtract the mean of γg over the batch.",
            ),
            (dx * std, "dx is not divided by s.\nTry: x̂ = (x − μ)/s, so everything is divided by s."),
            (
                (g - g.mean(0) - x_hat * (g * x_hat).mean(0)) / std,
                "dx ignores the weight γ.\nTry: the gradient that arrives at x̂ is γ·g.",
            ),
            (
                (h - h.sum(0) - x_hat * (h * x_hat).sum(0)) / std,
                "dx subtracts sums instead of means.\nTry: ∂μ/∂x_i is 1/N.",
            ),
        ]:
            expect(not close(answer[0], wrong), hint)
        expect(
            close(answer[0], dx),
            "dx differs from autograd's.\n"
            "Try: with h = γg, dx = (h − mean of h − x̂ · mean of h·x̂) / s, means over dim=0.",
        )
    with without("backward", "grad", hint=OWN_BACKWARD):
        student(g, x_hat, weight, std)


def _compare_parameters(ours_weight, ours_bias, dweight: Tensor, dbias: Tensor, g: Tensor) -> None:
    expect(
        not close(ours_bias, dbias / len(g)),
        "dbias is averaged over the batch.\nTry: each example uses the bias once, so sum over the batch.",
    )
    expect(close(ours_bias, dbias), "dbias is wrong.\nTry: the sum of grad_output over the batch, dim=0.")
    expect(
        not close(ours_weight, dbias),
        "dweight is the gradient of the bias.\nTry: the weight is multiplied by x̂, so its gradient contains x̂.",
    )
    expect(
        close(ours_weight, dweight),
        "dweight is wrong.\nTry: the sum of grad_output · x̂ over the batch; its shape is (F,).",
    )
