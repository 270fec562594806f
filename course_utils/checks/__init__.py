"""Judge an exercise and answer with a hint.

``check("01.2", my_function)`` runs the judge of exercise 01.2. A judge compares with PyTorch or with theory on
fresh random input, never with a stored answer. The judges of notebook NN live in ``notebook_NN.py``; each is a
function marked ``@exercise("NN.k", praise)`` that states what it expects with ``expect(condition, hint)``.
"""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

_judges: dict[str, tuple[Callable, str]] = {}


class Hint(AssertionError):
    """An exercise is not solved yet; the message says what to look at next.

    IPython shows only the message, without a traceback.
    """

    def __init__(self, number: str, text: str):
        self.number, self.text = number, text
        super().__init__(f"Exercise {number}: {text}")

    def _render_traceback_(self) -> list[str]:
        # IPython's hook for exceptions that want to be shown as plain text
        bold, plain = "\x1b[1m", "\x1b[0m"
        text = self.text.replace("Try:", f"{bold}Try:{plain}")
        return [f"{bold}Exercise {self.number} · not there yet{plain}", *text.splitlines()]


class Miss(AssertionError):
    """Raised by ``expect`` inside a judge; ``check`` turns it into a Hint."""


def exercise(number: str, praise: str) -> Callable:
    """Mark a function as the judge of exercise ``number``; ``praise`` is printed when it is content."""

    def register(judge: Callable) -> Callable:
        _judges[number] = judge, praise
        return judge

    return register


def expect(condition: bool | torch.Tensor, hint: str) -> None:
    """Inside a judge: go on if ``condition`` holds, else answer the student with ``hint``."""
    if not condition:
        raise Miss(hint)


def close(ours: torch.Tensor, reference: torch.Tensor, tolerance: float = 1e-5) -> bool:
    """Whether ``ours`` is a tensor of the reference's shape and equals it to ``tolerance``, relative or absolute."""
    if not isinstance(ours, torch.Tensor) or ours.shape != reference.shape:
        return False
    return torch.allclose(
        ours.detach().to(reference.dtype), reference.detach(), rtol=tolerance, atol=tolerance
    )


def seeds(count: int = 3) -> Iterator[torch.Generator]:
    """Yield generators of fresh random input: different on each run, so that no stored answer can pass."""
    for _ in range(count):
        yield torch.Generator().manual_seed(torch.seed() % 2**31)


def check(number: str, *answer: object) -> None:
    """Judge an exercise: print a line of praise, or raise a :class:`Hint` that says what to look at next.

    Args:
        number: the exercise, for example ``"01.2"``.
        answer: what the exercise asks for: a function, a class, a tensor, a number.

    Raises:
        Hint: the answer is missing or wrong.
        ValueError: there is no such exercise.

    The state of the random number generator is left as it was found. Met in notebook 00.
    """
    judge, praise = _find(number)
    state = torch.get_rng_state()
    try:
        judge(*answer)
    except Miss as miss:
        raise Hint(number, str(miss)) from None
    except NotImplementedError:
        raise Hint(
            number, "Nothing is written here yet.\nTry: replace the line that raises NotImplementedError."
        ) from None
    except Exception as error:
        raise Hint(number, _not_callable(error, answer) or _explain(error)) from error
    finally:
        torch.set_rng_state(state)
    print(f"✓ Exercise {number}: {praise}")


def _not_callable(error: Exception, answer: tuple) -> str:
    """What to say if the judge called an answer that is no function."""
    given = [type(part).__name__ for part in answer if not callable(part)]
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    ours = Path(trace.tb_frame.f_code.co_filename).parent == Path(__file__).parent
    if not (ours and given and isinstance(error, TypeError) and "not callable" in str(error)):
        return ""
    return (
        f"A function or a class was expected, {given[0]} was given.\n"
        "Try: hand over the name of what you have written, without brackets behind it."
    )


def _explain(error: Exception) -> str:
    """Say where the student's code stopped, in words."""
    trace, line = error.__traceback__, ""
    while trace:
        name = trace.tb_frame.f_code.co_filename
        if "ipykernel" in name or name.startswith("<"):
            line = f" at line {trace.tb_lineno} of your cell"
        trace = trace.tb_next
    return (
        f"Your code stopped{line} with {type(error).__name__}: {error}\n"
        "Try: run it by hand on a small input, and print the shapes on the way."
    )


def _find(number: str) -> tuple[Callable, str]:
    if number not in _judges:
        try:
            importlib.import_module(f"{__name__}.notebook_{number.partition('.')[0]}")
        except ModuleNotFoundError:
            pass
    if number not in _judges:
        raise ValueError(
            f"There is no exercise {number!r}. Its number stands in the heading above, for example '01.2'."
        )
    return _judges[number]
