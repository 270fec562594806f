import pytest

from course_utils.playground import interactive


@pytest.fixture
def one_thread():
    """Small networks on a busy machine: a second thread would wait more than it computes."""
    with interactive.one_thread():
        yield
