"""Many networks, each trained on several fractions of the data, by one call that can be interrupted. Notebook 12."""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_utils import metrics
from course_utils.assignment import results
from course_utils.assignment.results import Cell, Results
from course_utils.assignment.settings import Recipe, describe
from course_utils.augmentation import RandomHorizontalFlip
from course_utils.complexity import count_parameters
from course_utils.data import ImageSet
from course_utils.device import pick_device
from course_utils.training import History, Scores, fit, predict, seed_everything

MakeModel = Callable[[], nn.Module]
Models = Mapping[str, MakeModel] | Iterable[type[nn.Module]]
Recipes = Mapping[float | tuple[str, float], Recipe]
TEST_BATCH = 512


class PlannedRun(NamedTuple):
    """One run of ``train_all``: a network, its recipe and its training images."""

    name: str
    make: MakeModel
    fraction: float
    recipe: Recipe
    train: ImageSet


def train_all(
    models: Models,
    recipes: Recipes,
    train: ImageSet,
    test: ImageSet,
    *,
    fractions: Iterable[float] | None = None,
    file: str | Path | None = None,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> Results:
    """Train every model on every fraction of the training images, and test it on all test images. Notebook 12.

    Each finished run is saved in ``file`` at once. A second call does not repeat runs that are in the file, if all
    their settings are the same: network, recipe, images, device, threads, version of torch. Ctrl-C ends the call,
    which then returns the finished runs.

    Args:
        models: classes or functions that make a new network without arguments; by name, or a list of classes.
        recipes: how to train on each fraction of the training images, for example 0.1; a recipe for a key such as
            ``("LeNet", 0.1)`` replaces it for that model.
        train: images to train on; a fraction of them is ``train.sample(fraction)``, the same images every time.
        test: images that the accuracy is measured on; no choice is made by them here.
        fractions: which of the fractions to train on; all of them if left out.
        file: where the runs are saved; None saves nothing.
        device: where to train; the best one if left out.
        progress: show a progress bar.

    Raises:
        ResultsError: If the file is damaged or cannot be written.
        TrainingError: If a model does not fit the images; the runs before it are saved.
    """
    from course_utils.progress import progress_bar

    device = pick_device(device)
    known = results.load(file) if file and results.place(file).exists() else Results()
    plan = _plan(models, recipes, train, fractions)
    found = Results()
    total = sum(planned.recipe.epochs for planned in plan)
    with progress_bar(total, unit="epoch", show=progress) as bar:
        try:
            for name, make, fraction, recipe, part in plan:
                bar.set_description(f"{name}, {100 * fraction:g} %")
                cell = known.get((name, fraction))
                if cell and cell.settings == describe(make, recipe, part, test, device):
                    bar.update(recipe.epochs)
                else:
                    cell = run(make, recipe, part, test, device, bar.update, name=name, fraction=fraction)
                    if file:
                        results.add(file, cell)
                found[name, fraction] = cell
        except KeyboardInterrupt:
            print(f"Interrupted after {len(found)} of {len(plan)} runs. Call again to continue.")
    return found


def _plan(
    models: Models, recipes: Recipes, train: ImageSet, fractions: Iterable[float] | None
) -> list[PlannedRun]:
    """List the runs: every model on the first fraction, then every model on the next one."""
    makers = models.items() if isinstance(models, Mapping) else [(model.__name__, model) for model in models]
    if fractions is None:
        fractions = [key for key in recipes if not isinstance(key, tuple)]
    parts = {fraction: _part(train, fraction) for fraction in fractions}
    return [
        PlannedRun(name, make, fraction, recipes.get((name, fraction), recipes[fraction]), part)
        for fraction, part in parts.items()
        for name, make in makers
    ]


def run(
    make: MakeModel,
    recipe: Recipe,
    train: ImageSet,
    test: ImageSet,
    device: torch.device | str = "cpu",
    after_epoch: Callable[[], object] = lambda: None,
    *,
    name: str = "",
    fraction: float = 1.0,
) -> Cell:
    """Train one new network and test it after each epoch; the time counts training alone. Notebook 12.

    Args:
        make: makes the network.
        recipe: how to train it.
        train: images to train on.
        test: images to measure on after each epoch.
        device: where to train.
        after_epoch: called after each epoch.
        name: what the network is called in the results; the name of its class if left out.
        fraction: which part of the training images ``train`` is, for the results.
    """
    settings = describe(make, recipe, train, test, device)
    seed_everything(recipe.seed)
    model = _new_model(make, test, device)
    history, seconds, logits = _train(model, recipe, train, test, after_epoch)
    # probabilities, averaged over each image and its mirror image
    both = logits.softmax(1) + predict(model, mirrored(test)).softmax(1)
    labels = test.labels.cpu()
    worst = metrics.worst_mistakes(labels, logits, 10).tolist()
    return Cell(
        model=name or type(model).__name__,
        fraction=fraction,
        parameters=count_parameters(model),
        accuracy=_accuracy(logits, labels),
        accuracy_mirrored=_accuracy(both, labels),
        seconds=seconds,
        confusion=metrics.confusion_matrix(labels, logits, len(test.classes)),
        worst=[(i, int(logits[i].argmax())) for i in worst],
        history=history,
        settings=settings,
    )


def _train(
    model: nn.Module, recipe: Recipe, train: ImageSet, test: ImageSet, after_epoch: Callable[[], object]
) -> tuple[History, float, Tensor]:
    """Train by a recipe; return the history, the seconds of training, and the last logits ``(N, classes)``."""
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    optimizer, schedule = _optimizer(model, recipe, len(train))
    augment = RandomHorizontalFlip() if recipe.mirror else None
    history, seconds, logits = History(), 0.0, torch.empty(0)
    for _ in range(recipe.epochs):
        start = time.perf_counter()
        epoch = fit(
            model,
            train,
            epochs=1,
            optimizer=optimizer,
            loss=loss,
            batch_size=recipe.batch_size,
            scheduler=schedule,
            scheduler_step="batch",
            augment=augment,
            progress=False,
        )
        seconds += time.perf_counter() - start
        if not len(epoch):  # fit was interrupted
            raise KeyboardInterrupt
        logits = predict(model, test, TEST_BATCH)
        epoch.val_loss[0], epoch.val_accuracy[0] = _scores(logits, test, loss)
        history += epoch
        after_epoch()
    history.batch_losses.clear()  # thousands of numbers, which the file need not contain
    return history, seconds, logits


def mirrored(images: ImageSet) -> ImageSet:
    """The same images with left and right exchanged."""
    return images.with_images(images.images.flip(3))


def _new_model(make: MakeModel, images: ImageSet, device: torch.device | str) -> nn.Module:
    """Make a network, with the channels last in memory if it works with that: convolutions are faster on a CPU.

    Networks that flatten with ``view`` or have 3-D convolutions need PyTorch's usual layout.
    """
    model = make().to(device).eval()
    x = images.subset(slice(2)).to(device).batch(slice(None))[0]  # (2, C, H, W)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            model(x)  # lazy modules get their sizes
        except Exception:
            return model  # fit will say what is wrong
        try:
            model.to(memory_format=torch.channels_last)
            model(x)
        except RuntimeError:
            model.to(memory_format=torch.contiguous_format)
    return model


def _optimizer(
    model: nn.Module, recipe: Recipe, size: int
) -> tuple[torch.optim.SGD, torch.optim.lr_scheduler.OneCycleLR]:
    """The optimizer and the schedule of a recipe, for a training set of ``size`` images."""
    sgd = torch.optim.SGD(
        model.parameters(), recipe.lr, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
    )
    steps = recipe.epochs * -(-size // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        sgd, recipe.lr, total_steps=steps + 1, cycle_momentum=False
    )
    return sgd, schedule


def _scores(logits: Tensor, images: ImageSet, loss: nn.Module) -> Scores:
    """Loss and accuracy as ``evaluate`` measures them, computed from logits that ``predict`` has returned."""
    labels = images.labels.cpu()
    total = 0.0
    for start in range(0, len(labels), TEST_BATCH):
        out, y = logits[start : start + TEST_BATCH], labels[start : start + TEST_BATCH]
        total += loss(out, y).item() * len(y)
    return Scores(total / len(labels), _accuracy(logits, labels))


def _accuracy(outputs: Tensor, labels: Tensor) -> float:
    return (outputs.argmax(1) == labels).double().mean().item()


def _part(images: ImageSet, fraction: float) -> ImageSet:
    """This fraction of each class, but no fewer images than there are classes."""
    return images.sample(min(1.0, max(fraction, len(images.classes) / len(images))))
