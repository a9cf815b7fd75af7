"""What of a transfer outlives its process, as a frozen value.

Where it is kept is the caller's; going on with it is transfers.py's. No work ever lives here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from filesend_tui.core.choices import ARRIVING, SENDING, Arriving, Sending
from filesend_tui.core.events import Direction, PausedBy, SessionId, TransferId, TransferPhase
from filesend_tui.core.exchange.offered import Asked
from filesend_tui.core.torrent.sources.trusted import Identity
from relay.protocol.words import FileRequest


class TransferFacts(NamedTuple):
    """All that one side needs to go on with a transfer.

    accepted: empty without an answer. folder: where it goes; None for a sender. chosen, files: what
    the person chose to send, and the files found there, as they were, each with its path as the
    system has it; empty for a receiver. info: the info dictionary as it was hashed, magnet and
    swarm_key: of its torrent; empty until known. sending, arriving: what the sender, or the
    receiver, chose about how. group: of those that share the torrent; empty for none.
    """

    request: FileRequest | Asked
    direction: Direction
    phase: TransferPhase
    accepted: tuple[bool, ...] = ()
    folder: Path | None = None
    chosen: tuple[Path, ...] = ()
    files: Sequence[tuple[bytes, Identity]] = ()
    info: bytes = b""
    magnet: str = ""
    swarm_key: bytes = b""
    group: str = ""
    paused_by: PausedBy = PausedBy.NOBODY
    paused_files: tuple[int, ...] = ()
    queued: int = 0
    sending: Sending = SENDING
    arriving: Arriving = ARRIVING

    def __repr__(self) -> str:
        return f"TransferFacts(request={self.request.id!r}, phase={self.phase!r})"


class TransferKeeper(Protocol):
    """What keeps transfers outside the process."""

    def transfer_changed(self, session: SessionId, partner: str, facts: TransferFacts) -> None:
        """Record a transfer, which is new or has changed in more than its phase."""

    def phase_changed(self, session: SessionId, transfer: TransferId, phase: TransferPhase) -> None:
        """Record the phase of a transfer; one that ended is gone on with no more."""
