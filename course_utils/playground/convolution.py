"""The convolution explorer of notebook 07: a window slides over a photograph."""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils import plots
from course_utils.playground.explorer import Explorer, greys
from course_utils.playground.interactive import Interactive

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

KERNELS = {
    "edges left to right": torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "edges top to bottom": torch.tensor([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "blur": torch.full((3, 3), 1 / 9),
    "sharpen": torch.tensor([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "all edges": torch.tensor([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "emboss": torch.tensor([[-2.0, -1, 0], [-1, 1, 1], [0, 1, 2]]),
    "identity": torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "blur 5×5": torch.full((5, 5), 1 / 25),
}
EXAMPLES: tuple[tuple[str, dict[str, int]], ...] = (
    ("edges left to right", {}),
    ("blur 5×5", {"stride": 2, "padding": 2}),
    ("sharpen", {"padding": 1}),
    ("all edges", {"dilation": 3}),
)


def convolution_explorer(image: Tensor) -> Interactive:
    """Slide a kernel over an image, with a choice of kernel, stride, padding and dilation. Notebook 07.

    Args:
        image: a grey picture, float ``(H, W)`` in [0, 1], at least 20 pixels high and wide.

    The widget shows the input with the window, the kernel, the sum, and the output. The static form shows
    four examples.

    Raises:
        ValueError: If the image has another shape, type or range.
    """
    if image.ndim != 2 or not image.is_floating_point() or min(image.shape) < 20:
        raise ValueError(
            f"expected a grey image (H, W) of floats, at least 20×20, got shape {tuple(image.shape)} and type "
            f"{image.dtype}. Try image.float().mean(0) for a colour image (3, H, W)."
        )
    if image.min() < 0 or image.max() > 1:
        raise ValueError(
            f"expected values in [0, 1], got a minimum of {image.min():.3g} and a maximum of {image.max():.3g}. "
            "Try image / 255 for bytes."
        )
    return Interactive(_static(image), lambda: Explorer(image, KERNELS, convolve).widget)


def convolve(image: Tensor, kernel: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
    """Cross-correlate an image ``(H, W)`` with a kernel ``(k, k)``; the result is ``(H', W')``."""
    return F.conv2d(image[None, None], kernel[None, None], None, stride, padding, dilation)[0, 0]


def _static(image: Tensor) -> plots.Picture:
    height, width = image.shape
    figure, axes = plots.new(2, len(EXAMPLES), (plots.WIDEST, plots.WIDEST / 2 * height / width + 1.6))
    told = []
    for (above, below), (name, options) in zip(axes.T, EXAMPLES, strict=True):
        kernel = KERNELS[name]
        out = convolve(image, kernel, **options)
        words = ", ".join(f"{option} {value}" for option, value in options.items()) or "stride 1, no padding"
        size = f"{out.shape[0]}×{out.shape[1]}"
        _draw_window(above, image, kernel, **options)
        above.set_title(f"{name}\n{words}", fontsize="medium")
        below.imshow(greys(out, kernel).numpy(), cmap="gray", vmin=0, vmax=1)
        below.set_title(f"output {size}", fontsize="medium")
        told.append(f"{name} with {words} gives {size}")
    for axis in axes.flat:  # the same scale for all, so that sizes can be compared
        axis.set(xlim=(-4, width + 4), ylim=(height + 4, -4))
        axis.axis("off")
    return plots.show(figure, f"Four convolutions of a picture of {height}×{width}: {'; '.join(told)}.")


def _draw_window(
    axis: "Axes", image: Tensor, kernel: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1
) -> None:
    """Draw the padded image and, in orange, the input pixels of one output pixel near the middle."""
    axis.imshow(F.pad(image, [padding] * 4).numpy(), cmap="gray", vmin=0, vmax=1)
    top, left = (n // 2 // stride * stride for n in image.shape)
    for i in range(len(kernel)):
        for j in range(len(kernel)):
            corner = (left + dilation * j - 0.5, top + dilation * i - 0.5)
            axis.add_patch(_square(corner))


def _square(corner: tuple[float, float]) -> "Rectangle":
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 1, 1, color=plots.COLOURS[1])
