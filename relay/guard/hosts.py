"""Which relay a request means to reach: a web page must not reach one on loopback by its own name.

A page's own host name may come to mean 127.0.0.1 (DNS rebinding); the browser then takes this
machine's relay for the page's server and lets it read and say anything. But it says the page's
name in `Host` (RFC 9110, section 7.2). Pure; whose connection it is, is addresses.py's.
"""

from __future__ import annotations

import socket
from functools import cache

from relay.guard.addresses import Headers, is_loopback


def means_this_machine(local: str, headers: Headers) -> bool:
    """Whether a request that came to our address `local` names this machine.

    Only loopback connections are looked at: elsewhere a relay may have any name. A request without
    `Host`, which HTTP/1.0 allows, is no browser's.
    """
    if not is_loopback(local):
        return True
    named = [value.decode("latin-1") for name, value in headers if name == b"host"]
    return all(_is_own_name(host) for host in named)


def _is_own_name(host: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.lower().rstrip(".")
    return (
        is_loopback(name)
        or name in ("localhost", _machine())
        or name.endswith(".localhost")  # RFC 6761, section 6.3
    )


@cache
def _machine() -> str:
    # Debian has the machine's own name mean 127.0.1.1.
    return socket.gethostname().lower()
