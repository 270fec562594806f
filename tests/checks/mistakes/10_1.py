"""Classic mistakes in an L1 penalty."""


def over(function, keep=lambda p: p.dim() > 1):
    """Return strength · Σ function(p) over the parameters for which `keep` is true."""
    return lambda model, strength: strength * sum(function(p) for p in model.parameters() if keep(p))


def total(model):
    return over(lambda p: p.abs().sum())(model, 1)


def count(model):
    return sum(p.numel() for p in model.parameters() if p.dim() > 1)


MISTAKES = [
    (lambda model, strength: strength * total(model).item(), "Expected a tensor that holds one number"),
    (lambda model, strength: total(model), "The strength is missing"),
    (over(lambda p: p.abs().sum(), keep=lambda p: True), "penalised too"),
    (over(lambda p: p.sum()), "cancel"),
    (over(lambda p: p.square().sum()), "the L2 penalty"),
    (over(lambda p: p.norm()), "the lengths of the weight tensors"),
    (over(lambda p: p.abs().mean()), "the mean of each layer"),
    (lambda model, strength: strength * total(model) / count(model), "a mean over all weights"),
    (lambda model, strength: strength * model[-1].weight.abs().sum(), "Only the last layer"),
    (over(lambda p: p.data.abs().sum()), "no gradient flows"),
    (over(lambda p: 0.5 * p.abs().sum()), "Expected a penalty"),
]
