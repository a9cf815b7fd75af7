"""One peer's record: what it still owes, how it has behaved, and when that is enough.

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
#: Seconds in which a peer that owes blocks must send one that counts.
STALL_TIMEOUT: Final = 120.0
#: Seconds that a channel may take to accept one chunk.
SEND_TIMEOUT: Final = 120.0
#: Requests refused one after another by a peer that does not choke us.
MOST_REFUSALS: Final = 256
#: Times in a row that a peer may choke us while it owes blocks, and serve none in between.
MOST_BARREN_CHOKES: Final = 32
#: Bytes waiting to be sent to a peer, blocks and metadata apart, which wait for their turn.
MOST_QUEUED: Final = 1024 * 1024
#: Times that a peer may ask for the whole description, and requests for it in any case.
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
        """Bytes came."""
        self._heard = now

    def burden(self, chatter: int, queued: int, now: float) -> WhyDropped | None:
        """Judge what it costs us.

        Args:
            chatter: The weight of all that it sent and that moved nothing (wire/message_cost.py).
            queued: Bytes that wait to be sent to it.
            now: The time.
        """
        if not self._flood_guard.allows(chatter, now):
            return Drop.MESSAGE_FLOOD
        return Drop.NOT_READING if queued > MOST_QUEUED else None

    # -- blocks it owes us

    def asked(self, count: int) -> None:
        """Requests went out, or were taken back.

        Each allows one answer. A cancel allows one too: it may cross the block, and some peers
        then send the block and a rejection.
        """
        self._answers_due += count

    def answered(self) -> WhyDropped | None:
        """A block or a rejection came."""
        if not self._answers_due:
            return Reason.UNREQUESTED
        self._answers_due -= 1
        return None

    def served(self, now: float) -> None:
        """A block that counts came."""
        self._served = now
        self._refusals = self._barren_chokes = 0

    def refused(self) -> WhyDropped | None:
        """It rejected a request while it does not choke us."""
        self._refusals += 1
        return Drop.REJECTS_ALL if self._refusals > MOST_REFUSALS else None

    def choked(self, outstanding: int) -> WhyDropped | None:
        """It choked us while it owed this many blocks."""
        self._barren_chokes += outstanding > 0
        return Drop.FLAPPING if self._barren_chokes > MOST_BARREN_CHOKES else None

    # -- the description

    def asked_metadata(self) -> None:
        """A request for a piece of the description went out."""
        self._metadata_due += 1

    def answered_metadata(self) -> WhyDropped | None:
        """A piece of it, or a rejection, came."""
        if not self._metadata_due:
            return Reason.UNREQUESTED
        self._metadata_due -= 1
        return None

    def wants_metadata(self, pieces: int) -> WhyDropped | None:
        """It asks us for one of the description's `pieces`."""
        self._metadata_wanted += 1
        bound = METADATA_ROUNDS * pieces + METADATA_REQUESTS
        return Drop.METADATA_FLOOD if self._metadata_wanted > bound else None

    # -- time

    def sending(self, now: float) -> None:
        """Bytes are offered to the channel, which may hold us back."""
        self._sending = now

    def sent(self) -> None:
        """The channel took them."""
        self._sending = None

    def overdue(self, now: float, *, shaken: bool, outstanding: int) -> WhyDropped | None:
        """Judge how long it has kept us waiting; call about once a second.

        Args:
            now: The time.
            shaken: Its handshake came.
            owed: Blocks it owes.
        """
        if not outstanding:
            self._served = now
        if not shaken and now - self.since > HANDSHAKE_TIMEOUT:
            return Drop.HANDSHAKE_TIMEOUT
        if now - self._heard > SILENCE_TIMEOUT:
            return Drop.SILENT
        if now - self._served > STALL_TIMEOUT:
            return Drop.STALLED
        return None if self._sending is None else self.not_reading(self._sending, now)

    def not_reading(self, since: float, now: float) -> WhyDropped | None:
        """Judge a channel that has taken nothing since then."""
        return Drop.NOT_READING if now - since > SEND_TIMEOUT else None
