"""One peer's record: answers due, misbehaviour, timeouts, and when to drop it.

Pure: times are passed in, in seconds of any monotonic clock. Every judgement is a reason to drop
the peer, or None. What follows from it is peer.py's.
"""

from __future__ import annotations

from typing import Final

from filesend_tui.core.torrent.drop_reasons import Drop, WhyDropped
from filesend_tui.core.torrent.peer.flood_guard import FloodGuard
from filesend_tui.core.wire.errors import Reason

#: Seconds a new connection has for its handshake.
HANDSHAKE_TIMEOUT: Final = 25.0
#: Seconds after which a silent connection is given up (BEP 3: two minutes).
SILENCE_TIMEOUT: Final = 120.0
#: Seconds within which a peer with requests in flight must send a useful block.
STALL_TIMEOUT: Final = 120.0
#: Seconds that a channel may take to accept one chunk.
SEND_TIMEOUT: Final = 120.0
#: Requests rejected in a row by a peer that does not choke us.
MOST_REFUSALS: Final = 256
#: Times in a row that a peer may choke us with requests in flight, serving none in between.
MOST_BARREN_CHOKES: Final = 32
#: Bytes queued for a peer, not counting blocks and metadata, which wait for their turn.
MOST_QUEUED: Final = 1024 * 1024
#: Metadata requests that a peer may send: so many for each piece, and so many on top.
METADATA_ROUNDS: Final = 3
METADATA_REQUESTS: Final = 32


class Misbehaviour:
    """The record of one peer. now: when it connected."""

    def __init__(self, now: float) -> None:
        self.since = now
        self._flood_guard = FloodGuard(now)
        self._heard = now
        self._served = now
        self._sending: float | None = None
        self._answers_due = 0
        self._metadata_due = 0
        self._metadata_wanted = 0
        self._refusals = 0
        self._barren_chokes = 0

    def heard(self, now: float) -> None:
        """Record that bytes arrived."""
        self._heard = now

    def burden(self, chatter: int, queued: int, now: float) -> WhyDropped | None:
        """Judge the cost of its messages and of the queue to it.

        Args:
            chatter: The weight of its messages that transferred no data (wire/message_cost.py).
            queued: Bytes that wait to be sent to it.
            now: The time.
        """
        if not self._flood_guard.allows(chatter, now):
            return Drop.MESSAGE_FLOOD
        return Drop.NOT_READING if queued > MOST_QUEUED else None

    # -- blocks

    def asked(self, count: int) -> None:
        """Record requests or cancels that were sent.

        Each allows one answer. A cancel allows one too: it may cross the block, and some peers
        then send the block and a rejection.
        """
        self._answers_due += count

    def answered(self) -> WhyDropped | None:
        """Record a block or a rejection; judge whether one was due."""
        if not self._answers_due:
            return Reason.UNREQUESTED
        self._answers_due -= 1
        return None

    def served(self, now: float) -> None:
        """Record a useful block."""
        self._served = now
        self._refusals = self._barren_chokes = 0

    def refused(self) -> WhyDropped | None:
        """Record a rejection while it does not choke us."""
        self._refusals += 1
        return Drop.REJECTS_ALL if self._refusals > MOST_REFUSALS else None

    def choked(self, outstanding: int) -> WhyDropped | None:
        """Record a choke with this many blocks in flight."""
        self._barren_chokes += outstanding > 0
        return Drop.FLAPPING if self._barren_chokes > MOST_BARREN_CHOKES else None

    # -- metadata

    def asked_metadata(self) -> None:
        """Record a metadata request that was sent."""
        self._metadata_due += 1

    def answered_metadata(self) -> WhyDropped | None:
        """Record a metadata piece or a rejection; judge whether one was due."""
        if not self._metadata_due:
            return Reason.UNREQUESTED
        self._metadata_due -= 1
        return None

    def wants_metadata(self, pieces: int) -> WhyDropped | None:
        """Record its request for one of the info dictionary's `pieces`."""
        self._metadata_wanted += 1
        bound = METADATA_ROUNDS * pieces + METADATA_REQUESTS
        return Drop.METADATA_FLOOD if self._metadata_wanted > bound else None

    # -- time

    def silence(self, now: float) -> float:
        """Return the seconds since bytes arrived last."""
        return now - self._heard

    def sending(self, now: float) -> None:
        """Record that bytes are offered to the channel, which may block."""
        self._sending = now

    def sent(self) -> None:
        """Record that the channel accepted them."""
        self._sending = None

    def overdue(self, now: float, *, shaken: bool, outstanding: int) -> WhyDropped | None:
        """Judge the peer's timeouts; call about once a second.

        Args:
            now: The time.
            shaken: Its handshake arrived.
            outstanding: Blocks and whole pieces in flight from it.
        """
        if not outstanding:
            self._served = now
        if not shaken and now - self.since > HANDSHAKE_TIMEOUT:
            return Drop.HANDSHAKE_TIMEOUT
        if self.silence(now) > SILENCE_TIMEOUT:
            return Drop.SILENT
        if now - self._served > STALL_TIMEOUT:
            return Drop.STALLED
        return None if self._sending is None else self.not_reading(self._sending, now)

    def not_reading(self, since: float, now: float) -> WhyDropped | None:
        """Judge a channel that has accepted nothing since then."""
        return Drop.NOT_READING if now - since > SEND_TIMEOUT else None
