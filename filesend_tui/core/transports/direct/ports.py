"""Sockets of the port that a client listens on: listeners, and connections made from it.

A router that maps a port shows a connection from there to anybody at one and the same outside
address (RFC 4787, section 4.1, for UDP; RFC 5382 for TCP). Who connects where is road.py's.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from filesend_tui.core.transports.direct.offer import LOOPBACK


def listen(port: int, *, local: bool = False) -> list[socket.socket]:
    """Listen on every address, or on loopback's, of IPv4 and IPv6; on one port if given."""
    listeners: list[socket.socket] = []
    hosts = LOOPBACK if local else ("", "::")
    for family, host in zip((socket.AF_INET, socket.AF_INET6), hosts, strict=True):
        with suppress(OSError):
            listener = socket.create_server((host, port), family=family, backlog=16)
            listener.setblocking(False)
            _share(listener)  # now, so that no two listen on one port
            listeners.append(listener)
    return listeners


def from_port(family: socket.AddressFamily, port: int) -> socket.socket:
    """Return a socket that connects from a port of this machine, which a listener of ours has.

    Raises:
        OSError: The system does not allow that.
    """
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        _share(sock)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", port))
    except BaseException:
        sock.close()
        raise
    return sock


def _share(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if (option := getattr(socket, "SO_REUSEPORT", None)) is not None:
            sock.setsockopt(socket.SOL_SOCKET, option, 1)
