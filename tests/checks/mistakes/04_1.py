"""Classic mistakes in folding two linear layers into one."""


def bias(first, second):
    return second.weight @ first.bias + second.bias


def changes_the_layers(first, second):
    second.weight.data, second.bias.data = second.weight @ first.weight, bias(first, second)
    return second.weight, second.bias


MISTAKES = [
    (lambda first, second: second.weight @ first.weight, "Expected two tensors."),
    (lambda first, second: (first.weight @ second.weight, bias(first, second)), "wrong order"),
    (lambda first, second: ((second.weight @ first.weight).T, bias(first, second)), "transposed weight"),
    (lambda first, second: (second.weight.T * first.weight, bias(first, second)), "weight differs"),
    (lambda first, second: (second.weight @ first.weight, first.bias), "bias has the shape"),
    (lambda first, second: (second.weight @ first.weight, second.bias), "first layer's bias is missing"),
    (lambda first, second: (second.weight @ first.weight, second.weight @ first.bias), "own bias is missing"),
    (lambda first, second: (second.weight @ first.weight, -bias(first, second)), "bias differs"),
    (changes_the_layers, "changes the layers"),
    (lambda first, second: (second.weight @ first.weight, None), "one of the two is not a tensor"),
]
