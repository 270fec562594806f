"""The machine check and the estimate of costs."""

import json
import platform

import torch

from course_utils import machine, tables


def test_the_description_states_the_versions_of_the_interpreter():
    told = {row[0]: row[1] for row in machine.describe().rows}
    assert told["Python"] == platform.python_version()
    assert told["torch"] == torch.__version__
    assert told["threads torch uses"] == str(torch.get_num_threads())


def test_costs_scale_with_the_speed_of_this_machine(tmp_path, monkeypatch):
    record = {"title": "09 · LeNet", "minutes": 2.0, "megabytes": 1500, "yardstick": 0.1}
    (tmp_path / "reference.json").write_text(json.dumps({"09_lenet": record}), encoding="utf-8")
    monkeypatch.setattr(machine, "REFERENCE", tmp_path / "reference.json")
    monkeypatch.setattr(machine, "yardstick", lambda: 0.3)
    assert machine.costs().rows == [["09 · LeNet", "6.0", "1.5 GB"]]


def test_costs_without_a_reference_are_an_empty_table(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "REFERENCE", tmp_path / "none.json")
    monkeypatch.setattr(machine, "yardstick", lambda: 0.3)
    assert machine.costs().rows == []


def test_the_yardstick_measures_some_time():
    assert 0 < machine.yardstick() < 60


def test_a_table_is_aligned_as_text_and_escaped_as_html():
    table = tables.Table(["name", "n"], [["a<b", "1"], ["longer", "2"]])
    assert repr(table).splitlines()[1].index("1") == repr(table).splitlines()[2].index("2")
    assert "a&lt;b" in table._repr_html_()
