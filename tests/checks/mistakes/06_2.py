"""Classic mistakes in Adam."""

import torch


class Right:
    """A correct Adam; the mistakes below replace parts of it."""

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.parameters, self.lr, self.betas, self.eps = list(parameters), lr, betas, eps
        self.m = [torch.zeros_like(p) for p in self.parameters]
        self.s = [torch.zeros_like(p) for p in self.parameters]
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        for p, m, s in zip(self.parameters, self.m, self.s):
            if p.grad is not None:
                self.average(p, m, s)
                self.update(p, m, s)

    def average(self, p, m, s):
        m.mul_(self.betas[0]).add_((1 - self.betas[0]) * p.grad)
        s.mul_(self.betas[1]).add_((1 - self.betas[1]) * p.grad**2)

    def corrected(self, m, s):
        return m / (1 - self.betas[0] ** self.t), s / (1 - self.betas[1] ** self.t)

    def update(self, p, m, s):
        m, s = self.corrected(m, s)
        p -= self.lr * m / (s.sqrt() + self.eps)


class Uphill(Right):
    def update(self, p, m, s):
        m, s = self.corrected(m, s)
        p += self.lr * m / (s.sqrt() + self.eps)


class Uncorrected(Right):
    def corrected(self, m, s):
        return m, s


class CorrectsOnlyS(Right):
    def corrected(self, m, s):
        return m, super().corrected(m, s)[1]


class CorrectsOnlyM(Right):
    def corrected(self, m, s):
        return super().corrected(m, s)[0], s


class EpsUnderTheRoot(Right):
    def update(self, p, m, s):
        m, s = self.corrected(m, s)
        p -= self.lr * m / (s + self.eps).sqrt()


class NoRoot(Right):
    def update(self, p, m, s):
        m, s = self.corrected(m, s)
        p -= self.lr * m / (s + self.eps)


class BetasSwapped(Right):
    def __init__(self, parameters, lr, betas, eps):
        super().__init__(parameters, lr, betas[::-1], eps)


class SumOfGradients(Right):
    def average(self, p, m, s):
        super().average(p, m, s)
        m += self.betas[0] * p.grad


class CountsFromZero(Right):
    @torch.no_grad()
    def step(self):
        self.t -= 1
        super().step()
        self.t += 1


class TimeStandsStill(Right):
    @torch.no_grad()
    def step(self):
        self.t = 0
        super().step()


class CountsParameters(Right):
    @torch.no_grad()
    def step(self):
        for p, m, s in zip(self.parameters, self.m, self.s):
            self.t += 1
            if p.grad is not None:
                self.average(p, m, s)
                self.update(p, m, s)


class NewTensor(Right):
    def update(self, p, m, s):
        m, s = self.corrected(m, s)
        p = p - self.lr * m / (s.sqrt() + self.eps)


class SquaresTheGradient(Right):
    def average(self, p, m, s):
        m.mul_(self.betas[0]).add_((1 - self.betas[0]) * p.grad)
        s.mul_(self.betas[1]).add_((1 - self.betas[1]) * p.grad.mul_(p.grad))


class NeedsEveryGradient(Right):
    @torch.no_grad()
    def step(self):
        self.t += 1
        for p, m, s in zip(self.parameters, self.m, self.s):
            self.average(p, m, s)
            self.update(p, m, s)


class MeansOfMeans(Right):
    def average(self, p, m, s):
        super().average(p, m, s)
        s.mul_(self.betas[1])


class CorrectsInPlace(Right):
    def corrected(self, m, s):
        return m.div_(1 - self.betas[0] ** self.t), s.div_(1 - self.betas[1] ** self.t)


MISTAKES = [
    (Uphill, "go uphill"),
    (Uncorrected, "divide m by 1 − β₁ᵗ and s by"),
    (CorrectsOnlyS, "You correct s but not m"),
    (CorrectsOnlyM, "You correct m but not s"),
    (EpsUnderTheRoot, "under the root"),
    (NoRoot, "You divide by ŝ itself"),
    (BetasSwapped, "betas are swapped"),
    (SumOfGradients, "Your m is a sum"),
    (CountsFromZero, "count t from 1"),
    (TimeStandsStill, "Your t stays at 1"),
    (CountsParameters, "Your t counts parameters"),
    (NewTensor, "only makes a new tensor"),
    (SquaresTheGradient, "step() changes the gradient"),
    (NeedsEveryGradient, "whose grad is None"),
    (CorrectsInPlace, "change m and s themselves"),
    (MeansOfMeans, "Starting at step 1,"),
]
