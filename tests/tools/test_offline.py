"""The tests have no access to other machines."""

import os
import socket

import pytest

REFUSED = pytest.raises(Exception, match="tests must not use the network")


def test_other_machines_cannot_be_reached():
    # 192.0.2.0/24 is reserved for documentation: no machine has such an address.
    with socket.socket() as one, REFUSED:
        one.connect(("192.0.2.1", 80))
    with socket.socket() as one, REFUSED:
        one.connect_ex(("192.0.2.1", 80))
    with REFUSED:
        socket.create_connection(("example.org", 80))


def test_this_machine_can():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(("localhost", server.getsockname()[1]), timeout=5) as one:
            assert one.getpeername()[0] == "127.0.0.1"


def test_nothing_is_downloaded():
    assert os.environ["COURSE_DOWNLOAD"] == "0"
