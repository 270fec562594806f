"""No test uses the network: connecting to anything but this machine fails, and nothing is downloaded."""

import ipaddress
import os
import socket

os.environ["COURSE_DOWNLOAD"] = "0"  # for the processes that tests start, too


class NetworkBlocked(Exception):
    """A test tried to use the network. Not an OSError: code that survives a lost network must not hide it."""


def is_local(address) -> bool:
    """Whether a socket address (host and port, or a path) lies on this machine."""
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
    """Return a socket's `connect` or `connect_ex` that refuses every address that is not on this machine."""

    def connect(self, address):
        if not is_local(address):
            raise NetworkBlocked(f"this test connects to {address}; tests run with the network off")
        return original(self, address)

    return connect


def guarded_lookup(host, *args, _original=socket.getaddrinfo, **kwargs):
    """`socket.getaddrinfo` for names of this machine only."""
    name = host.decode() if isinstance(host, bytes) else host
    if not is_local((name or "localhost", 0)):
        raise NetworkBlocked(f"this test looks up {name}; tests run with the network off")
    return _original(host, *args, **kwargs)


# Here and not in a fixture, so that importing the tests is covered too.
socket.socket.connect = guarded(socket.socket.connect)
socket.socket.connect_ex = guarded(socket.socket.connect_ex)
socket.getaddrinfo = guarded_lookup
