"""Draw frames quickly: a picture of colour numbers, drawn with Pillow and encoded as a small PNG.

A frame of the playground takes about ten milliseconds; Matplotlib would take several hundred. A colour number is one
byte: 0 to 160 range from orange through white to blue, 161 to 224 from white to black, and 225 onwards are the
course's colours for lines. Everything is drawn at twice its size, so it is sharp on high-resolution screens and
smooth on others.
"""

import functools
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from course_utils.plots import COLOURS

if TYPE_CHECKING:
    from PIL import ImageFont

SCALE = 2
MIDDLE = 80  # colour number of 0 in a map from -1 to 1
WHITE, BLACK = 161, 224
LINE = 225  # colour number of the first of COLOURS


@functools.cache
def palette() -> list[int]:
    """Return red, green and blue of each colour number in one flat list."""
    orange, white, blue = torch.tensor([[213.0, 94, 0], [250, 250, 250], [0, 114, 178]])
    t = torch.linspace(0, 1, MIDDLE + 1)[:, None]
    map_colours = torch.cat([orange + t * (white - orange), (white + t * (blue - white))[1:]])  # (161, 3)
    greys = torch.linspace(255, 0, BLACK - WHITE + 1)[:, None].expand(-1, 3)
    lines = torch.tensor([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in COLOURS])
    return torch.cat([map_colours, greys, lines]).round().int().flatten().tolist()


def grey(darkness: float) -> int:
    """Return the colour number of a grey between 0 (white) and 1 (black)."""
    return WHITE + round(darkness * (BLACK - WHITE))


def diverging(value: float) -> int:
    """Return the colour number of a value between -1 (orange) and 1 (blue)."""
    return MIDDLE + round(max(-1.0, min(1.0, value)) * MIDDLE)


def is_dark(colour: int) -> bool:
    """Return whether text on this colour number of a map or a grey should be white."""
    return abs(colour - MIDDLE) > 0.6 * MIDDLE if colour < WHITE else colour > grey(0.55)


@functools.cache
def font(size: int) -> "ImageFont.FreeTypeFont":
    """Load the font that Matplotlib includes, which has subscripts and is available on every system."""
    from pathlib import Path

    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(
        Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), SCALE * size
    )


class Canvas:
    """A picture of colour numbers; positions and sizes are in screen pixels, from the upper left."""

    def __init__(self, width: int, height: int):
        from PIL import Image, ImageDraw

        self.image = Image.new("L", (SCALE * width, SCALE * height), WHITE)
        self.pen = ImageDraw.Draw(self.image)

    def copy(self) -> "Canvas":
        """Return a second canvas with the same picture, to draw a frame on an unchanged background."""
        from PIL import ImageDraw

        twin = object.__new__(Canvas)
        twin.image = self.image.copy()
        twin.pen = ImageDraw.Draw(twin.image)
        return twin

    def map(self, x: float, y: float, size: tuple[float, float], values: Tensor, smooth: bool = True) -> None:
        """Paste values ``(rows, columns)`` between -1 and 1 as colours, stretched to ``size`` (width, height)."""
        self._paste(x, y, size, MIDDLE + values.nan_to_num().clamp(-1, 1) * MIDDLE, smooth)

    def photo(self, x: float, y: float, size: tuple[float, float], values: Tensor) -> None:
        """Paste values ``(rows, columns)`` between 0 (black) and 1 (white) as greys, pixel by pixel."""
        self._paste(x, y, size, BLACK + values.clamp(0, 1) * (WHITE - BLACK), smooth=False)

    def _paste(self, x: float, y: float, size: tuple[float, float], numbers: Tensor, smooth: bool) -> None:
        from PIL import Image

        picture = Image.fromarray(numbers.round().to(torch.uint8).numpy())
        how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
        picture = picture.resize((round(SCALE * size[0]), round(SCALE * size[1])), how)
        self.image.paste(picture, (round(SCALE * x), round(SCALE * y)))

    def line(self, points: Sequence[tuple[float, float]], colour: int, width: float = 1) -> None:
        """Draw a line through points ``(x, y)``."""
        self.pen.line(
            [(SCALE * x, SCALE * y) for x, y in points], colour, max(1, round(SCALE * width)), "curve"
        )

    def box(
        self,
        x: float,
        y: float,
        size: tuple[float, float],
        outline: int,
        width: float = 1,
        fill: int | None = None,
    ) -> None:
        """Draw a rectangle with its border inside it."""
        corners = [SCALE * x, SCALE * y, SCALE * (x + size[0]) - 1, SCALE * (y + size[1]) - 1]
        self.pen.rectangle(corners, fill, outline, max(1, round(SCALE * width)))

    def dot(self, x: float, y: float, radius: float, colour: int, outline: int = WHITE) -> None:
        """Draw a disc with a thin border."""
        box = [SCALE * (x - radius), SCALE * (y - radius), SCALE * (x + radius), SCALE * (y + radius)]
        self.pen.ellipse(box, colour, outline, SCALE // 2)

    def text(
        self, x: float, y: float, words: str, size: int = 12, anchor: str = "mm", darkness: float = 0.75
    ) -> None:
        """Write ``words``; ``anchor`` is one of Pillow's text anchors for (x, y)."""
        from PIL import Image, ImageDraw

        # drawn separately, without antialiasing, because colour numbers cannot be blended
        left, top, right, bottom = self.pen.textbbox((SCALE * x, SCALE * y), words, font(size), anchor)
        corner = (int(left) - 1, int(top) - 1)
        ink = Image.new("1", (int(right) + 2 - corner[0], int(bottom) + 2 - corner[1]))
        ImageDraw.Draw(ink).text((SCALE * x - corner[0], SCALE * y - corner[1]), words, 1, font(size), anchor)
        self.image.paste(grey(darkness), (*corner, corner[0] + ink.width, corner[1] + ink.height), ink)

    def png(self) -> bytes:
        """Encode the picture as a PNG file."""
        picture = self.image.copy()
        picture.putpalette(palette())  # now the numbers are colours
        buffer = io.BytesIO()
        picture.save(buffer, "png", compress_level=1)
        return buffer.getvalue()
