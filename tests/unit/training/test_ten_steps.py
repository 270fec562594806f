"""Ten steps give the numbers that were stored before the loop was rewritten, on any machine."""

import json
from pathlib import Path

import pytest
import ten_steps

STORED = json.loads(Path(__file__).with_name("ten_steps.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("training", ten_steps.TRAININGS, ids=lambda training: training.__name__)
def test_ten_steps_give_the_stored_history_and_weights(training, one_thread):
    expected = STORED[training.__name__]
    found = training()
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        # stored with ten digits; float64 leaves five more for the differences between machines
        assert found[name] == (values if None in values else pytest.approx(values, rel=2e-9, abs=1e-12)), name
