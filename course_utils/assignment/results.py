"""What training runs left behind: one cell for each model and each share of the data, kept in a file. Notebook 12."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

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
    """One trained network: what came out, and all that decided it.

    ``accuracy`` and ``accuracy_mirrored`` are shares of the test images, the second with the outputs averaged over the
    image and its mirror image; ``seconds`` the time of training alone, without testing. ``confusion[i][j]`` counts
    the test images of class i read as j after the last epoch; ``worst`` holds [number of the test image, class it
    was read as] of the worst mistakes. In ``history`` the columns called val are measured on the test images.
    """

    model: str
    fraction: float
    parameters: int
    accuracy: float
    accuracy_mirrored: float
    seconds: float
    confusion: list[list[int]]
    worst: list[list[int]]
    history: History
    settings: dict = field(repr=False)


class Results(dict):
    """Cells by (model, fraction): ``results["LeNet", 0.1].accuracy``. Shown as a table, a row for each model."""

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order they were trained in."""
        return list(dict.fromkeys(model for model, _ in self))

    @property
    def fractions(self) -> list[float]:
        """Shares of the training images, ascending."""
        return sorted({fraction for _, fraction in self})

    @property
    def conditions(self) -> str:
        """Where the times were taken: device, threads, version of torch."""
        machines = (cell.settings["machine"] for cell in self.values())
        texts = [f"{m['device']}, threads: {m['threads']}, torch {m['torch']}" for m in machines]
        return "; ".join(dict.fromkeys(texts))

    def table(self) -> Table:
        """Accuracy in per cent, and in brackets the seconds of training."""
        return self._table(lambda *key: _accuracy_and_seconds(self.get(key)))

    def beside(self, published: Mapping[str, Mapping[float, tuple[float, float]]]) -> Table:
        """The same table with published numbers behind ours.

        Args:
            published: for each model and fraction the accuracy in per cent and the seconds.
        """

        def entry(model, fraction):
            theirs = published.get(model, {}).get(fraction)
            text = "–" if theirs is None else f"{theirs[0]:.1f} ({theirs[1]:g} s)"
            return f"{_accuracy_and_seconds(self.get((model, fraction)))} | {text}"

        return self._table(entry, ": here | published")

    def _table(self, entry, of: str = "") -> Table:
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
    """Read the results in ``file``; a relative path is looked for at its ``place``, then in the ``notebooks`` folder.

    Raises:
        ResultsError: there is no such file, or it is damaged.
    """
    path = next((p for p in (place(file), _NOTEBOOKS / file) if p.is_file()), None)
    if path is None:
        raise ResultsError(f"There are no results in {file}. Is the name right, and was anything saved?")
    return _read(path)


def add(file: str | Path, cell: Cell) -> None:
    """Put one cell into ``file``, in the place of an older one for the same model and fraction.

    Raises:
        ResultsError: the folder cannot be written, or the file is damaged.
    """
    results = _read(place(file)) if place(file).exists() else Results()
    results[cell.model, cell.fraction] = cell
    save(file, results)


def save(file: str | Path, results: Results) -> None:
    """Write ``file`` anew, one line a cell; interrupted at any moment, it is the old file or the new one.

    Raises:
        ResultsError: the folder cannot be written.
    """
    path = place(file)
    rows = [json.dumps(asdict(cell), ensure_ascii=False) for cell in results.values()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"{file} could not be written ({error}). Try a folder that has room.") from None


def _read(path: Path) -> Results:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        cells = [Cell(**(row | {"history": History(**row["history"])})) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ResultsError(
            f"{path.name} could not be read as results ({error}). Delete it and train again."
        ) from None
    return Results({(cell.model, cell.fraction): cell for cell in cells})
