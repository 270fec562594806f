"""Classic mistakes in the learning rate of a larger batch."""


def rate(goal, start=lambda lr: lr, part=lambda step, warmup: min(step / warmup, 1)):
    """The learning rate of exercise 16.3; the arguments make the mistakes."""

    def student(lr, batch, new_batch, step, warmup):
        first, last = start(lr), goal(lr, new_batch / batch)
        return first + (last - first) * part(step, warmup)

    return student


MISTAKES = [
    (rate(lambda lr, k: lr * k, part=lambda step, warmup: 1), "There is no warm-up"),
    (rate(lambda lr, k: lr * k**0.5), "the square root of the batch size"),
    (rate(lambda lr, k: lr / k), "Your learning rate decreases for a larger batch"),
    (rate(lambda lr, k: lr * k, start=lambda lr: 0), "Your warm-up begins at 0"),
    (
        rate(lambda lr, k: lr * k, part=lambda step, warmup: step / warmup),
        "continues to increase after the warm-up",
    ),
    (lambda lr, batch, new_batch, step, warmup: lr, "The learning rate does not change"),
    (rate(lambda lr, k: lr * k, part=lambda step, warmup: min((step + 1) / warmup, 1)), "both ends first"),
    (lambda lr, batch, new_batch, step, warmup: None, "Expected one number"),
]
