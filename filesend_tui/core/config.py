"""Configuration of a Client: frozen values; files and environment are read by load.py."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from filesend_tui.core.choices import ARRIVING, SENDING, Arriving, Sending
from filesend_tui.core.util.proxies import NO_PROXIES, Proxies


class WebRtcStack(StrEnum):
    """The library for WebRTC connections. AUTO: libdatachannel if installed, else aiortc."""

    AUTO = "auto"
    AIORTC = "aiortc"
    NATIVE = "native"


class RoadChoice(StrEnum):
    """Which roads a private swarm may take. AUTO: direct, else WebRTC, else through the relay."""

    AUTO = "auto"
    DIRECT = "direct"
    WEBRTC = "webrtc"
    RELAYED = "relayed"


class IceServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A STUN or TURN server (RFC 7064, RFC 7065).

    urls: one URL such as `stun:host:3478` or `turn:host:3478?transport=udp`.
    """

    urls: str
    username: str | None = None
    credential: str | None = None

    def __repr__(self) -> str:
        return f"IceServer({self.urls!r})"  # never the credential

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("urls", self.urls)]


def default_folder() -> Path:
    """Return the default folder for received files: `FileSend` in the user's downloads folder.

    A folder of its own, so that no file that a stranger named is beside the user's own files.
    """
    import platformdirs

    return platformdirs.user_downloads_path() / "FileSend"


#: Seconds that a partner may be away before the session with them ends.
AWAY_LIMIT: Final = 3600.0


class ClientConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a Client behaves.

    name: shown to the partner. ice_servers: the only ones ever contacted, but for the relay's own
    STUN where relay_stun is set, then that one in their place, where it has one, and the relay's
    TURN servers where relay_turn is. relay_only: use no road that tells the partner an address.
    road: which roads to take. direct_port: where the direct one listens; any free port if 0.
    port_mapping: ask the router to map the port (UPnP). local: every peer is on this machine, so
    the direct road listens on loopback alone. webrtc: the stack to use. max_peers: connections per
    torrent. offers: WebRTC offers per announce. upload_slots: peers served at once. upload_limit,
    download_limit: bytes of file data a second, all torrents and peers together; None for no limit.
    share_page: the page that opens an open torrent in a browser (metainfo/share_link.py); None for
    none. at_once: how many transfers are sent at once, None for all; the others wait. away_limit:
    seconds that a partner may be away before the session with them ends. history: what ends is kept
    in the history, where there is a journal. proxies: what relays and trackers are reached by;
    where it is one, and no other road is chosen, all goes through the relay. sending, arriving: how
    files are found and sent, and how they are put where they go, unless an answer says otherwise.
    """

    name: str = "somebody"
    output: Path = msgspec.field(default_factory=default_folder)
    ice_servers: tuple[IceServer, ...] = ()
    relay_stun: bool = False
    relay_turn: bool = False
    relay_only: bool = False
    road: RoadChoice = RoadChoice.AUTO
    direct_port: int = 0
    port_mapping: bool = False
    local: bool = False
    webrtc: WebRtcStack = WebRtcStack.AUTO
    max_peers: int = 40
    offers: int = 4
    upload_slots: int = 5
    upload_limit: int | None = None
    download_limit: int | None = None
    share_page: str | None = None
    away_limit: float = AWAY_LIMIT
    at_once: int | None = None
    history: bool = True
    proxies: Proxies = NO_PROXIES
    sending: Sending = SENDING
    arriving: Arriving = ARRIVING
