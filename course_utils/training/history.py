"""The record of a training run: one row of numbers per epoch."""

from dataclasses import dataclass, field

from course_utils.tables import Table

COLUMNS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr")


@dataclass
class History:
    """The record of a training run, as lists with one entry per epoch. Notebook 06.

    ``train_loss`` and ``train_accuracy`` are means over the images of the epoch, measured while the weights
    were changing; ``val_loss`` and ``val_accuracy`` are measured after it. Accuracies are between 0 and 1, or
    None if the targets are not class labels. ``lr`` is the learning rate at the epoch's start, ``seconds`` the
    time of the epoch with its validation, and ``batch_losses`` has one entry per batch.

    ``first + second`` is the record of two runs, one after the other.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float | None] = field(default_factory=list)
    val_loss: list[float | None] = field(default_factory=list)
    val_accuracy: list[float | None] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    batch_losses: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of whole epochs."""
        return len(self.train_loss)

    def __add__(self, other: "History") -> "History":
        return History(**{name: values + getattr(other, name) for name, values in vars(self).items()})

    def _rows(self) -> tuple[list[str], list[list[str]]]:
        """Column names and formatted rows, without the columns that were never measured."""
        names = [name for name in COLUMNS if any(value is not None for value in getattr(self, name))]
        rows = [
            [str(i + 1), *(_format(name, getattr(self, name)[i]) for name in names)] for i in range(len(self))
        ]
        return ["epoch", *(name.replace("_", " ") for name in names)], rows

    def __repr__(self) -> str:
        names, rows = self._rows()
        return repr(Table(names, rows, numbers=range(len(names)))) if rows else "History of 0 epochs"

    def _repr_html_(self) -> str:
        return Table(*self._rows())._repr_html_()


def _format(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name == "lr":
        return f"{value:.3g}"
    return f"{100 * value:.2f} %" if name.endswith("accuracy") else f"{value:.4f}"
