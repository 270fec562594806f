"""Classic mistakes in measuring an accuracy over batches."""

import torch


def measure(
    model, loader, training=False, gradients=False, total=None, mean=False, dim=1, scale=1, last=False
):
    """Return the accuracy; the arguments after `loader` make the mistakes."""
    model.train(training)
    right, seen, per_batch = 0, 0, []
    with torch.set_grad_enabled(gradients):
        for x, y in loader:
            out = model(x)
            hits = (out.argmax(1) == y) if dim == 1 else (out.argmax(0)[:1] == y)
            right, seen = right + int(hits.sum()), seen + len(y)
            per_batch.append(float(hits.float().mean()))
    if mean:
        return sum(per_batch) / len(per_batch)
    return per_batch[-1] if last else scale * right / (total or seen)


def list_of_per_batch(model, loader):
    with torch.no_grad():
        return [(model.eval()(x).argmax(1) == y).float().mean() for x, y in loader]


MISTAKES = [
    (lambda m, b: measure(m, b, mean=True), "you average the batches"),
    (lambda m, b: measure(m, b, total=1), "the number of right answers"),
    (lambda m, b: measure(m, b, scale=100), "a percentage"),
    (lambda m, b: measure(m, b, total=len(b)), "by the number of batches"),
    (lambda m, b: measure(m, b, last=True), "the last batch only"),
    (lambda m, b: measure(m, b, dim=0), "argmax(1)"),
    (lambda m, b: measure(m, b, training=True), "model.eval()"),
    (lambda m, b: measure(m, b, gradients=True), "torch.no_grad()"),
    (list_of_per_batch, "Expected one number"),
]
