"""The progress bar: what it shows, and that it is removed completely."""

import pytest

from course_utils import progress


@pytest.fixture
def shown(monkeypatch):
    """The contents of the output that the bar has in a notebook, one after the other."""
    contents = []

    class Output:
        def update(self, data, raw):
            contents.append(data)

    def display(data, raw, display_id):
        contents.append(data)
        return Output()

    monkeypatch.setattr(progress, "display", display)
    return contents


@pytest.mark.parametrize("steps", [3, 1])  # a run that stops early must not leave its bar either
def test_a_bar_in_a_notebook_is_text_and_leaves_an_empty_output(steps, shown, capsys):
    with progress.NotebookBar(total=3, unit="batch", leave=False) as bar:
        for _ in range(steps):
            bar.update()
        bar.set_postfix_str("loss 0.25")
    assert "0/3" in shown[0]["text/plain"] and all(set(content) <= {"text/plain"} for content in shown)
    assert f"{steps}/3" in shown[-2]["text/plain"] and "loss 0.25" in shown[-2]["text/plain"]
    assert shown[-1] == {} and capsys.readouterr() == ("", "")


def test_a_bar_that_is_not_to_be_shown_shows_nothing(shown, capsys):
    with (
        progress.NotebookBar(total=3, disable=True) as bar,
        progress.progress_bar(3, unit="b", show=False) as other,
    ):
        bar.update(), other.update()
    assert shown == [] and capsys.readouterr() == ("", "")


def test_a_bar_in_a_terminal_begins_with_what_is_done(capsys):
    with progress.progress_bar(4, unit="batch", done=2) as bar:
        assert type(bar) is progress.tqdm
    assert "2/4" in capsys.readouterr().err
