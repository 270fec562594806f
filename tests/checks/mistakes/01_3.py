"""Classic mistakes in a scalar autograd engine."""


class Value:
    """A correct engine; the mistakes below replace parts of it."""

    def __init__(self, data, parents=()):
        self.data, self.grad = data, 0.0
        self._parents, self._backward = parents, lambda: None

    def _node(self, data, *parents_and_slopes):
        """Return a new value; each parent comes with the derivative with respect to it."""
        out = type(self)(data, tuple(parent for parent, _ in parents_and_slopes))

        def _backward():
            for parent, slope in parents_and_slopes:
                self.add_gradient(parent, slope * out.grad)

        out._backward = _backward
        return out

    @staticmethod
    def add_gradient(parent, gradient):
        parent.grad += gradient

    def _lift(self, other):
        return other if isinstance(other, Value) else type(self)(other)

    def __add__(self, other):
        other = self._lift(other)
        return self._node(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        other = self._lift(other)
        return self._node(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, n):
        return self._node(self.data**n, (self, n * self.data ** (n - 1)))

    def relu(self):
        return self._node(max(self.data, 0.0), (self, float(self.data > 0)))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -self._lift(other)

    def order(self):
        order, seen = [], set()

        def visit(value):
            if value not in seen:
                seen.add(value)
                for parent in value._parents:
                    visit(parent)
                order.append(value)

        visit(self)
        return reversed(order)

    def backward(self):
        self.grad = 1.0
        for value in self.order():
            value._backward()


class Overwrites(Value):
    @staticmethod
    def add_gradient(parent, gradient):
        parent.grad = gradient


class ForgetsTheStart(Value):
    def backward(self):
        for value in self.order():
            value._backward()


class OwnFactor(Value):
    def __mul__(self, other):
        other = self._lift(other)
        return self._node(self.data * other.data, (self, self.data), (other, other.data))


class PowerWithoutFactor(Value):
    def __pow__(self, n):
        return self._node(self.data**n, (self, self.data ** (n - 1)))


class ReluPassesAll(Value):
    def relu(self):
        return self._node(max(self.data, 0.0), (self, 1.0))


class NoPlainNumberInFront(Value):
    __rmul__ = None


class DepthFirst(Value):
    """Passes gradients on before all nodes that use a node have passed on theirs."""

    def backward(self):
        self.grad = 1.0

        def visit(value, seen):
            if value not in seen:
                seen.add(value)
                value._backward()
                for parent in value._parents:
                    visit(parent, seen)

        visit(self, set())


class NoGrad:
    def __init__(self, data):
        self.data = data


MISTAKES = [
    (NoGrad, "needs the attributes data and grad"),
    (ForgetsTheStart, "The gradient of the output itself must be 1"),
    (OwnFactor, "the gradient of each factor is the other factor"),
    (PowerWithoutFactor, "the derivative of aⁿ"),
    (ReluPassesAll, "relu passes no gradient on"),
    (NoPlainNumberInFront, "TypeError"),
    (Overwrites, "add to grad with +="),
    (DepthFirst, "sort the graph topologically"),
]
