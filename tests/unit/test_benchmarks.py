"""The benchmark: its rows train the same model on the same images, and its table says what was measured."""

from dataclasses import replace

import nbformat
import pytest
import torch
import torchvision
from torchvision.transforms import v2

from benchmarks import __main__ as benchmark
from benchmarks import grading
from benchmarks.rows import ROWS
from benchmarks.task import make_task
from course_tools.environment import ROOT
from course_tools.grading import exercises

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def task(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "no data"))
    with pytest.warns(UserWarning, match="stand-in"):
        return make_task(1_200, tmp_path / "task")


def test_the_files_hold_the_images_in_memory(task):
    for images, is_train in ((task.train, True), (task.test, False)):
        files = torchvision.datasets.MNIST(task.folder, train=is_train)
        assert torch.equal(files.targets, images.labels)
        resize = v2.Resize(32, antialias=True)
        assert torch.equal(resize(files.data[:, None]), images.images)


@pytest.mark.parametrize("name", [name for name in ROWS if benchmark.is_installed(name)])
def test_every_row_learns_in_one_epoch(task, name):
    accuracy = ROWS[name][0](replace(task, batch_size=16))()
    assert 0.4 < accuracy <= 1


def test_fit_ends_where_the_floor_ends(task):
    floor, fit = (ROWS[name][0](task)() for name in (benchmark.FLOOR, benchmark.FIT))
    assert fit == pytest.approx(floor)


def test_fit_is_timed_in_each_round_and_the_others_in_every_third(task):
    rows = [benchmark.FLOOR, benchmark.FIT, "TensorDataset + DataLoader"]
    times = benchmark.time_rows(rows, replace(task, batch_size=512), rounds=4)
    assert {row: list(seconds) for row, seconds in times.items()} == dict(
        zip(rows, ([0, 1, 2, 3], [0, 1, 2, 3], [0, 3]), strict=True)
    )
    assert all(min(seconds.values()) > 0 for seconds in times.values())


# each round runs at another speed, as on a shared machine
TIMES = {
    benchmark.FLOOR: {0: 2.0, 1: 1.0, 2: 9.0, 3: 4.0},
    benchmark.FIT: {0: 2.1, 1: 1.05, 2: 9.0, 3: 4.2},
    "skorch": {0: 2.4, 3: 5.2},
}


def test_the_table_holds_medians_of_the_ratios_within_a_round_and_names_what_is_missing():
    text = benchmark.report({64: TIMES}, ["Lightning"], images=600, rounds=3, seconds=60)
    assert "| fit (this course) | 1.05 |" in text
    assert "| skorch | 1.25 |" in text
    assert "| Lightning | not installed |" in text
    assert "fit takes at most 1.05 of the floor's time and is the fastest" in text


def test_broken_promises_are_named():
    slow = TIMES | {benchmark.FIT: {0: 2.6, 1: 1.3, 2: 11.7, 3: 5.2}}
    text = benchmark.report({64: TIMES, 512: slow}, [], images=600, rounds=3, seconds=60)
    assert "At batch 512, fit takes 1.300 of the floor; at most 1.05 is promised." in text
    assert "At batch 512, skorch is faster than fit." in text
    assert "At batch 64" not in text


def test_the_command_prints_and_writes_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "no data"))
    monkeypatch.setattr(benchmark, "WARM_UP", 600)
    arguments = ["--images", "600", "--rounds", "1", "--batch-sizes", "512", "--rows", benchmark.FIT]
    monkeypatch.setattr("sys.argv", ["benchmarks", *arguments, "--output", str(tmp_path / "table.md")])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    benchmark.main()
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert table in capsys.readouterr().out
    assert table.startswith("| one epoch and one evaluation of LeNet-5, batch size | 512 |")


def test_of_the_class_to_grade_no_two_answers_are_alike(tmp_path):
    (path,) = (ROOT / "notebooks").glob("07_*.ipynb")
    grading.hand_in(path, tmp_path, 2)
    assignment = exercises.read(path)
    answers = []
    for file in sorted(tmp_path.rglob("*.ipynb")):
        cells = nbformat.read(file, as_version=4).cells
        answers.append([cell.source for cell in cells if "# student" in cell.source])
    assert len(answers[0]) == len(answers[1]) == len(assignment.exercises)
    assert not set(answers[0]) & set(answers[1])
