"""The static form of the network playground: four trained networks side by side."""

from typing import TYPE_CHECKING

from course_utils import plots
from course_utils.playground.experiment import Experiment, Settings
from course_utils.playground.interactive import one_thread
from course_utils.playground.points import SIDE

if TYPE_CHECKING:
    from matplotlib.colors import LinearSegmentedColormap

# name → settings and number of epochs
EXAMPLES = {
    "circle": (Settings("circle", 0.1, widths=(4,), rate=1.0), 60),
    "xor": (Settings("xor", 0.1, widths=(4, 2), rate=1.0), 60),
    "gauss": (Settings("gauss", 0.25, widths=(), rate=0.1), 20),
    "spiral": (Settings("spiral", 0.02, ("x₁", "x₂", "sin x₁", "sin x₂"), (8, 8), rate=0.3), 150),
}


def four_networks() -> plots.Picture:
    """Train the four examples and draw their points and decision boundaries."""
    figure, axes = plots.new(1, len(EXAMPLES), (plots.WIDEST, 4.7))
    told = []
    for axis, (name, (settings, epochs)) in zip(axes, EXAMPLES.items(), strict=True):
        experiment = train(settings, epochs)
        output = experiment.maps()[-1][0].numpy()
        axis.imshow(
            output, cmap=_cmap(), vmin=-1.8, vmax=1.8, interpolation="bilinear", extent=(-SIDE, SIDE) * 2
        )
        for label, colour in ((0, plots.COLOURS[1]), (1, plots.COLOURS[0])):
            x, y = experiment.points[experiment.labels == label].T.numpy()
            axis.scatter(x, y, s=22, color=colour, edgecolors="white", linewidths=0.7)
        sizes = "-".join(map(str, [len(settings.features), *settings.widths, 1]))
        right = f"{100 * experiment.accuracy():.0f} %"
        axis.set(title=f"{name}\nnetwork {sizes}\n{right} right", xlim=(-SIDE, SIDE), ylim=(-SIDE, SIDE))
        axis.axis("off")
        told.append(f"{name}, a network {sizes} with {right} of the test points right")
    return plots.show(figure, f"Decision boundaries of four trained networks: {'; '.join(told)}.")


def _cmap() -> "LinearSegmentedColormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(
        "orange to blue", [plots.COLOURS[1], "#FAFAFA", plots.COLOURS[0]]
    )


def train(settings: Settings, epochs: int) -> Experiment:
    """Train an experiment for some epochs without drawing it."""
    experiment = Experiment(settings)
    with one_thread():
        while experiment.epoch < epochs:
            experiment.step()
    experiment.measure()
    return experiment
