"""The common parts of all widgets: a static form next to the interactive one, and a loop that draws frames."""

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from course_utils.plots import Picture

if TYPE_CHECKING:
    from ipywidgets import HBox, Widget

MOST = 20  # frames per second; more would not look smoother
LEAST_PAUSE = 0.005  # seconds between two frames, in which the kernel handles clicks


class Interactive:
    """A widget with a static form; as the last line of a cell it is shown in the form that the front end supports.

    Attributes:
        picture: the static form, with alternative text in ``picture.alt``.
        widget: the ipywidgets widget, made at first use.
    """

    def __init__(self, picture: Picture, make_widget: "Callable[[], Widget]") -> None:
        self.picture, self._make_widget = picture, make_widget

    @functools.cached_property
    def widget(self) -> "Widget":
        return self._make_widget()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        # the figure is last: its text describes both forms
        return {**self.widget._repr_mimebundle_(), **self.picture._repr_mimebundle_()}


class Turns:
    """Lets one player play at a time, so that a widget whose cell has been run again stops in the background.

    Attributes:
        player: the one that is playing, or None.
    """

    def __init__(self) -> None:
        self.player: Player | None = None

    def give_to(self, player: "Player") -> None:
        """Pause the player that is playing, and start this one's turn."""
        if self.player:
            self.player.pause()
        self.player = player

    def end(self) -> None:
        """No player is playing now."""
        self.player = None


notebook_turns = Turns()  # shared by all widgets of a notebook


class Player:
    """Calls ``tick`` repeatedly on the kernel's own event loop, which handles clicks between two calls.

    While a cell of the notebook runs, the player waits.

    Args:
        tick: computes and shows one frame; returns whether to continue.
        turns: of the players that share it, one plays at a time.

    ``changed`` is called with True when playing begins and with False when it ends; a button may listen.
    """

    def __init__(self, tick: Callable[[], bool], turns: Turns = notebook_turns) -> None:
        self.tick, self.turns = tick, turns
        self.task: asyncio.Task[None] | None = None
        self.changed: Callable[[bool], None] = lambda playing: None
        self.frames = 0  # since the beginning

    @property
    def playing(self) -> bool:
        return self.turns.player is self

    def play(self) -> None:
        """Begin, unless it has begun; needs a running event loop, which a notebook's kernel has."""
        if self.playing:
            return
        self.turns.give_to(self)
        self.changed(True)
        self.task = asyncio.get_running_loop().create_task(self._run())

    def pause(self) -> None:
        """End after the current frame."""
        if self.playing:
            self.turns.end()
            self.changed(False)

    async def _run(self) -> None:
        try:
            while self.playing:
                start = time.perf_counter()
                with one_thread():
                    proceed = self.tick()
                self.frames += 1
                if not proceed:
                    break
                spent = time.perf_counter() - start
                await asyncio.sleep(max(LEAST_PAUSE, 1 / MOST - spent))
        finally:
            self.pause()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: for small tensors more threads are slower, especially if the browser needs a core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def playing_buttons(player: Player, step: Callable[[], None], reset: Callable[[], None]) -> "HBox":
    """The buttons Play (which becomes Pause), Step and Reset, in a row; ``step`` and ``reset`` pause first."""
    import ipywidgets

    def button(words: str, icon: str, clicked: Callable[[], None], tooltip: str) -> ipywidgets.Button:
        layout = ipywidgets.Layout(width="92px")
        made = ipywidgets.Button(description=words, icon=icon, tooltip=tooltip, layout=layout)
        made.on_click(lambda _: clicked())
        return made

    def after_pause(act: Callable[[], None]) -> Callable[[], None]:
        def pause_and_act() -> None:
            player.pause()
            act()

        return pause_and_act

    play = button(
        "Play", "play", lambda: player.pause() if player.playing else player.play(), "Play or pause"
    )
    play.button_style = "primary"

    def show(playing: bool) -> None:
        play.description, play.icon = ("Pause", "pause") if playing else ("Play", "play")

    player.changed = show
    return ipywidgets.HBox(
        [
            play,
            button("Step", "step-forward", after_pause(step), "One step further"),
            button("Reset", "undo", after_pause(reset), "Back to the beginning"),
        ]
    )
