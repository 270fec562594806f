"""Classic mistakes in early stopping."""


def stop(losses, patience, first=1, keep_last=False, late=0, tie=False):
    """Early stopping; the arguments after `patience` make the mistakes."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best] or (tie and loss == losses[best]):
            best = epoch
        if epoch - best >= patience + late:
            break
    return epoch + first, (epoch if keep_last else best) + first


def never(losses, patience):
    return len(losses), losses.index(min(losses)) + 1


def sees_the_future(losses, patience):
    return stop(losses, patience)[0], losses.index(min(losses)) + 1


def against_the_epoch_before(losses, patience):
    waited = 0
    for epoch in range(1, len(losses)):
        waited = 0 if losses[epoch] < losses[epoch - 1] else waited + 1
        if waited == patience:
            break
    seen = losses[: epoch + 1]
    return len(seen), seen.index(min(seen)) + 1


def only_one_return(losses, patience):
    last, best = stop(losses, patience)
    return (last, best) if last < len(losses) else None


MISTAKES = [
    (lambda losses, patience: stop(losses, patience, first=0), "You count from 0"),
    (lambda losses, patience: stop(losses, patience, keep_last=True), "the weights of the last epoch"),
    (lambda losses, patience: stop(losses, patience, late=1), "one epoch too long"),
    (lambda losses, patience: stop(losses, patience, tie=True), "You count an equal loss"),
    (never, "You never stop"),
    (sees_the_future, "never trained"),
    (against_the_epoch_before, "compare with the previous epoch"),
    (only_one_return, "at every return"),
    (lambda losses, patience: (1, 1), "With patience"),
]
