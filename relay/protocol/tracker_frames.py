"""The values of WebSocket tracker frames, and their bounds.

Frozen values with bytes for ids; their JSON is tracker_json.py's, from which clients import both.
No parsing and no swarm ever lives here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

#: Bytes in an infohash, a peer id and an offer id.
ID_LENGTH: Final = 20
#: Longest SDP text, in characters.
MAX_SDP: Final = 32 * 1024
#: Most offers in one announce; clients send 5 or 10.
MAX_OFFERS: Final = 20
#: Most infohashes in one scrape.
MAX_SCRAPE: Final = 64
#: Longest frame, in characters: a full announce, with room for JSON's escapes.
MAX_FRAME: Final = 1024 * 1024
#: Longest key of an announce, in characters.
MAX_KEY: Final = 64
#: Longest reason kept or sent, in characters.
MAX_REASON: Final = 300

#: A session description in a frame: `{"type": "offer" | "answer", "sdp": text}`.
Description: TypeAlias = dict[str, str]


class Event(StrEnum):
    """Why a peer announces (BEP 3; `paused` is BEP 21's). UPDATE is an announce without event."""

    STARTED = "started"
    COMPLETED = "completed"
    STOPPED = "stopped"
    PAUSED = "paused"
    UPDATE = "update"


class FrameError(ValueError):
    """A frame that cannot be used.

    reason: short text without the frame's content. action, info_hash: the frame's, if known, for
    the failure that answers it (a client drops its socket on a failure without action).
    """

    def __init__(
        self, reason: str, *, action: str | None = None, info_hash: bytes | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.action = action
        self.info_hash = info_hash


# --- from a client to a tracker ---------------------------------------------------------------


class Offer(msgspec.Struct, frozen=True):
    """One WebRTC offer for whichever peer the tracker picks."""

    offer_id: bytes
    offer: Description


class Announce(msgspec.Struct, frozen=True, kw_only=True):
    """A peer joins, stays in, completes or leaves a swarm.

    uploaded, downloaded, left: bytes; left is None while the metadata is unknown. numwant: peers
    wanted; None means the number of offers. key: a secret of the peer's, the same in all its
    announces to this tracker, by which it is known under another address; empty for none.
    """

    info_hash: bytes
    peer_id: bytes
    uploaded: int = 0
    downloaded: int = 0
    left: int | None = None
    event: Event = Event.UPDATE
    numwant: int | None = None
    offers: tuple[Offer, ...] = ()
    key: str = ""

    def __repr__(self) -> str:
        """Without the key."""
        return f"Announce({self.info_hash!r}, {self.peer_id!r}, {self.event!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """As `__repr__`, for rich."""
        return [("info_hash", self.info_hash), ("peer_id", self.peer_id), ("event", self.event)]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a peer's offer, for that peer."""

    info_hash: bytes
    peer_id: bytes
    to_peer_id: bytes
    offer_id: bytes
    answer: Description


class Scrape(msgspec.Struct, frozen=True):
    """A query for the figures of some swarms (BEP 48)."""

    info_hashes: tuple[bytes, ...]


# --- from a tracker to a client ---------------------------------------------------------------


class AnnounceReply(msgspec.Struct, frozen=True, kw_only=True):
    """The announce was accepted. interval: seconds to the next one; counts of peers."""

    info_hash: bytes
    interval: float
    complete: int = 0
    incomplete: int = 0


class OfferFrame(msgspec.Struct, frozen=True, kw_only=True):
    """Another peer's offer. peer_id: that peer's."""

    info_hash: bytes
    peer_id: bytes
    offer_id: bytes
    offer: Description


class AnswerFrame(msgspec.Struct, frozen=True, kw_only=True):
    """Another peer's answer to one of our offers. peer_id: that peer's."""

    info_hash: bytes
    peer_id: bytes
    offer_id: bytes
    answer: Description


class SwarmFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A swarm's figures. downloaded: how often a peer completed here."""

    complete: int = 0
    incomplete: int = 0
    downloaded: int = 0


class ScrapeReply(msgspec.Struct, frozen=True):
    """Figures by infohash; unknown swarms are zeros or absent, depending on the tracker."""

    files: dict[bytes, SwarmFigures]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The tracker refuses. action, info_hash: of the refused frame, if the tracker sent them."""

    reason: str
    action: str | None = None
    info_hash: bytes | None = None


ClientFrame: TypeAlias = Announce | Answer | Scrape
ServerFrame: TypeAlias = AnnounceReply | OfferFrame | AnswerFrame | ScrapeReply | Failure
Frame: TypeAlias = ClientFrame | ServerFrame
