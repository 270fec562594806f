"""Classic mistakes in a linear layer with its gradients."""

import torch


class Right(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.T + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output @ weight, grad_output.T @ x, grad_output.sum(0)


def with_backward(backward):
    """Return the layer with another backward, a function of grad_output, x and weight."""
    return type("Wrong", (Right,), {"backward": staticmethod(lambda ctx, g: backward(g, *ctx.saved_tensors))})


class WithoutBias(Right):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.T


class DoubleBias(Right):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.T + 2 * bias


MISTAKES = [
    (lambda x, weight, bias: x @ weight.T + bias, "A subclass of torch.autograd.Function"),
    (WithoutBias, "forgets the bias"),
    (DoubleBias, "forward differs"),
    (with_backward(lambda g, x, w: (g @ w, g.T @ x)), "return one gradient for each input of forward"),
    (with_backward(lambda g, x, w: (g @ w, g.T @ x, None)), "The gradient of bias is None"),
    (
        with_backward(lambda g, x, w: (torch.ones_like(g) @ w, g.T @ x, g.sum(0))),
        "ignores the upstream gradient",
    ),
    (with_backward(lambda g, x, w: (g @ w, g.T @ x, g.mean(0))), "averaged over the batch"),
    (with_backward(lambda g, x, w: (g @ w, g.T @ x / len(x), g.sum(0))), "The gradient of weight is wrong"),
]
