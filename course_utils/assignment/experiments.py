"""Many networks, each trained on several shares of the data, by one call that can be interrupted. Notebook 12."""

import hashlib
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from course_utils import metrics
from course_utils.assignment import results
from course_utils.assignment.results import Cell, Results
from course_utils.augmentation import RandomHorizontalFlip
from course_utils.data import ImageSet
from course_utils.device import pick_device
from course_utils.training import History, evaluate, fit, predict, seed_everything

Models = Mapping[str, Callable[[], nn.Module]] | Iterable[type[nn.Module]]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: SGD with Nesterov momentum 0.9, the rate rising to ``lr`` and falling to 0 once.

    The schedule is Smith and Topin's "super-convergence" (2018), ``OneCycleLR`` in PyTorch. ``mirror`` turns half of
    the training images around, anew in each epoch; ``label_smoothing`` is that of Szegedy and others (2016).
    """

    epochs: int
    batch_size: int = 64
    lr: float = 0.05
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    mirror: bool = False
    seed: int = 0


def build(
    models: Models,
    recipes: Mapping[float | tuple[str, float], Recipe],
    train: ImageSet,
    test: ImageSet,
    *,
    fractions: Iterable[float] | None = None,
    file: str | Path | None = None,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> Results:
    """Train every model on every share of the training images, and test it on all test images.

    Each finished run is saved in ``file`` at once. Called again, runs that are there already are not repeated, if all
    that decides them is the same: network, recipe, images, device, threads, version of torch. Ctrl-C ends the call; it
    returns what is done.

    Args:
        models: classes or functions that make a new network without arguments; by name, or a list of classes.
        recipes: for each share of the training images, for example 0.1, how to train on it; a recipe for a key such as
            ``("LeNet", 0.1)`` takes its place for that model.
        train: images to train on; a share of them is ``train.split(share)``, the same images every time.
        test: images that the accuracy is measured on; no choice is made by them here.
        fractions: which of the shares to do; all of them if left out.
        file: where the runs are kept; None keeps nothing.
        device: where to train; the best one if left out.
        progress: show a progress bar.

    Raises:
        ResultsError: the file is damaged or cannot be written.
        TrainingError: a model does not fit the images; what was done before is saved.
    """
    from tqdm.auto import tqdm

    models = dict(models) if isinstance(models, Mapping) else {model.__name__: model for model in models}
    device = pick_device(device)
    known = results.load(file) if file and results.place(file).exists() else Results()
    fractions = [key for key in recipes if not isinstance(key, tuple)] if fractions is None else fractions
    shares = {fraction: _share(train, fraction) for fraction in fractions}
    plan = {(m, f): recipes.get((m, f), recipes[f]) for f in shares for m in models}
    found, total = Results(), sum(recipe.epochs for recipe in plan.values())
    with tqdm(total=total, unit="epoch", leave=False, disable=not progress) as bar:
        try:
            for (name, fraction), recipe in plan.items():
                make = models[name]
                settings = _settings(make, recipe, shares[fraction], test, device)
                cell = known.get((name, fraction))
                bar.set_description(f"{name}, {100 * fraction:g} %")
                if cell and cell.settings == settings:
                    bar.update(recipe.epochs)
                else:
                    cell = run(make, recipe, shares[fraction], test, device, bar.update)
                    cell = replace(cell, model=name, fraction=fraction, settings=settings)
                    if file:
                        results.add(file, cell)
                found[name, fraction] = cell
        except KeyboardInterrupt:
            print(f"Stopped by hand after {len(found)} of {len(plan)} runs. Call again to go on.")
    return found


def run(
    make: Callable[[], nn.Module],
    recipe: Recipe,
    train: ImageSet,
    test: ImageSet,
    device: torch.device | str = "cpu",
    after_epoch: Callable[[], object] = lambda: None,
) -> Cell:
    """Train one network from the start and test it after each epoch; the time counts training alone. Notebook 12."""
    seed_everything(recipe.seed)
    # on a CPU, convolutions are faster with the channels last in memory
    model = make().to(device, memory_format=torch.channels_last)
    options = _options(model, recipe, len(train))
    history, seconds = History(), 0.0
    for _ in range(recipe.epochs):
        start = time.perf_counter()
        epoch = fit(model, train, epochs=1, progress=False, **options)
        seconds += time.perf_counter() - start
        if not len(epoch):  # fit was stopped by hand
            raise KeyboardInterrupt
        epoch.val_loss[0], epoch.val_accuracy[0] = evaluate(model, test, options["loss"])
        history += epoch
        after_epoch()
    history.batch_losses.clear()  # thousands of numbers, which the file need not keep
    logits = predict(model, test)  # (N, classes)
    both = logits.softmax(1) + predict(model, mirrored(test)).softmax(1)
    worst = metrics.worst_mistakes(test.labels, logits, 10).tolist()
    return Cell(
        model=type(model).__name__,
        fraction=1.0,
        parameters=sum(p.numel() for p in model.parameters()),
        accuracy=_accuracy(logits, test),
        accuracy_mirrored=_accuracy(both, test),
        seconds=seconds,
        confusion=metrics.confusion_matrix(test.labels, logits, len(test.classes)).tolist(),
        worst=[[i, int(logits[i].argmax())] for i in worst],
        history=history,
        settings={},
    )


def mirrored(images: ImageSet) -> ImageSet:
    """The same images with left and right exchanged."""
    return replace(images, images=images.images.flip(3))


def _options(model: nn.Module, recipe: Recipe, size: int) -> dict:
    """A recipe as arguments of ``fit``."""
    sgd = torch.optim.SGD(
        model.parameters(), recipe.lr, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
    )
    steps = recipe.epochs * -(-size // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        sgd, recipe.lr, total_steps=steps + 1, cycle_momentum=False
    )
    return {
        "optimizer": sgd,
        "loss": nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing),
        "batch_size": recipe.batch_size,
        "scheduler": schedule,
        "scheduler_step": "batch",
        "augment": RandomHorizontalFlip() if recipe.mirror else None,
    }


def _accuracy(outputs: Tensor, images: ImageSet) -> float:
    return (outputs.argmax(1) == images.labels.cpu()).double().mean().item()


def _share(images: ImageSet, fraction: float) -> ImageSet:
    """This share of each class, but no fewer images than there are classes."""
    fraction = max(fraction, len(images.classes) / len(images))
    return images if fraction >= 1 else images.split(fraction)[1]


def _settings(make, recipe: Recipe, train: ImageSet, test: ImageSet, device) -> dict:
    """All that decides a run; where one of these differs, an older run is not the same run."""
    device = torch.device(device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return {
        "recipe": asdict(recipe),
        "network": _fingerprint(make, train),
        "images": [[len(part), _checksum(part)] for part in (train, test)],
        "machine": {"device": where, "threads": torch.get_num_threads(), "torch": torch.__version__},
    }


def _fingerprint(make, images: ImageSet) -> str:
    """What the new network answers to two of the images: a changed layer, start or forward pass changes it."""
    state = torch.get_rng_state()
    seed_everything(0)
    model = make().double().eval()
    with torch.no_grad():
        out = model(images.to("cpu").batch(slice(0, 2))[0].double())  # (2, classes)
    torch.set_rng_state(state)
    return hashlib.sha256(" ".join(f"{value:.6g}" for value in out.flatten().tolist()).encode()).hexdigest()[
        :16
    ]


def _checksum(images: ImageSet) -> int:
    """A number that changes with any pixel and any label."""
    return zlib.crc32(
        images.labels.cpu().numpy().tobytes(), zlib.crc32(images.images.cpu().numpy().tobytes())
    )
