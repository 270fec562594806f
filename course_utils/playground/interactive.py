"""What the widgets share: a static form beside the live one, and a loop that draws frames."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import torch

from course_utils.plots import Picture

MOST = 20  # frames a second; more would not look smoother
LEAST_PAUSE = 0.005  # seconds between frames in which the kernel hears clicks


class Interactive:
    """A widget with a static form; as the last line of a cell it is shown in whichever form the front end has.

    Attributes:
        picture: the static form, with alternative text in ``picture.alt``.
        widget: the ipywidgets widget, made when first asked for.
    """

    def __init__(self, picture: Picture, make_widget: Callable):
        self.picture, self._make_widget, self._widget = picture, make_widget, None

    @property
    def widget(self):
        if self._widget is None:
            self._widget = self._make_widget()
        return self._widget

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        # the figure comes last: its text says what both show
        return self.widget._repr_mimebundle_() | self.picture._repr_mimebundle_()


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

    def __init__(self, tick: Callable[[], bool], turns: Turns = notebook_turns):
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
                    going_on = self.tick()
                self.frames += 1
                if not going_on:
                    break
                spent = time.perf_counter() - start
                await asyncio.sleep(max(LEAST_PAUSE, 1 / MOST - spent))
        finally:
            self.pause()


@contextlib.contextmanager
def one_thread():
    """Compute with one thread: for small tensors more are slower, the more so while the browser needs a core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def playing_buttons(player: Player, step: Callable, reset: Callable):
    """The buttons Play (which becomes Pause), Step and Reset, in a row; ``step`` and ``reset`` pause first."""
    import ipywidgets

    def button(words: str, icon: str, clicked: Callable, tooltip: str):
        layout = ipywidgets.Layout(width="92px")
        made = ipywidgets.Button(description=words, icon=icon, tooltip=tooltip, layout=layout)
        made.on_click(lambda _: clicked())
        return made

    def after_pause(act: Callable) -> Callable:
        return lambda: (player.pause(), act())

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
