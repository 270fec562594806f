"""Classic mistakes in a vectorised cutout."""

import torch


def right(
    images,
    row,
    column,
    size,
    *,
    rows=None,
    columns=None,
    join=torch.logical_and,
    end=None,
    invert=False,
    channels=None,
):
    """Cutout; the keywords make the mistakes."""
    row = row if rows is None else rows(row, size)
    column = column if columns is None else columns(column, size)
    end = size if end is None else end(size)
    i = torch.arange(images.shape[2]) - row[:, None]
    j = torch.arange(images.shape[3]) - column[:, None]
    mask = join(((i >= 0) & (i < end))[:, :, None], ((j >= 0) & (j < end))[:, None, :])[:, None]
    mask = ~mask if invert else mask
    out = images.clone()
    out[:, :channels] = out[:, :channels].masked_fill(mask, 0)
    return out


def loop(images, row, column, size):
    out = images.clone()
    for image, i, j in zip(out, row.tolist(), column.tolist(), strict=True):
        image[:, max(i, 0) : max(i + size, 0), max(j, 0) : max(j + size, 0)] = 0
    return out


def in_place(images, row, column, size):
    images.copy_(right(images, row, column, size))
    return images


def wrong(**keywords):
    return lambda *given: right(*given, **keywords)


def inside(start, size):
    return start.clamp(min=0)


def centre(start, size):
    return start - size // 2


def first(start, size):
    return start[:1].expand(len(start))


MISTAKES = [
    (lambda images, row, column, size: right(images, row, column, size)[0], "Expected a batch of shape"),
    (in_place, "changes its input"),
    (lambda images, *rest: right(images, *rest).double(), "became torch.float64"),
    (lambda images, *rest: images.clone(), "Nothing is cut out"),
    (wrong(invert=True), "cut out the rest"),
    (lambda images, row, column, size: right(images, column, row, size), "Rows and columns are swapped"),
    (wrong(rows=first, columns=first), "the same hole"),
    (wrong(end=lambda size: size + 1), "one pixel too large"),
    (wrong(rows=inside, columns=inside), "that begins outside into the image"),
    (wrong(rows=centre, columns=centre), "as the centre"),
    (wrong(channels=1), "Only the first channel"),
    (wrong(join=torch.logical_or), "Whole rows or columns"),
    (wrong(end=lambda size: size - 1), "not where they should be"),
    (loop, "you use a loop"),
]
