"""Classic mistakes in counting an inception module."""


def macs(pixels=True, projection=True, reductions=True, behind=True, three=9, five=25):
    def answer(inputs, filters, size):
        one, r3, n3, r5, n5, last = filters
        total = inputs * (one + (last if projection else 0) + (r3 + r5 if reductions else 0))
        total += three * (r3 if behind else inputs) * n3 + five * (r5 if behind else inputs) * n5
        return total * (size * size if pixels else 1)

    return answer


MISTAKES = [
    (macs(pixels=False), "the cost of one pixel"),
    (macs(projection=False), "The pooling branch is missing"),
    (macs(reductions=False), "The reductions also have a cost"),
    (macs(behind=False), "they come after the reduction"),
    (macs(five=9), "as in torchvision"),
    (macs(three=3, five=5), "square the 3 and the 5"),
    (lambda i, f, s: 2 * macs()(i, f, s), "You count additions"),
    (lambda i, f, s: macs()(i, f, s) + sum(f), "add up six convolutions"),
]
