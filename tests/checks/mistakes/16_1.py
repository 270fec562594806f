"""Classic mistakes in distributing the items of a batch."""


def drops_the_rest(count, rank, size):
    part = count // size
    return range(rank * part, (rank + 1) * part)


def all_the_rest_to_the_last(count, rank, size):
    part = count // size
    return range(rank * part, count if rank == size - 1 else (rank + 1) * part)


def pads_with_copies(count, rank, size):
    part = -(-count // size)
    return [i % count for i in range(rank * part, (rank + 1) * part)]


def rounds_up_past_the_end(count, rank, size):
    part = -(-count // size)
    return range(rank * part, (rank + 1) * part)


MISTAKES = [
    (drops_the_rest, "your division drops the remainder"),
    (all_the_rest_to_the_last, "the other processes wait for the largest"),
    (pads_with_copies, "do not pad with copies"),
    (rounds_up_past_the_end, "a slice or range ends before its stop"),
    (lambda count, rank, size: slice(rank, count, size), "got slice"),
]
