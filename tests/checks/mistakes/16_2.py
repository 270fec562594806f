"""Classic mistakes in joining the gradients of multiple processes."""


def total(gradients, sizes):
    return sum(n * g for n, g in zip(sizes, gradients))


def changes_its_input(gradients, sizes):
    for gradient, size in zip(gradients, sizes):
        gradient *= size
    return sum(gradients) / sum(sizes)


MISTAKES = [
    (lambda gradients, sizes: sum(gradients) / len(gradients), "You take the plain mean"),
    (lambda gradients, sizes: sum(gradients), "You take the plain sum"),
    (total, "The weighted sum is not divided yet"),
    (lambda gradients, sizes: total(gradients, sizes) / len(sizes), "the weights are numbers of images"),
    (
        lambda gradients, sizes: total(gradients, sizes) / max(sizes) / len(sizes),
        "as if all shares had the size of the largest",
    ),
    (lambda gradients, sizes: sum(g / n for n, g in zip(sizes, gradients)), "it is already a mean"),
    (changes_its_input, "You change the gradients"),
    (lambda gradients, sizes: None, "Expected one tensor with the shape of a gradient"),
    (lambda gradients, sizes: -total(gradients, sizes) / sum(sizes), "add up the sums"),
]
