"""Magnet links: which torrent, and where its peers meet (BEP 9).

Only the link is read and written here; nothing is fetched, and no tracker is contacted.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from filesend_tui.core.errors import BadMagnet
from filesend_tui.core.util.text import clean

#: Characters of a link, of one tracker's URL, and how many trackers of it are kept.
MAX_LINK: Final = 16 * 1024
MAX_TRACKER_URL: Final = 1024
MAX_TRACKERS: Final = 20

_MAX_FIELDS: Final = 200
_BTIH: Final = re.compile(r"urn:btih:(?:([0-9a-f]{40})|([a-z2-7]{32}))", re.IGNORECASE)
_TRACKER_SCHEMES: Final = frozenset({"ws", "wss", "http", "https", "udp"})


@dataclass(frozen=True, slots=True)
class Magnet:
    """A magnet link. info_hash: 20 bytes. name: for display only. trackers: their URLs, in order.

    `str()` of it is the link.
    """

    info_hash: bytes
    name: str | None = None
    trackers: tuple[str, ...] = ()

    def __str__(self) -> str:
        import torf

        return str(torf.Magnet(self.info_hash.hex(), dn=self.name, tr=self.trackers))


def parse_magnet(uri: str) -> Magnet:
    """Parse a magnet link (BEP 9; hex or base32 btih, of hybrids the v1 half).

    Unknown fields are ignored, and so are trackers that are no URL of a known scheme.

    Raises:
        BadMagnet: It is no magnet link, is too long, or names no v1 torrent.
    """
    uri = uri.strip()
    if len(uri) > MAX_LINK:
        raise BadMagnet("The magnet link is too long.")
    try:
        link = urlsplit(uri)
        fields = parse_qs(link.query, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise BadMagnet("This is not a magnet link.") from None
    if link.scheme != "magnet":
        raise BadMagnet("This is not a magnet link.")

    name = clean(fields.get("dn", [""])[0])
    trackers = dict.fromkeys(url for url in fields.get("tr", []) if _is_tracker(url))
    return Magnet(
        info_hash=_info_hash(
            # Several topics may be numbered: xt.1, xt.2 …
            [topic for key in fields if re.fullmatch(r"xt(\.\d+)?", key) for topic in fields[key]]
        ),
        name=name or None,
        trackers=tuple(trackers)[:MAX_TRACKERS],
    )


def _info_hash(topics: list[str]) -> bytes:
    hashes = set()
    for topic in topics:
        if match := _BTIH.fullmatch(topic):
            base16, base32 = match.groups()
            hashes.add(bytes.fromhex(base16) if base16 else base64.b32decode(base32.upper()))
    if len(hashes) > 1:
        raise BadMagnet("The magnet link names more than one torrent.")
    if not hashes:
        if any(topic.lower().startswith("urn:btmh:") for topic in topics):
            raise BadMagnet(
                "The magnet link is for a torrent of BitTorrent version 2 only.",
                "Ask for a version 1 or hybrid torrent.",
            )
        raise BadMagnet("The magnet link names no torrent.")
    return hashes.pop()


def _is_tracker(url: str) -> bool:
    if len(url) > MAX_TRACKER_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in _TRACKER_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
