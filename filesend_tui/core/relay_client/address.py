"""A relay's address: what people type, parsed once into the URLs that are derived from it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.util.text import clean
from relay.protocol.reflect import REFLECT_PATH
from relay.protocol.transit import TRANSIT_PATH
from relay.protocol.words import DEFAULT_PORT, PAGE_PATH, TRACKER_PATH

_MAX_URL = 2048
_HINT = "A relay's address looks like http://relay.example:8421, or just relay.example:8421."
#: What may be typed before `://`, and whether it means TLS.
_SECURE = {"http": False, "ws": False, "https": True, "wss": True}


class RelayAddress(NamedTuple):
    """A relay's address. url: as shown, `http(s)://host:port` with the path it is mounted at.

    tracker, transit: URLs of WebSockets. reflect: tells where a request comes from. page: for
    people who have only a browser.
    """

    url: str
    socketio_path: str
    tracker: str
    transit: str
    reflect: str
    page: str

    def stun(self, port: int) -> str:
        """Return the URL of a STUN server on the relay's machine (RFC 7064)."""
        host = urlsplit(self.url).hostname or ""
        return f"stun:[{host}]:{port}" if ":" in host else f"stun:{host}:{port}"


def parse_relay_url(typed: str) -> RelayAddress:
    """Parse a relay's address: an http, https, ws or wss URL, or `host` or `host:port`.

    Raises:
        RelayUnreachable: It is not such an address.
    """
    text = typed.strip()
    shown = clean(text.rpartition("@")[2], 80)  # a password would be before the @
    bad = RelayUnreachable(f"“{shown}” is not the address of a relay.", _HINT)
    if "://" not in text:
        text = f"http://{text}"
        default_port = f":{DEFAULT_PORT}"
    else:
        default_port = ""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise bad from None
    secure = _SECURE.get(parts.scheme)
    # User names and passwords would end up on screens and in logs: no relay asks for any.
    if len(text) > _MAX_URL or secure is None or not host or "@" in parts.netloc:
        raise bad
    if (
        any(char.isspace() or not char.isprintable() for char in text)
        or parts.query
        or parts.fragment
    ):
        raise bad
    shown_host = f"[{host}]" if ":" in host else host
    place = shown_host + (f":{port}" if port is not None else default_port)
    place += parts.path.rstrip("/")
    mounted = parts.path.strip("/")
    tls = "s" if secure else ""
    return RelayAddress(
        url=f"http{tls}://{place}",
        socketio_path=f"{mounted}/socket.io" if mounted else "socket.io",
        tracker=f"ws{tls}://{place}{TRACKER_PATH}",
        transit=f"ws{tls}://{place}{TRANSIT_PATH}",
        reflect=f"http{tls}://{place}{REFLECT_PATH}",
        page=f"http{tls}://{place}{PAGE_PATH}",
    )
