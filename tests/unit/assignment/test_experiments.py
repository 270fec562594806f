"""The table of runs: which runs are trained, which are kept, and which changes require a new run."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from course_utils import data
from course_utils.assignment import experiments, given, results
from course_utils.assignment.experiments import mirrored, train_all
from course_utils.assignment.results import ResultsError
from course_utils.assignment.settings import Recipe
from course_utils.training import TrainingError, evaluate, fit, seed_everything

RECIPES = {0.5: Recipe(epochs=1, batch_size=8), 1: Recipe(epochs=2, batch_size=8)}


class Small(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(784, 10))


class Hidden(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(784, 4), nn.ReLU(), nn.Linear(4, 10))


@pytest.fixture(scope="module")
def images():
    generator = torch.Generator().manual_seed(0)

    def some(count):
        pixels = torch.randint(256, (count, 1, 28, 28), dtype=torch.uint8, generator=generator)
        return data.ImageSet(pixels, torch.arange(count) % 10, tuple("abcdefghij"))

    return some(40), some(30)


@pytest.fixture
def trained(monkeypatch):
    """The runs that were trained instead of loaded from a file, as (kind of model, number of images)."""
    log, original = [], experiments.run

    def counted(make, recipe, train, *rest, **names):
        log.append((make().__class__.__name__, len(train)))
        return original(make, recipe, train, *rest, **names)

    monkeypatch.setattr(experiments, "run", counted)
    return log


def table(images, file=None, models=(Small, Hidden), recipes=RECIPES):
    return train_all(models, recipes, *images, file=file, device="cpu", progress=False)


def test_every_model_is_trained_on_every_fraction(images, trained):
    found = table(images)
    assert trained == [("Small", 20), ("Hidden", 20), ("Small", 40), ("Hidden", 40)]
    assert found.models == ["Small", "Hidden"] and found.fractions == [0.5, 1]
    assert found["Small", 1].parameters == 7850 and len(found["Small", 1].history) == 2


def test_a_model_can_have_its_own_recipe_and_fractions_can_be_left_out(images, trained):
    own = replace(RECIPES[1], lr=0.01)
    found = train_all(
        [Small, Hidden], RECIPES | {("Hidden", 1): own}, *images, fractions=[1], device="cpu", progress=False
    )
    assert trained == [("Small", 40), ("Hidden", 40)]
    recipes = [cell.settings.recipe.lr for cell in found.values()]
    assert recipes == [RECIPES[1].lr, 0.01]


def test_a_run_is_what_fit_and_evaluate_give(images):
    train, test = images
    cell = table(images, models=[Hidden], recipes={1: RECIPES[1]})["Hidden", 1]
    seed_everything(0)
    model = Hidden()
    sgd = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    rate = torch.optim.lr_scheduler.OneCycleLR(sgd, 0.05, total_steps=11, cycle_momentum=False)
    options = {"batch_size": 8, "scheduler": rate, "scheduler_step": "batch", "progress": False}
    history = fit(model, train, epochs=2, optimizer=sgd, validation=test, **options)
    assert cell.history.train_loss == history.train_loss
    assert cell.history.val_loss == history.val_loss
    assert cell.accuracy == pytest.approx(evaluate(model, test).accuracy)
    assert cell.confusion.trace() == round(cell.accuracy * len(test)) and cell.confusion.sum() == len(test)
    for index, read_as in cell.worst:
        assert model.eval()(test.batch(torch.tensor([index]))[0]).argmax() == read_as != test.labels[index]


def test_finished_runs_are_not_repeated(images, trained, tmp_path):
    first = table(images, tmp_path / "new" / "t.json")
    trained.clear()
    assert table(images, tmp_path / "new" / "t.json") == first and trained == []


def test_an_interrupted_table_continues_where_it_stopped(images, trained, tmp_path, monkeypatch, capsys):
    file, whole = tmp_path / "t.json", table(images)
    trained.clear()
    with monkeypatch.context() as m:
        m.setattr(experiments, "predict", _interrupt_after(5, experiments.predict))
        assert len(table(images, file)) == 2
    assert "after 2 of 4 runs" in capsys.readouterr().out
    assert trained == [("Small", 20), ("Hidden", 20), ("Small", 40)]
    trained.clear()
    again = table(images, file)
    assert trained == [("Small", 40), ("Hidden", 40)]
    assert {key: cell.history.train_loss for key, cell in again.items()} == {
        key: cell.history.train_loss for key, cell in whole.items()
    }


def _interrupt_after(calls, function):
    count = iter(range(calls))

    def call(*given):
        if next(count, None) is None:
            raise KeyboardInterrupt
        return function(*given)

    return call


class Wider(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(784, 5), nn.ReLU(), nn.Linear(5, 10))


class Tanh(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(784, 4), nn.Tanh(), nn.Linear(4, 10))


def changed_pixel(images):
    pixels = images.images.clone()
    pixels[3, 0, 14, 14] ^= 1
    return images.with_images(pixels)


CHANGES = {
    "recipe": lambda train, test: ((train, test), Hidden, Recipe(epochs=2, batch_size=8, lr=0.06)),
    "seed": lambda train, test: ((train, test), Hidden, replace(RECIPES[1], seed=1)),
    "width": lambda train, test: ((train, test), Wider, RECIPES[1]),
    "forward": lambda train, test: ((train, test), Tanh, RECIPES[1]),
    "training pixel": lambda train, test: ((changed_pixel(train), test), Hidden, RECIPES[1]),
    "test pixel": lambda train, test: ((train, changed_pixel(test)), Hidden, RECIPES[1]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_setting_is_trained_again_and_not_mixed_with_the_old(what, images, trained, tmp_path):
    file = tmp_path / "t.json"
    old = table(images, file, {"net": Hidden}, {1: RECIPES[1]})
    trained.clear()
    new_images, make, recipe = CHANGES[what](*images)
    new = table(new_images, file, {"net": make}, {1: recipe})
    assert len(trained) == 1 and new["net", 1].settings != old["net", 1].settings
    assert results.load(file) == new


def test_another_number_of_threads_requires_another_run(images, trained, tmp_path, monkeypatch):
    table(images, tmp_path / "t.json", [Small])
    trained.clear()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
    table(images, tmp_path / "t.json", [Small])
    assert len(trained) == 2


def test_the_file_keeps_runs_that_were_not_requested(images, tmp_path):
    table(images, tmp_path / "t.json", [Small])
    found = table(images, tmp_path / "t.json", [Hidden])
    assert found.models == ["Hidden"] and results.load(tmp_path / "t.json").models == ["Small", "Hidden"]


def test_a_failed_write_leaves_the_old_file(images, tmp_path, monkeypatch):
    file = tmp_path / "t.json"
    cell = table(images, file, [Small], {1: RECIPES[1]})["Small", 1]
    before = file.read_bytes()

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(ResultsError, match="no space left"):
        results.add(file, replace(cell, model="other"))
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("content", ["", "[{", '[{"model": "LeNet"}]', '{"a": 1}'])
def test_a_damaged_file_is_named_and_not_overwritten(content, images, tmp_path):
    file = tmp_path / "t.json"
    file.write_text(content)
    with pytest.raises(ResultsError, match="t.json could not be read"):
        table(images, file)
    assert file.read_text() == content


def test_results_can_be_kept_elsewhere(images, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_RESULTS", str(tmp_path))
    assert table(images, "mine.json", [Small], {1: RECIPES[1]}) == results.load("mine.json")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]


def test_missing_results_are_named():
    with pytest.raises(ResultsError, match="nowhere.json"):
        results.load("nowhere.json")


def test_few_images_and_single_steps_are_enough(images):
    recipe = Recipe(epochs=1, batch_size=64, mirror=True, label_smoothing=0.1)
    found = table(images, recipes={0.001: recipe})
    assert len(found) == 2 and found["Small", 0.001].history.train_loss[0] > 0


def test_the_mirror_image_of_the_mirror_image_is_the_image(images):
    test = images[1]
    assert torch.equal(mirrored(mirrored(test)).images, test.images)
    assert torch.equal(mirrored(test).images[..., 0], test.images[..., 27])


def test_tables_show_accuracy_and_seconds_next_to_published_results(images):
    found = table(images, models=[Small])
    text = repr(found.beside({"Small": {1: (83.7, 58.4)}}))
    assert "83.7 (58.4 s)" in text and "| –" in text and "50 %" in text
    assert f"{100 * found['Small', 1].accuracy:.1f} (" in text
    assert "<table>" in found._repr_html_()


def test_the_command_stores_only_its_own_runs_in_order(images, trained, tmp_path, monkeypatch):
    train, test = (replace(part, full=True) for part in images)
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setattr(data, "load", lambda name: (train, test))
    monkeypatch.setattr(given, "STORED", tmp_path / "t.json")
    monkeypatch.setattr(given, "RUNS", [([Small], RECIPES, [1]), ([Hidden], RECIPES, [0.5, 1])])
    table((train, test), tmp_path / "t.json", [Hidden, Small])
    trained.clear()
    given.main()
    assert list(results.load(tmp_path / "t.json")) == [("Small", 1), ("Hidden", 0.5), ("Hidden", 1)]
    assert trained == []


def test_the_command_refuses_a_part_of_the_data(images, monkeypatch):
    monkeypatch.setattr(data, "load", lambda name: images)
    with pytest.raises(SystemExit, match="all images"):
        given.main()


class Viewed(nn.Module):
    """Flattens with ``view``, which fails on channels_last."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv2d(1, 4, 5), nn.Linear(4 * 12 * 12, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv(x).relu(), 2)
        return self.linear(x.view(x.size(0), -1))


class Volume(nn.Sequential):
    """A 3-D convolution, whose weights cannot be channels_last."""

    def __init__(self):
        super().__init__(
            nn.Unflatten(1, (1, 1)), nn.Conv3d(1, 2, (1, 7, 7), stride=7), nn.Flatten(), nn.Linear(32, 10)
        )


class Lazy(nn.Sequential):
    """Sizes are determined by the first images."""

    def __init__(self):
        super().__init__(nn.LazyConv2d(4, 5, stride=4), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(10))


class CachedTable(nn.Module):
    """A float32 table is made in the first forward pass and is neither a parameter nor a buffer."""

    def __init__(self):
        super().__init__()
        self.linear, self.table = nn.Linear(784, 10), None

    def forward(self, x):
        if self.table is None:
            self.table = torch.linspace(0, 1, 784)
        return self.linear(x.flatten(1) * self.table.requires_grad_(False) + self.table)


class OneDimensional(nn.Module):
    """A recurrent network that reads the image's rows as a sequence."""

    def __init__(self):
        super().__init__()
        self.rnn, self.linear = nn.GRU(28, 8, batch_first=True), nn.Linear(8, 10)

    def forward(self, x):
        return self.linear(self.rnn(x.squeeze(1))[0][:, -1])


@pytest.mark.parametrize("make", [Viewed, Volume, Lazy, CachedTable, OneDimensional, Hidden])
def test_networks_of_all_kinds_train_as_in_the_plain_loop(make, images):
    train, test = images
    recipe = RECIPES[1]
    cell = table(images, models=[make], recipes={1: recipe})[make.__name__, 1]
    seed_everything(0)
    model = make()
    with torch.random.fork_rng():
        model.eval()(test.batch(slice(2))[0])  # determines the sizes of lazy modules
    sgd = torch.optim.SGD(model.parameters(), recipe.lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    rate = torch.optim.lr_scheduler.OneCycleLR(sgd, recipe.lr, total_steps=11, cycle_momentum=False)
    losses = []
    for _ in range(recipe.epochs):
        model.train()
        for chosen in torch.randperm(len(train)).split(recipe.batch_size):
            x, y = train.batch(chosen)
            sgd.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            sgd.step()
            rate.step()
            losses.append(loss.item())
    means = torch.tensor(losses).reshape(recipe.epochs, -1).mean(1)
    assert cell.history.train_loss == pytest.approx(means.tolist(), rel=1e-4)
    assert cell.parameters == sum(p.numel() for p in model.parameters())


def test_a_network_that_does_not_fit_the_images_is_explained(images):
    class ThreeChannels(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Conv2d(3, 4, 5), nn.Flatten(), nn.Linear(4 * 24 * 24, 10))

    with pytest.raises(TrainingError):
        table(images, models=[ThreeChannels])
