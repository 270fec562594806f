"""No test uses the network: connecting to any other machine fails, and nothing is downloaded."""

import ipaddress
import os
import socket

# Also for the processes that tests start.
os.environ["COURSE_DOWNLOAD"] = "0"


class NetworkBlocked(Exception):
    """A test tried to use the network. Not an OSError: code that handles a missing network must not hide it."""


def is_local(address) -> bool:
    """Whether a socket address (host and port, or a path) is on this machine."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0]).partition("%")[0]
    if host in ("localhost", ""):
        return True
    try:
        address = ipaddress.ip_address(host)
        return address.is_loopback or address.is_unspecified
    except ValueError:
        return False


def guarded(original):
    """Wrap a socket's `connect` or `connect_ex` so that it refuses any address that is not on this machine."""

    def connect(self, address):
        if not is_local(address):
            raise NetworkBlocked(f"this test connects to {address}, but tests must not use the network")
        return original(self, address)

    return connect


def guarded_lookup(host, *args, _original=socket.getaddrinfo, **kwargs):
    """`socket.getaddrinfo` that refuses the names of other machines."""
    name = host.decode() if isinstance(host, bytes) else host
    if not is_local((name or "localhost", 0)):
        raise NetworkBlocked(f"this test looks up {name}, but tests must not use the network")
    return _original(host, *args, **kwargs)


# Not in a fixture, so that the network is also blocked while tests are imported.
socket.socket.connect = guarded(socket.socket.connect)
socket.socket.connect_ex = guarded(socket.socket.connect_ex)
socket.getaddrinfo = guarded_lookup
