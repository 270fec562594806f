"""Numbers, shapes and lists as text, written the same way everywhere."""

from collections.abc import Iterable, Sequence


def thousands(number: float, decimals: int = 0) -> str:
    """Write a number with a space between thousands: 61 706, or 1 234.5 with one decimal."""
    return f"{number:,.{decimals}f}".replace(",", " ")


def times(sizes: Iterable[int]) -> str:
    """Write a shape as 16×26×26; an empty one gives the empty string."""
    return "×".join(map(str, sizes))


def first(items: Sequence[str], at_most: int, more: str) -> str:
    """List the first ``at_most`` items with commas between them; ``more`` follows if there are others."""
    return ", ".join(items[:at_most]) + (more if len(items) > at_most else "")
