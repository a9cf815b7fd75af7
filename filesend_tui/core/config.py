"""What a Client can be told: frozen values; files and environment are read by settings.py."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec


class WebRtcStack(StrEnum):
    """What makes WebRTC connections. AUTO: libdatachannel where it is installed, else aiortc."""

    AUTO = "auto"
    AIORTC = "aiortc"
    NATIVE = "native"


class IceServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A STUN or TURN server (RFC 7064, RFC 7065).

    urls: one URL such as `stun:host:3478` or `turn:host:3478?transport=udp`.
    """

    urls: str
    username: str | None = None
    credential: str | None = None

    def __repr__(self) -> str:
        return f"IceServer({self.urls!r})"  # never the credential


class ClientConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a Client behaves.

    name: shown to the partner. ice_servers: the only ones ever contacted. relay_only: use TURN
    candidates alone. webrtc: the stack to use. max_peers: connections a torrent. offers: WebRTC
    offers an announce.
    upload_slots: peers served at once. upload_limit, download_limit: bytes of file data a second,
    all torrents and peers together; None for no limit. share_page: the page that opens an open
    torrent in a browser (core/share_link.py); None for none.
    """

    name: str = "somebody"
    output: Path = msgspec.field(default_factory=Path.cwd)
    ice_servers: tuple[IceServer, ...] = ()
    relay_only: bool = False
    webrtc: WebRtcStack = WebRtcStack.AUTO
    max_peers: int = 40
    offers: int = 4
    upload_slots: int = 5
    upload_limit: int | None = None
    download_limit: int | None = None
    share_page: str | None = None
