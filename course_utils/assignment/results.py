"""The results of training runs: one cell for each model and each fraction of the data, saved in a file. Notebook 12."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_utils.assignment.settings import Settings
from course_utils.files import PROJECT, replacing
from course_utils.tables import Table
from course_utils.training import History

_NOTEBOOKS = PROJECT / "notebooks"


class ResultsError(RuntimeError):
    """A file of results cannot be read or written; the message says what to try."""


def place(file: str | Path) -> Path:
    """Where a file of results is: below ``COURSE_RESULTS`` (tests and reference runs begin with none), or here."""
    return Path(os.environ.get("COURSE_RESULTS") or ".", file)


@dataclass
class Cell:
    """The results of training one network, with the settings that decided them.

    ``accuracy`` and ``accuracy_mirrored`` are fractions of the test images, the second with the probabilities averaged
    over the image and its mirror image; ``seconds`` is the time of training alone, without testing. ``confusion`` is
    the confusion matrix ``(C, C)`` of the test images after the last epoch; ``worst`` holds (number of the test image,
    predicted class) of the worst mistakes. In ``history`` the columns called val are measured on the test images.
    """

    model: str
    fraction: float
    parameters: int
    accuracy: float
    accuracy_mirrored: float
    seconds: float
    confusion: Tensor = field(compare=False)  # decided by the settings, as all other fields are
    worst: list[tuple[int, int]]
    history: History
    settings: Settings = field(repr=False)


class Results(dict[tuple[str, float], Cell]):
    """Cells by (model, fraction): ``results["LeNet", 0.1].accuracy``. Shown as a table with one row per model."""

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order they were trained in."""
        return list(dict.fromkeys(model for model, _ in self))

    @property
    def fractions(self) -> list[float]:
        """Fractions of the training images, ascending."""
        return sorted({fraction for _, fraction in self})

    @property
    def conditions(self) -> str:
        """Where the times were measured: device, threads, version of torch."""
        return "; ".join(dict.fromkeys(str(cell.settings.machine) for cell in self.values()))

    def table(self) -> Table:
        """Accuracy in per cent, and in brackets the seconds of training."""
        return self._table(lambda model, fraction: _accuracy_and_seconds(self.get((model, fraction))))

    def beside(self, published: Mapping[str, Mapping[float, tuple[float, float]]]) -> Table:
        """The same table with published numbers next to ours.

        Args:
            published: for each model and fraction the accuracy in per cent and the seconds.
        """

        def entry(model: str, fraction: float) -> str:
            theirs = published.get(model, {}).get(fraction)
            text = "–" if theirs is None else f"{theirs[0]:.1f} ({theirs[1]:g} s)"
            return f"{_accuracy_and_seconds(self.get((model, fraction)))} | {text}"

        return self._table(entry, ": here | published")

    def _table(self, entry: Callable[[str, float], str], of: str = "") -> Table:
        rows = [[model, *(entry(model, fraction) for fraction in self.fractions)] for model in self.models]
        return Table(["model", *(f"{100 * fraction:g} %{of}" for fraction in self.fractions)], rows)

    def __repr__(self) -> str:
        return repr(self.table()) if self else "Results of 0 runs"

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _accuracy_and_seconds(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    return f"{100 * cell.accuracy:.1f} ({cell.seconds:.{1 if cell.seconds < 10 else 0}f} s)"


def load(file: str | Path) -> Results:
    """Read the results in ``file``. A relative path is searched at its ``place``, then in the ``notebooks`` folder.

    Raises:
        ResultsError: If the file does not exist or is damaged.
    """
    path = next((p for p in (place(file), _NOTEBOOKS / file) if p.is_file()), None)
    if path is None:
        raise ResultsError(
            f"There is no file of results {file}. Check its name, and that a run was saved in it."
        )
    return _read(path)


def add(file: str | Path, cell: Cell) -> None:
    """Put one cell into ``file``; it replaces an older one for the same model and fraction.

    Raises:
        ResultsError: If the folder cannot be written or the file is damaged.
    """
    results = _read(place(file)) if place(file).exists() else Results()
    results[cell.model, cell.fraction] = cell
    save(file, results)


def save(file: str | Path, results: Results) -> None:
    """Write ``file`` with one line per cell; after an interruption it is either the old file or the new one.

    Raises:
        ResultsError: If the folder cannot be written.
    """
    path = place(file)
    rows = [
        json.dumps(asdict(cell) | {"confusion": cell.confusion.tolist()}, ensure_ascii=False)
        for cell in results.values()
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
    except OSError as error:
        raise ResultsError(
            f"{file} could not be written ({error}). Choose a writable folder with free space."
        ) from None


def _read(path: Path) -> Results:
    try:
        cells = [_from_json(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ResultsError(
            f"{path.name} could not be read as results ({error}). Delete it and train again."
        ) from None
    return Results({(cell.model, cell.fraction): cell for cell in cells})


def _from_json(row: dict[str, Any]) -> Cell:
    """Turn one line of a file back into a cell."""
    parsed = {
        "confusion": torch.tensor(row["confusion"]),
        "worst": [(index, predicted) for index, predicted in row["worst"]],
        "history": History(**row["history"]),
        "settings": Settings.from_json(row["settings"]),
    }
    return Cell(**(row | parsed))
