"""Classic mistakes in precision and recall."""


def right(matrix):
    diagonal = matrix.diagonal()
    return diagonal / matrix.sum(0).clamp(min=1), diagonal / matrix.sum(1).clamp(min=1)


def by_diagonal_removed(matrix):
    """Divides by the number of mistakes instead of by all."""
    diagonal = matrix.diagonal()
    return diagonal / (matrix.sum(0) - diagonal).clamp(min=1), diagonal / (matrix.sum(1) - diagonal).clamp(
        min=1
    )


def in_place(matrix):
    answer = right(matrix)
    matrix.fill_diagonal_(0)
    return answer


MISTAKES = [
    (lambda m: right(m)[::-1], "The two are swapped"),
    (lambda m: (m.diagonal() / m.sum(), m.diagonal() / m.sum()), "number of all images"),
    (lambda m: (m.diagonal() / m.sum(0), m.diagonal() / m.sum(1)), "gives 0 / 0"),
    (in_place, "changes the matrix"),
    (lambda m: right(m)[1], "return precision, recall"),
    (lambda m: tuple(part.mean() for part in right(m)), "one number for each class"),
    (by_diagonal_removed, "differs from the definition"),
]
