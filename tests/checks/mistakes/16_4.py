"""Classic mistakes in accumulating gradients."""

from torch.nn.functional import mse_loss


def accumulate(weight, clear_first=True, clear_each=False, step_each=False, step=True):
    """The step of exercise 16.4; ``weight(batch, batches)`` and the keywords make the mistakes."""

    def student(model, optimizer, batches):
        if clear_first:
            optimizer.zero_grad()
        for x, y in batches:
            if clear_each:
                optimizer.zero_grad()
            (weight(len(x), [len(b) for b, _ in batches]) * mse_loss(model(x), y)).backward()
            if step_each:
                optimizer.step()
                optimizer.zero_grad()
        if step and not step_each:
            optimizer.step()

    return student


def right(n, sizes):
    return n / sum(sizes)


MISTAKES = [
    (accumulate(lambda n, sizes: 1), "by a factor of about the number of batches"),
    (accumulate(lambda n, sizes: 1 / len(sizes)), "You divide by the number of batches"),
    (accumulate(right, clear_first=False), "Gradients of an earlier step"),
    (accumulate(lambda n, sizes: 1, clear_each=True), "Only the last batch counts"),
    (accumulate(lambda n, sizes: 1, step_each=True), "You take a step after each batch"),
    (accumulate(lambda n, sizes: n), "which sum to the number of all images, not to 1"),
    (accumulate(right, step=False), "The weights have not moved"),
    (accumulate(lambda n, sizes: -right(n, sizes)), "differ from those after one step"),
]
