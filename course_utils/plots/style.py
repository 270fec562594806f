"""Figures in one style, with alternative text: readable from the back row, by colour-blind eyes, by a screen reader.

``new`` begins a figure and ``show`` ends it. Between the two, and only there, matplotlib uses the course's settings,
so that everything drawn on the figure has the style; the user's own settings are back afterwards.
"""

import base64
import contextlib
import functools
import html
import io
import warnings
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart; the dashes differ without colour too
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3)))
WIDEST = 13.4  # inches: a wider figure is made so small on a slide that its text is below 18 pixels
STYLE = {
    "figure.figsize": (9, 4.5),
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "font.size": 15,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "lines.linewidth": 2.5,
    "legend.frameon": False,
}
# fonts with characters that matplotlib's own font lacks; those that are installed are used for these characters
FALLBACK_FONTS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR", "Source Han Sans",
    "WenQuanYi Micro Hei", "Droid Sans Fallback", "IPAexGothic", "Hiragino Sans", "PingFang SC", "PingFang HK",
    "Apple SD Gothic Neo", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic", "Arial Unicode MS",
)  # fmt: skip


class Picture:
    """A figure with its alternative text; JupyterLab shows both, HTML and slides contain both."""

    def __init__(self, figure: "Figure", alt: str) -> None:
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="png", bbox_inches="tight", facecolor="white", metadata={"Software": None}
        )
        self.figure, self.alt, self.png = figure, alt, buffer.getvalue()

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": embedded("png", self.png, self.alt), "text/plain": repr(self)}


def embedded(kind: str, image: bytes, alt: str) -> str:
    """HTML that contains an image of type ``image/<kind>`` and its alternative text.

    An <img>, because JupyterLab gives outputs of an image type no alternative text.
    """
    data = base64.b64encode(image).decode("ascii")
    return f'<img src="data:image/{kind};base64,{data}" alt="{html.escape(alt)}">'


class _StyleInForce:
    """Keeps the course's style in ``plt.rcParams`` while at least one figure is being drawn.

    Figures are referenced weakly: one that is never shown, because its cell failed, does not keep the style for ever.
    """

    def __init__(self) -> None:
        self.being_drawn: weakref.WeakSet[Figure] = weakref.WeakSet()
        self.settings = contextlib.ExitStack()

    def enter(self) -> None:
        from cycler import cycler
        from matplotlib import pyplot as plt

        if not self.being_drawn:
            cycle = cycler(color=COLOURS, linestyle=DASHES)
            own = STYLE | {"axes.prop_cycle": cycle, "font.family": font_families()}
            # "default" first: a style that the user has chosen, such as dark_background, does not mix with ours
            self.settings.enter_context(plt.style.context(["default", own]))

    def leave(self) -> None:
        if not self.being_drawn:
            self.settings.close()


_style = _StyleInForce()


def new(rows: int = 1, columns: int = 1, size: tuple[float, float] | None = None) -> tuple["Figure", Any]:
    """Start a figure of your own in the course's style: returns (figure, axes), as ``plt.subplots`` does.

    matplotlib uses the style until the figure is given to ``show``.

    Args:
        size: width and height in inches; the width at most ``WIDEST``.
    """
    from matplotlib import pyplot as plt

    _style.enter()
    try:
        figure, axes = plt.subplots(rows, columns, figsize=size)
        _style.being_drawn.add(figure)
    finally:
        _style.leave()
    return figure, axes


def show(figure: "Figure", alt: str) -> Picture:
    """Close a figure of your own and return it as a Picture with the alternative text ``alt``.

    Raises:
        ValueError: If the text is missing or too short to tell anything.
    """
    from matplotlib import pyplot as plt

    if len(alt) < 20:
        raise ValueError(
            f"alt={alt!r} tells too little: say what the figure shows to someone who cannot see it."
        )
    plt.close(figure)
    picture = Picture(figure, alt)
    _style.being_drawn.discard(figure)
    _style.leave()
    return picture


@functools.cache
def font_families() -> list[str]:
    """matplotlib's own font and the installed ones of ``FALLBACK_FONTS``."""
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in FALLBACK_FONTS if name in installed)]


def drawable(names: Sequence[str]) -> list[str]:
    """Return names for a figure: one with characters that no font here has becomes its number, "#0", "#1", …

    A warning says which names were replaced.
    """
    if all(name.isascii() for name in names):
        return list(names)
    has = _characters()
    shown = [
        name if all(c.isspace() or ord(c) in has for c in name) else f"#{i}" for i, name in enumerate(names)
    ]
    missing = [f"{name} (#{i})" for i, name in enumerate(names) if shown[i] != name]
    if missing:
        warnings.warn(
            f"No font on this machine can draw {', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}: the figure "
            "shows numbers instead. Install a font such as Noto Sans CJK, or rename the classes.",
            stacklevel=3,
        )
    return shown


@functools.cache
def _characters() -> set[int]:
    """The code points that the fonts of ``font_families`` have."""
    from matplotlib import font_manager

    paths = [font_manager.findfont(family, fallback_to_default=False) for family in font_families()]
    return {code for path in paths for code in font_manager.get_font(path).get_charmap()}
