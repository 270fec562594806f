"""Classic mistakes in choosing classes and renumbering them."""

import torch


def mask(labels, keep):
    return torch.isin(labels, torch.tensor(keep))


def numbered(labels, keep):
    new = torch.zeros_like(labels)
    for number, label in enumerate(keep):
        new[labels == label] = number
    return new


def in_the_same_tensor(images, labels, keep):
    images, labels = images[mask(labels, keep)], labels[mask(labels, keep)]
    for number, label in enumerate(keep):
        labels[labels == label] = number
    return images, labels


def sorted_by_class(images, labels, keep):
    parts = [images[labels == label] for label in keep]
    return torch.cat(parts), torch.cat([torch.full((len(part),), i) for i, part in enumerate(parts)])


def changes_its_input(images, labels, keep):
    old = labels.clone()
    labels.copy_(numbered(old, keep))
    return images[mask(old, keep)], labels[mask(old, keep)]


def in_ascending_order(images, labels, keep):
    chosen = mask(labels, keep)
    return images[chosen], labels[chosen].unique(return_inverse=True)[1]


def one_mask_only(images, labels, keep):
    return images, numbered(labels, keep)[mask(labels, keep)]


def other_images(images, labels, keep):
    chosen = mask(labels, keep)
    return images[: int(chosen.sum())], numbered(labels, keep)[chosen]


MISTAKES = [
    (lambda x, y, keep: (x[mask(y, keep)], y[mask(y, keep)]), "old numbers"),
    (in_the_same_tensor, "renumbered again"),
    (sorted_by_class, "sorted by class"),
    (changes_its_input, "changes the labels that it is given"),
    (in_ascending_order, "in ascending order"),
    (one_mask_only, "is true for each image to keep"),
    (other_images, "with the same mask"),
    (
        lambda x, y, keep: (x[mask(y, keep)], numbered(y, keep)[mask(y, keep)].float()),
        "cross-entropy expects torch.int64",
    ),
    (lambda x, y, keep: x[mask(y, keep)], "two tensors"),
]
