"""Check a solution of an exercise, and answer with a hint if it is not right yet.

``check("01.2", my_function)`` runs the judge of exercise 01.2. A judge compares with PyTorch or with theory on
fresh random input, never with a stored answer. The judges of notebook NN are in ``notebook_NN.py``. Each is a
function with the decorator ``@exercise("NN.k", praise)`` that states what it expects with ``expect(condition, hint)``.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb

import torch


class Hint(AssertionError):
    """An exercise is not solved yet; the message says what to look at next.

    IPython shows only the message, without a traceback.
    """

    def __init__(self, number: str, text: str):
        self.number, self.text = number, text
        super().__init__(f"Exercise {number}: {text}")

    def _render_traceback_(self) -> list[str]:
        # IPython calls this method if an exception has it, and shows the lines that it returns
        bold, plain = "\x1b[1m", "\x1b[0m"
        text = self.text.replace("Try:", f"{bold}Try:{plain}")
        return [f"{bold}Exercise {self.number} · not there yet{plain}", *text.splitlines()]


class Miss(AssertionError):
    """Raised by ``expect`` inside a judge; ``Exercise`` turns it into a Hint."""


@dataclass(frozen=True)
class Exercise:
    """An exercise, called with a student's answer.

    Attributes:
        number: for example ``"01.2"``.
        praise: what is printed after the number if the answer is right.
        judge: called with the answer; raises :class:`Miss` if it is wrong.
    """

    number: str
    praise: str
    judge: Callable[..., None]

    def __call__(self, *answer: object) -> None:
        """Print the praise, or raise a :class:`Hint`. The state of the random number generator is restored."""
        state = torch.get_rng_state()
        try:
            self.judge(*answer)
        except Miss as miss:
            raise Hint(self.number, str(miss)) from None
        except NotImplementedError:
            text = "Nothing is written here yet.\nTry: replace the line that raises NotImplementedError."
            raise Hint(self.number, text) from None
        except Exception as error:
            raise Hint(self.number, _not_callable(error, answer) or _explain(error)) from error
        finally:
            torch.set_rng_state(state)
        print(f"✓ Exercise {self.number}: {self.praise}")


def exercise(number: str, praise: str) -> Callable[[Callable[..., None]], Exercise]:
    """Make the decorated function the judge of exercise ``number``; ``praise`` is printed if the answer is right."""
    return lambda judge: Exercise(number, praise, judge)


def expect(condition: bool | torch.Tensor, hint: str) -> None:
    """Inside a judge: continue if ``condition`` holds, else answer the student with ``hint``."""
    if not condition:
        raise Miss(hint)


def close(ours: object, reference: torch.Tensor, tolerance: float = 1e-5) -> bool:
    """Whether ``ours`` is a tensor of the reference's shape and equals it to ``tolerance``, relative or absolute."""
    if not isinstance(ours, torch.Tensor) or ours.shape != reference.shape:
        return False
    return torch.allclose(
        ours.detach().to(reference.dtype), reference.detach(), rtol=tolerance, atol=tolerance
    )


def seeds(count: int = 3) -> Iterator[torch.Generator]:
    """Yield generators of fresh random input: different in each run, so that no stored answer can pass."""
    for _ in range(count):
        yield torch.Generator().manual_seed(torch.seed() % 2**31)


def check(number: str, *answer: object) -> None:
    """Judge an exercise: print a line of praise, or raise a :class:`Hint` that says what to look at next.

    Args:
        number: the exercise, for example ``"01.2"``.
        answer: what the exercise asks for: a function, a class, a tensor, a number.

    Raises:
        Hint: If the answer is missing or wrong.
        ValueError: If the exercise does not exist.

    The state of the random number generator is restored afterwards. Introduced in notebook 00.
    """
    _find(number)(*answer)


def _find(number: str) -> Exercise:
    """Return the exercise ``number`` of module ``notebook_NN``."""
    name = f"{__name__}.notebook_{number.partition('.')[0]}"
    judges: list[object] = []
    try:
        judges += vars(importlib.import_module(name)).values()
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
    for judge in judges:
        if isinstance(judge, Exercise) and judge.number == number:
            return judge
    raise ValueError(
        f"There is no exercise {number!r}. The number is in the heading of the exercise, for example '01.2'."
    )


def _not_callable(error: Exception, answer: tuple[object, ...]) -> str:
    """Return a hint if the judge called an answer that is not a function, else an empty string."""
    given = [type(part).__name__ for part in answer if not callable(part)]
    *_, (frame, _) = walk_tb(error.__traceback__)
    ours = Path(frame.f_code.co_filename).parent == Path(__file__).parent
    if not (ours and given and isinstance(error, TypeError) and "not callable" in str(error)):
        return ""
    return (
        f"Expected a function or a class, got {given[0]}.\n"
        "Try: pass the function or the class itself: its name, without brackets after it."
    )


def _explain(error: Exception) -> str:
    """Say where the student's code stopped, as text."""
    line = ""
    for frame, number in walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if "ipykernel" in name or name.startswith("<"):
            line = f" at line {number} of your cell"
    return (
        f"Your code stopped{line} with {type(error).__name__}: {error}\n"
        "Try: run it on a small input, and print the shapes of the intermediate results."
    )
