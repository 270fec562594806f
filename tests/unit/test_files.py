"""A file is replaced completely, or is left unchanged."""

import pytest

from course_utils.files import replacing


def test_the_old_file_is_there_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "run.pt"
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("before", [None, "old"])
def test_an_interruption_changes_nothing_and_leaves_nothing(tmp_path, before):
    path = tmp_path / "run.pt"
    if before:
        path.write_text(before)
    with pytest.raises(KeyboardInterrupt), replacing(path) as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert [file.read_text() for file in tmp_path.iterdir()] == ([before] if before else [])
