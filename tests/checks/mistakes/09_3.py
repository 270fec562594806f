"""Classic mistakes in finding the most confused pair."""


def right(matrix):
    return divmod(int(matrix.clone().fill_diagonal_(0).argmax()), len(matrix))


def in_place(matrix):
    return divmod(int(matrix.fill_diagonal_(0).argmax()), len(matrix))


def smallest(matrix):
    return divmod(int(matrix.clone().fill_diagonal_(99).argmin()), len(matrix))


MISTAKES = [
    (in_place, "changes the matrix"),
    (lambda matrix: int(matrix.clone().fill_diagonal_(0).argmax()), "Expected two digits"),
    (lambda matrix: divmod(int(matrix.argmax()), len(matrix)), "The diagonal counts the right predictions"),
    (lambda matrix: right(matrix)[::-1], "The two are swapped"),
    (smallest, "The largest number off the diagonal"),
]
