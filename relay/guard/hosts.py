"""The host that a request names: protects a relay on loopback from DNS rebinding.

A web page's own host name may be made to resolve to 127.0.0.1; the browser then takes this
machine's relay for the page's server, and lets the page read and send anything. But it sends the
page's name in `Host` (RFC 9110, section 7.2). Pure; the client's address is addresses.py's.
"""

from __future__ import annotations

import socket
from functools import cache

from relay.guard.addresses import Headers, is_loopback


def means_this_machine(local: str, headers: Headers) -> bool:
    """Return whether a request to our address `local` names this machine.

    Only loopback connections are checked: elsewhere a relay may have any name. A request without
    `Host`, which HTTP/1.0 allows, is not a browser's.
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
    # Debian resolves the machine's own name to 127.0.1.1.
    return socket.gethostname().lower()
