"""Classic mistakes in the backward of batch norm."""


def parameters(g, x_hat):
    return (g * x_hat).sum(0), g.sum(0)


def with_dx(dx):
    """Return an answer with right parameter gradients and dx(gradient at x_hat, x_hat, std)."""
    return lambda g, x_hat, weight, std: (dx(g * weight, x_hat, std), *parameters(g, x_hat))


def right_dx(h, x_hat, std):
    return (h - h.mean(0) - x_hat * (h * x_hat).mean(0)) / std


def by_autograd(g, x_hat, weight, std):
    x = (x_hat * std).requires_grad_()
    out = (x - x.mean(0)) / x.var(0, correction=0).sqrt()
    out.backward(g * weight)
    return (x.grad, *parameters(g, x_hat))


MISTAKES = [
    (lambda g, x_hat, weight, std: right_dx(g * weight, x_hat, std), "Expected three gradients"),
    (with_dx(lambda h, x_hat, std: h / std), "only the direct path"),
    (with_dx(lambda h, x_hat, std: (h - h.mean(0)) / std), "lacks the path through s"),
    (
        with_dx(lambda h, x_hat, std: (h - x_hat * (h * x_hat).mean(0)) / std),
        "lacks the path through the mean",
    ),
    (with_dx(lambda h, x_hat, std: right_dx(h, x_hat, 1)), "not divided by s"),
    (
        with_dx(lambda h, x_hat, std: (h - h.sum(0) - x_hat * (h * x_hat).sum(0)) / std),
        "sums instead of means",
    ),
    (with_dx(lambda h, x_hat, std: (h - h.mean(0) + x_hat * (h * x_hat).mean(0)) / std), "dx differs"),
    (lambda g, x_hat, weight, std: (right_dx(g, x_hat, std), *parameters(g, x_hat)), "ignores the weight γ"),
    (
        lambda g, x_hat, weight, std: (right_dx(g * weight, x_hat, std), (g * x_hat).sum(0), g.mean(0)),
        "dbias is averaged",
    ),
    (
        lambda g, x_hat, weight, std: (right_dx(g * weight, x_hat, std), (g * x_hat).sum(0), g.sum(1)),
        "dbias is wrong",
    ),
    (
        lambda g, x_hat, weight, std: (right_dx(g * weight, x_hat, std), g.sum(0), g.sum(0)),
        "dweight is the gradient of the bias",
    ),
    (
        lambda g, x_hat, weight, std: (right_dx(g * weight, x_hat, std), g * x_hat, g.sum(0)),
        "dweight is wrong",
    ),
    (by_autograd, "You use autograd"),
]
