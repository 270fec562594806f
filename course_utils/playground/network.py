"""The network playground of notebook 04: choose data, features and layers, and watch a network train."""

import math
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from course_utils.playground.experiment import ACTIVATIONS, BATCH, Experiment, Settings
from course_utils.playground.gallery import four_networks
from course_utils.playground.interactive import Interactive, Player, playing_buttons
from course_utils.playground.network_view import WIDTH, NetworkView
from course_utils.playground.points import DATA_SETS, FEATURES

if TYPE_CHECKING:
    from traitlets import Bunch

RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SPEEDS = {"1 epoch per frame": 1, "5 epochs per frame": 5, "25 epochs per frame": 25}
LAYERS, UNITS = 4, 8  # at most
FRAME_SECONDS = 0.045  # time limit for the training per frame, so that frames follow each other smoothly
LONGEST = 5000  # number of epochs after which it pauses


def network_playground() -> Interactive:
    """Train small networks on points in a plane and watch them learn. Notebook 04.

    The widget has controls for the data set, noise, features, layers and their widths, activation and learning rate,
    and buttons to play, pause and step. It shows the decision boundary, each unit's map, the weights and both losses.
    The static form shows four trained networks. The idea is from playground.tensorflow.org (Smilkov, Carter, Sculley,
    Viégas and Wattenberg, 2017).
    """
    return Interactive(four_networks(), lambda: Playground().widget)


class Playground:
    """The widget: controls at the top, then a line with epoch, losses and accuracy, and one picture."""

    def __init__(self) -> None:
        import ipywidgets as w

        self.player, self.seed = Player(self._tick), 0
        wide = w.Layout(width="100%", max_width=f"{WIDTH}px")
        self.picture = w.Image(format="png", layout=wide)
        self.picture.add_class("network-playground")
        self.status = w.HTML()
        self._make_controls()
        other = w.Button(description="New points", icon="random", layout=w.Layout(width="auto"))
        other.on_click(self._new_points)
        buttons = playing_buttons(self.player, self._step, self._reset)
        top = w.HBox([buttons, other, self.speed])
        features = w.HBox([w.Label("Features"), *self.features.values()])
        layers = w.HBox([w.Label("Units in layer"), *self.layers, w.Label("of"), self.activation])
        data = w.HBox([self.data, self.noise, self.rate])
        self.widget = w.VBox([top, data, features, layers, self.status, self.picture], layout=wide)
        self._reset()

    def _make_controls(self) -> None:
        import ipywidgets as w

        s = Settings()

        def dropdown(words: str, options: Collection[object], value: object, width: int) -> w.Dropdown:
            style, layout = {"description_width": "initial"}, w.Layout(width=f"{width}px")
            return w.Dropdown(description=words, options=options, value=value, style=style, layout=layout)

        self.data = dropdown("Data", list(DATA_SETS), s.data, 150)
        self.rate = dropdown("Learning rate", RATES, s.rate, 180)
        self.activation = dropdown("", list(ACTIVATIONS), s.activation, 95)
        self.speed = dropdown("", SPEEDS, 1, 150)
        self.noise = w.IntSlider(round(100 * s.noise), 0, 50, 5, description="Noise %")
        self.noise.continuous_update, self.noise.layout.width = False, "280px"
        narrow = w.Layout(width="70px")
        self.features = {
            name: w.ToggleButton(name in s.features, description=name, layout=narrow) for name in FEATURES
        }
        self._colour_features()
        choices = [("–", 0), *((str(n), n) for n in range(1, UNITS + 1))]
        self.layers = [dropdown("", choices, n, 62) for n in (*s.widths, *[0] * LAYERS)[:LAYERS]]
        for control in (
            *(self.data, self.noise, self.rate, self.activation),
            *(*self.features.values(), *self.layers),
        ):
            control.observe(self._changed, "value")

    def settings(self) -> Settings:
        """Read the settings from the controls; layers without units are left out."""
        return Settings(
            data=self.data.value,
            noise=self.noise.value / 100,
            features=tuple(name for name, button in self.features.items() if button.value),
            widths=tuple(layer.value for layer in self.layers if layer.value),
            activation=self.activation.value,
            rate=self.rate.value,
            seed=self.seed,
        )

    def _changed(self, change: "Bunch") -> None:
        if change["owner"] is self.rate:  # the only control that keeps the trained network
            self.experiment.set_rate(self.rate.value)
        elif not any(button.value for button in self.features.values()):
            change["owner"].value = True  # a network needs at least one feature
        else:
            self._colour_features()
            self._reset()

    def _colour_features(self) -> None:
        for button in self.features.values():
            button.button_style = "primary" if button.value else ""

    def _new_points(self, _: object) -> None:
        self.seed += 1
        self._reset()

    def _reset(self) -> None:
        self.experiment = Experiment(self.settings())
        self.view = NetworkView(self.experiment)
        self._show()

    def _step(self) -> None:
        self._train(1)
        self._show()

    def _train(self, epochs: int) -> None:
        """Train for some epochs, or until the time limit of a frame."""
        end = time.perf_counter() + FRAME_SECONDS
        for _ in range(epochs * len(self.experiment.x) // BATCH):
            self.experiment.step()
            if time.perf_counter() > end:
                break
        self.experiment.measure()

    def _tick(self) -> bool:
        e, rounds = self.experiment, self.experiment.epoch // LONGEST
        self._train(self.speed.value)
        self._show()
        return e.epoch // LONGEST == rounds and math.isfinite(e.train_losses[-1])

    def _show(self) -> None:
        e = self.experiment
        self.picture.value = self.view.frame()
        self.status.value = (
            f"epoch&nbsp;<b>{e.epoch:.0f}</b> · training loss <b>{e.train_losses[-1]:.3f}</b> · "
            f"test loss <b>{e.test_losses[-1]:.3f}</b> · <b>{100 * e.accuracy():.0f} %</b> of the test right"
        )
