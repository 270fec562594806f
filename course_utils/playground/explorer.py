"""The widget of the convolution explorer: the window, the kernel, their sum of products, and the output."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.playground.canvas import LINE, Canvas, diverging, grey, is_dark
from course_utils.playground.interactive import MOST as MOST_FRAMES
from course_utils.playground.interactive import Player, playing_buttons

WIDTH, HEIGHT = 960, 430
SIDE = 340  # the larger side of the picture with the widest padding
INPUT_X, SUM_X, OUTPUT_X, TOP = 10, 380, 610, 40
MOST = {"stride": 4, "padding": 4, "dilation": 4}
SWEEP = 3  # seconds per row


class Explorer:
    """The widget: controls for kernel, stride, padding and dilation, and a window that slides over the image.

    Args:
        image: a grey picture ``(H, W)`` in [0, 1].
        kernels: kernels ``(k, k)`` by name.
        convolve: computes the output from image, kernel, stride, padding and dilation.
    """

    def __init__(self, image: Tensor, kernels: dict[str, Tensor], convolve: Callable[..., Tensor]):
        import ipywidgets as w

        self.image, self.kernels, self.convolve, self.moving = image, kernels, convolve, False
        self.scale = SIDE / (max(image.shape) + 2 * MOST["padding"])  # the same for input and output
        self.player, wide = Player(self._tick), w.Layout(width="100%", max_width=f"{WIDTH}px")
        self.picture = w.Image(format="png", layout=wide)
        self.picture.add_class("convolution-explorer")
        self.status = w.HTML()
        self.kernel = w.Dropdown(
            description="Kernel", options=list(kernels), style={"description_width": "initial"}
        )
        self.options = {
            name: w.IntSlider(
                int(name != "padding"), int(name != "padding"), most, description=name.capitalize()
            )
            for name, most in MOST.items()
        }
        self.row, self.column = (
            w.IntSlider(50, 0, 100, description=name) for name in ("Output row", "Column")
        )
        for slider in (*self.options.values(), self.row, self.column):
            slider.layout.width = "300px"
        for control in (self.kernel, *self.options.values()):
            control.observe(lambda _: self._compute(), "value")
        for control in (self.row, self.column):
            control.observe(lambda _: self._show(), "value")
        buttons = playing_buttons(self.player, self._step, self._reset)
        rows = [[buttons, self.kernel], list(self.options.values()), [self.row, self.column]]
        self.widget = w.VBox([*map(w.HBox, rows), self.status, self.picture], layout=wide)
        self._compute()

    def _compute(self) -> None:
        """Convolve again, and draw the parts that do not depend on the window."""
        self.weights = self.kernels[self.kernel.value]
        options = {name: slider.value for name, slider in self.options.items()}
        self.padded = F.pad(self.image, [options["padding"]] * 4)
        self.output = self.convolve(self.image, self.weights, **options)
        self.moving = True  # no picture is drawn for each slider that moves
        for slider, n in zip((self.row, self.column), self.output.shape, strict=True):
            place = round(slider.value * (n - 1) / slider.max)  # at about the same relative position
            slider.max, slider.value = n - 1, place
        self.moving = False
        k, (p, d, s) = len(self.weights), (options[name] for name in ("padding", "dilation", "stride"))
        n, out = self.image.shape[1], self.output.shape[1]
        self.status.value = (
            f"output width = ⌊(width + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1 "
            f"= ⌊({n} + 2·{p} − {d}·{k - 1} − 1) / {s}⌋ + 1 = <b>{out}</b>"
        )
        self.base = self._background()
        self._show()

    def _background(self) -> Canvas:
        canvas = Canvas(WIDTH, HEIGHT)
        for x, picture, name in (
            (INPUT_X, self.padded, "padded input" if self.options["padding"].value else "input"),
            (OUTPUT_X, greys(self.output, self.weights), "output"),
        ):
            height, width = picture.shape
            canvas.photo(x, TOP, (self.scale * width, self.scale * height), picture)
            canvas.text(x, 18, f"{name}, {height}×{width}", 15, "lm")
        return canvas

    def window(self) -> tuple[list[int], list[int], Tensor]:
        """Return the rows and columns of the padded input in the window, and their values ``(k, k)``."""
        taps = self.options["dilation"].value * torch.arange(len(self.weights))
        stride = self.options["stride"].value
        rows, columns = stride * self.row.value + taps, stride * self.column.value + taps
        return rows.tolist(), columns.tolist(), self.padded[rows][:, columns]

    def _show(self) -> None:
        if self.moving:
            return
        canvas, (rows, columns, values), pixel = self.base.copy(), self.window(), self.scale
        for i in rows:
            for j in columns:
                canvas.box(INPUT_X + pixel * j, TOP + pixel * i, (pixel, pixel), LINE + 1, fill=LINE + 1)
        frame = (pixel * (columns[-1] - columns[0] + 1) + 6, pixel * (rows[-1] - rows[0] + 1) + 6)
        canvas.box(INPUT_X + pixel * columns[0] - 3, TOP + pixel * rows[0] - 3, frame, LINE + 1, 1.5)
        x, y = OUTPUT_X + pixel * self.column.value, TOP + pixel * self.row.value
        canvas.box(x - 4, y - 4, (pixel + 8, pixel + 8), LINE + 1, 2)
        self._numbers(canvas, TOP, "values in the window", values, lambda v: grey(1 - v))
        self._numbers(canvas, TOP + 168, "times the kernel", self.weights, diverging)
        total = (values * self.weights).sum().item()
        canvas.text(SUM_X + 85, TOP + 345, f"adds up to {total:.2f}".replace("-", "−"), 16, darkness=1)
        self.picture.value = canvas.png()

    def _numbers(
        self, canvas: Canvas, y: float, title: str, numbers: Tensor, colour: Callable[[float], int]
    ) -> None:
        """Draw a square of numbers, each on its colour."""
        cell = 132 / len(numbers)
        left, size = SUM_X + 19, 12 if len(numbers) == 3 else 8
        canvas.text(SUM_X + 85, y - 6, title, 13)
        for i, row in enumerate(numbers.tolist()):
            for j, number in enumerate(row):
                number_colour = colour(number)
                at = (left + cell * j, y + 10 + cell * i)
                canvas.box(*at, (cell, cell), grey(0.3), fill=number_colour)
                text = f"{number:.2f}".rstrip("0").rstrip(".").replace("-", "−") if number else "0"
                darkness = 0 if is_dark(number_colour) else 1
                canvas.text(at[0] + cell / 2, at[1] + cell / 2, text, size, darkness=darkness)

    def _reset(self) -> None:
        self.row.value = self.column.value = 0
        self._show()

    def _step(self) -> None:
        self._move(1)

    def _tick(self) -> bool:
        self._move(max(1, self.output.shape[1] // (SWEEP * MOST_FRAMES)))
        return True

    def _move(self, places: int) -> None:
        """Move the window to the right; it wraps to the next row, and from the last row to the first."""
        row, column = self.row.value, self.column.value + places
        if column >= self.output.shape[1]:
            row, column = (row + 1) % self.output.shape[0], 0
        self.moving = True
        self.row.value, self.column.value = row, column
        self.moving = False
        self._show()


def greys(output: Tensor, kernel: Tensor) -> Tensor:
    """Scale an output for display: unchanged if the kernel preserves brightness, otherwise with 0 as middle grey."""
    if abs(kernel.sum() - 1) < 1e-4:
        return output.clamp(0, 1)
    return 0.5 + 0.5 * output / output.abs().max().clamp(min=1e-6)
