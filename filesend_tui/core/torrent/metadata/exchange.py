"""Fetching the info dictionary of a magnet from its peers, piece by piece (BEP 9).

Decides which piece to request from which peer, and verifies the whole by its infohash. Pure: time
is passed in, messages are the wire's, and the dictionary's content is info.py's.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from filesend_tui.core.wire.extensions import (
    METADATA_PIECE,
    metadata_piece_count,
    metadata_piece_size,
)
from filesend_tui.core.wire.shape import MAX_METADATA

PeerKey = TypeVar("PeerKey", bound=Hashable)

#: Seconds after which an unanswered request goes to another peer.
REQUEST_TIMEOUT: Final = 15.0
#: Seconds before a piece is requested again from a peer that rejected it.
RETRY_AFTER: Final = 5.0
#: Requests in flight to one peer.
WINDOW: Final = 16
#: Peers that one piece is requested from at a time; a second only when no other piece is left.
_MOST_ASKERS: Final = 2
#: Bytes kept of incomplete dictionaries, false ones included: four of the largest.
MOST_HELD: Final = 2 * MAX_METADATA


@dataclass(frozen=True, slots=True)
class Fetched(Generic[PeerKey]):
    """The result of a piece of metadata.

    info: the whole bencoded info dictionary, verified by the infohash, or None. culprits: peers
    known to have sent a false one; they get no more requests and should be dropped.
    """

    info: bytes | None = None
    culprits: tuple[PeerKey, ...] = ()


@dataclass(slots=True)
class _Attempt(Generic[PeerKey]):
    """The pieces of an info dictionary of one claimed size."""

    size: int
    #: When it began or the last piece arrived.
    moved: float
    peers: dict[PeerKey, None] = field(default_factory=dict)
    pieces: dict[int, tuple[PeerKey, bytes]] = field(default_factory=dict)
    asked: dict[int, dict[PeerKey, float]] = field(default_factory=dict)
    refused: dict[tuple[PeerKey, int], float] = field(default_factory=dict)
    #: Digests of the pieces, by sender, in mixtures that proved false.
    doubtful: dict[tuple[PeerKey, int], bytes] = field(default_factory=dict)
    #: Set after a mixture of several peers' pieces proved false: the only peer to request from, so
    #: that the next false dictionary has one author.
    sole: PeerKey | None = None

    @property
    def piece_count(self) -> int:
        return metadata_piece_count(self.size)

    @property
    def held(self) -> int:
        """Bytes of memory, rounded up to pieces."""
        return len(self.pieces) * METADATA_PIECE

    def in_flight(self, peer: PeerKey) -> int:
        return sum(peer in askers for askers in self.asked.values())

    def start_over(self, sole: PeerKey | None) -> None:
        self.pieces.clear()
        self.asked.clear()
        self.sole = sole

    def forget(self, peer: PeerKey) -> None:
        """Drop the requests to a peer; keep what it sent."""
        self.peers.pop(peer, None)
        for askers in self.asked.values():
            askers.pop(peer, None)
        self.refused = {key: when for key, when in self.refused.items() if key[0] != peer}
        self.doubtful = {key: digest for key, digest in self.doubtful.items() if key[0] != peer}
        if self.sole == peer:
            self.start_over(next(iter(self.peers), None))

    def expire(self, now: float) -> None:
        """Drop requests that timed out."""
        late = [
            (peer, piece)
            for piece, askers in self.asked.items()
            for peer, when in askers.items()
            if now - when >= REQUEST_TIMEOUT
        ]
        for peer, piece in late:
            del self.asked[piece][peer]
        if self.sole in {peer for peer, _ in late}:
            self.pass_on()

    def refuse(self, peer: PeerKey, piece: int, now: float) -> None:
        """Drop a request that was rejected."""
        if self.asked.get(piece, {}).pop(peer, None) is None:
            return
        self.refused[peer, piece] = now
        if self.sole == peer:
            self.pass_on()

    def pass_on(self) -> None:
        """Make the next peer the sole one; move this one behind the others."""
        if self.sole is not None:
            self.peers[self.sole] = self.peers.pop(self.sole)
        self.start_over(next(iter(self.peers)))


class MetadataFetch(Generic[PeerKey]):
    """Fetches one info dictionary from any number of peers.

    Args:
        info_hash: SHA-1 of the dictionary, 20 bytes.
    """

    def __init__(self, info_hash: bytes) -> None:
        self._info_hash = info_hash
        self._attempts: dict[int, _Attempt[PeerKey]] = {}
        self._sizes: dict[PeerKey, int] = {}
        self._culprits: set[PeerKey] = set()

    def peer_has(self, peer: PeerKey, size: int) -> None:
        """Record that a peer announced a dictionary of `size` bytes, perhaps again.

        Raises:
            ValueError: The size is not 1 to MAX_METADATA.
        """
        if not 0 < size <= MAX_METADATA:
            raise ValueError(f"an info dictionary cannot have {size} bytes")
        if self._sizes.get(peer) != size:
            self.peer_left(peer)
            self._sizes[peer] = size
        elif attempt := self._attempts.get(size):
            attempt.refused = {key: when for key, when in attempt.refused.items() if key[0] != peer}

    def peer_left(self, peer: PeerKey) -> None:
        """Remove a peer and free its requests for others."""
        size = self._sizes.pop(peer, None)
        attempt = self._attempts.get(size) if size is not None else None
        if attempt is not None:
            attempt.forget(peer)
            if not attempt.peers:
                del self._attempts[attempt.size]

    def ask(self, peer: PeerKey, now: float) -> list[int]:
        """Return the pieces to request from this peer now, and record them as requested.

        Call it for every peer after each event here, and every few seconds: unanswered and rejected
        requests are repeated after a while. now: seconds.
        """
        attempt = self._attempt(peer, now)
        if attempt is None:
            return []
        attempt.expire(now)
        if attempt.sole is not None and attempt.sole != peer:
            return []
        room = max(0, WINDOW - attempt.in_flight(peer))
        if not room:
            return []
        candidates = [
            (len(askers), piece)
            for piece in range(attempt.piece_count)
            if piece not in attempt.pieces
            and peer not in (askers := attempt.asked.get(piece, {}))
            and len(askers) < _MOST_ASKERS
            and now - attempt.refused.get((peer, piece), -math.inf) >= RETRY_AFTER
        ]
        pieces = [piece for _, piece in sorted(candidates)[:room]]
        for piece in pieces:
            attempt.asked.setdefault(piece, {})[peer] = now
        return pieces

    def rejected(self, peer: PeerKey, piece: int, now: float) -> None:
        """Record that a peer rejected a piece; it is requested again after RETRY_AFTER seconds."""
        attempt = self._attempt(peer, now)
        if attempt is not None:
            attempt.refuse(peer, piece, now)

    def received(self, peer: PeerKey, piece: int, data: bytes, now: float) -> Fetched[PeerKey]:
        """Record a piece; discard one that was not requested or has the wrong length."""
        attempt = self._attempt(peer, now)
        if attempt is None or peer not in attempt.asked.get(piece, {}):
            return Fetched()
        if len(data) != metadata_piece_size(piece, attempt.size):
            return Fetched()
        del attempt.asked[piece]
        attempt.pieces[piece] = (peer, data)
        attempt.moved = now
        self._bound_memory(attempt)
        if len(attempt.pieces) < attempt.piece_count:
            return Fetched()
        info = b"".join(attempt.pieces[index][1] for index in range(attempt.piece_count))
        if _digest(info) == self._info_hash:
            return Fetched(info=info, culprits=_proven_liars(attempt, info))
        return self._failed(attempt)

    def _attempt(self, peer: PeerKey, now: float) -> _Attempt[PeerKey] | None:
        size = self._sizes.get(peer)
        if size is None or peer in self._culprits:
            return None
        attempt = self._attempts.setdefault(size, _Attempt(size, moved=now))
        attempt.peers[peer] = None
        return attempt

    def _bound_memory(self, growing: _Attempt[PeerKey]) -> None:
        """Evict the attempt without progress for longest, where too much is held."""
        while sum(attempt.held for attempt in self._attempts.values()) > MOST_HELD:
            others = [a for a in self._attempts.values() if a is not growing and a.pieces]
            stuck = min(others, key=lambda attempt: attempt.moved)
            stuck.start_over(stuck.sole)

    def _failed(self, attempt: _Attempt[PeerKey]) -> Fetched[PeerKey]:
        authors = list(dict.fromkeys(author for author, _ in attempt.pieces.values()))
        if len(authors) > 1:
            for piece, (author, data) in attempt.pieces.items():
                attempt.doubtful[author, piece] = _digest(data)
            attempt.start_over(next((a for a in authors if a in attempt.peers), None))
            return Fetched()
        self._culprits.update(authors)
        attempt.start_over(None)
        for author in authors:
            self.peer_left(author)
        return Fetched(culprits=tuple(authors))


def _digest(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _proven_liars(attempt: _Attempt[PeerKey], info: bytes) -> tuple[PeerKey, ...]:
    """Return the senders of pieces, in earlier mixtures, that the true dictionary proves false."""
    liars = {
        author: None
        for (author, piece), digest in attempt.doubtful.items()
        if digest != _digest(info[piece * METADATA_PIECE : (piece + 1) * METADATA_PIECE])
    }
    return tuple(liars)
