"""The record of a run: rows, tables, and two runs put together."""

from course_utils.training import History


def run(epochs, validation=True):
    falling = [2 / (epoch + 1) for epoch in range(epochs)]
    rising = [epoch / 10 for epoch in range(epochs)]
    measured = (1.0, 0.5) if validation else (None, None)
    return History(
        falling, rising, [measured[0]] * epochs, [measured[1]] * epochs, [0.1] * epochs, [1.5] * epochs, []
    )


def test_two_runs_are_put_one_after_the_other():
    whole = run(2) + run(3)
    assert len(whole) == 5
    assert whole.train_loss == run(2).train_loss + run(3).train_loss


def test_the_text_table_has_one_line_per_epoch_with_aligned_columns():
    lines = repr(run(3)).splitlines()
    assert len(lines) == 4 and len({len(line) for line in lines}) == 1
    assert lines[2].split()[:4] == ["2", "1.0000", "10.00", "%"]


def test_columns_that_were_not_measured_are_left_out():
    assert "val" not in repr(run(1, validation=False)) and "val" in repr(run(1))


def test_times_are_not_shown_because_they_never_repeat():
    assert "1.5" not in repr(run(1)) and "1.5" not in run(1)._repr_html_()


def test_html_and_text_show_the_same_numbers():
    for cell in repr(run(2)).split():
        assert cell in run(2)._repr_html_()


def test_an_empty_history_can_be_shown():
    assert repr(History()) == "History of 0 epochs"
