"""URLs of TURN servers (RFC 7065), as a relay names them to people.

Their bounds are here; credentials are given in relay/turn.py. No I/O ever lives here.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

#: Most servers that a relay names, and most characters of a URL, a username and a credential.
MAX_SERVERS: Final = 8
MAX_URL: Final = 255
MAX_LOGIN: Final = 255
#: Seconds for which a credential is good, at least; it has up to CREDENTIAL_STEP more.
CREDENTIAL_LIFETIME: Final = 12 * 3600
CREDENTIAL_STEP: Final = 3600

_URL: Final = re.compile(
    r"(?P<scheme>turns?):(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)
_PORTS: Final = {"turn": 3478, "turns": 5349}


class TurnUrl(NamedTuple):
    """What a URL says. host: without brackets. transport: to the server, `udp`, `tcp` or `tls`."""

    host: str
    port: int
    transport: str


def parse_turn_url(url: str) -> TurnUrl:
    """Parse a URL such as `turn:host:3478?transport=udp` or `turns:host:5349`.

    Raises:
        ValueError: It is none, or is DTLS, which no stack here speaks. The text says how to write
            one and does not repeat it.
    """
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    port = int(match["port"] or _PORTS[match["scheme"]]) if match else 0
    if match is None or not 0 < port < 65536:
        raise ValueError("a TURN server is written turn:host:3478?transport=udp, or turns:host")
    if match["scheme"] == "turns":
        if match["transport"] == "udp":
            raise ValueError("no TURN over DTLS: write turns:host, or turn:host?transport=udp")
        return TurnUrl(match["host"].strip("[]"), port, "tls")
    return TurnUrl(match["host"].strip("[]"), port, match["transport"] or "udp")
