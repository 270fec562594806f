"""Classic mistakes in cross-entropy with weights and ignored targets, and in its gradient."""

import torch
import torch.nn.functional as F


def pieces(logits, target, weight, ignore_index):
    """Return each example's weight (0 if it is ignored), loss, and gradient of that loss."""
    counts = target != ignore_index
    safe = torch.where(counts, target, 0)
    w = weight[safe] * counts
    each = F.cross_entropy(logits, safe, reduction="none")
    return w, each, logits.softmax(1) - F.one_hot(safe, logits.shape[1])


def right(logits, target, weight, ignore_index):
    w, each, slope = pieces(logits, target, weight, ignore_index)
    return (w * each).sum() / w.sum(), (w / w.sum())[:, None] * slope


def divided_by(number):
    """Return an answer with the right loss and gradient, divided by number(w, weight) instead of the sum of w."""

    def wrong(logits, target, weight, ignore_index):
        w, each, slope = pieces(logits, target, weight, ignore_index)
        n = number(w, weight)
        return (w * each).sum() / n, (w / n)[:, None] * slope

    return wrong


def with_gradient(change):
    """Return an answer with the right loss, and a gradient changed by change(w, slope, right gradient)."""

    def wrong(*given):
        w, _, slope = pieces(*given)
        loss, gradient = right(*given)
        return loss, change(w, slope, gradient)

    return wrong


def ignored_count(logits, target, weight, ignore_index):
    return right(logits, target.remainder(4), weight, ignore_index)


def softmax_twice(logits, *given):
    return right(logits.softmax(1), *given)


def always_minus_100(logits, target, weight, ignore_index):
    return right(logits, target, weight, -100)


def own_loss(logits, target, weight, ignore_index):
    counts = target != ignore_index
    w = torch.where(counts, weight[torch.where(counts, target, 0)], 0)
    picked = logits.log_softmax(1).gather(1, torch.where(counts, target, 0)[:, None])[:, 0]
    return -(w * picked).sum() / w.sum()


def by_autograd(logits, *given):
    logits = logits.requires_grad_()
    loss = own_loss(logits, *given)
    loss.backward()
    return loss.detach(), logits.grad


MISTAKES = [
    (lambda *given: right(*given)[0], "Expected two values"),
    (lambda *given: (pieces(*given)[1], right(*given)[1]), "The loss is one number"),
    (divided_by(lambda w, weight: len(w)), "number of all examples"),
    (divided_by(lambda w, weight: (w > 0).sum()), "number of examples that count"),
    (divided_by(lambda w, weight: weight.sum()), "sum of the C weights"),
    (divided_by(lambda w, weight: 1), "sum of the weighted losses"),
    (lambda x, y, w, i: right(x, y, torch.ones_like(w), i), "class weights are not used"),
    (lambda *given: (-right(*given)[0], right(*given)[1]), "sign of the loss"),
    (ignored_count, "as if they were a class"),
    (softmax_twice, "softmax twice"),
    (divided_by(lambda w, weight: w.max()), "Expected a loss of"),
    (with_gradient(lambda w, slope, g: g.sum(0)), "shape of the logits"),
    (with_gradient(lambda w, slope, g: slope / len(w)), "Ignored examples have a gradient"),
    (with_gradient(lambda w, slope, g: -g), "prediction minus truth"),
    (with_gradient(lambda w, slope, g: w[:, None] * slope), "not divided by the sum of the weights"),
    (with_gradient(lambda w, slope, g: w[:, None] * slope / (w > 0).sum()), "different numbers"),
    (with_gradient(lambda w, slope, g: (w > 0)[:, None] * slope / (w > 0).sum()), "the gradient differs"),
    (always_minus_100, "use the argument"),
    (by_autograd, "You use autograd"),
    (right, "one of PyTorch's losses"),
]
