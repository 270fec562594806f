"""A progress bar that leaves nothing behind when it is closed, neither in a terminal nor in a saved notebook."""

from typing import TYPE_CHECKING, Any, Never

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm

if TYPE_CHECKING:
    Bar = tqdm[Never]
else:
    Bar = tqdm  # takes no parameter when it runs


def progress_bar(total: int, *, unit: str, done: int = 0, show: bool = True) -> Bar:
    """A bar of ``total`` units, of which ``done`` are done; nothing is shown if ``show`` is False."""
    kind = NotebookBar if hasattr(get_ipython(), "kernel") else Bar
    return kind(total=total, initial=done, unit=unit, leave=False, disable=not show)


class NotebookBar(Bar):
    """A bar in a notebook: a line of text that is replaced while it grows, and removed when it is closed.

    Not a widget: the saved notebook would keep its view, and show an error in its place when it is opened again.
    """

    def __init__(self, **options: Any):
        # gui: tqdm itself draws nothing
        super().__init__(gui=True, ncols=100, **options)
        self.output = None if self.disable else display(self._text(), raw=True, display_id=True)

    def _text(self) -> dict[str, str]:
        return {"text/plain": str(self)}

    def display(self, *args: object, **options: object) -> None:
        """Draw the bar as it is now; ``tqdm`` calls this."""
        if self.output:
            self.output.update(self._text(), raw=True)

    def close(self) -> None:
        """Remove the bar."""
        if self.output:
            self.output.update({}, raw=True)
            self.output = None
        super().close()
