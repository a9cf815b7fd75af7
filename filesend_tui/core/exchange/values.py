"""The inputs and effects of an exchange: what may happen, and what is to be done.

Frozen values and nothing else; which input leads to which effects is table.py's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.torrent.disk_watch import DiskTrouble
from relay.protocol.words import Reach, Word

# --- inputs -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Approved:
    """The receiver accepted at least one file. reach: its invitation, if there is one."""

    accepted: tuple[bool, ...]
    reach: Reach | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Declined:
    """The receiver declined every file. reason: cleaned, may be empty."""

    accepted: tuple[bool, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Misanswered:
    """The receiver's answer does not fit the request."""

    error: FileSendError


@dataclass(frozen=True, slots=True)
class Prepared:
    """The sender has hashed this share of the bytes."""

    progress: float


@dataclass(frozen=True, slots=True)
class Ready:
    """The torrent is seeded, in the private swarm of this key. reach: answers the invitation."""

    magnet: str
    swarm_key: bytes = field(repr=False)
    reach: Reach | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Started:
    """The receiver has the torrent's metadata and requests pieces."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """The receiver's figures: bytes, bytes a second, share of what is wanted, seconds left.

    stream: nobody knows how much is wanted. disk: what its disk is waited for, None where it is
    not.
    """

    downloaded: int
    speed: float
    progress: float
    time_remaining: float | None
    stream: bool = False
    disk: DiskTrouble | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """The receiver has every wanted piece, verified and in place. digest: SHA-256 of a stream."""

    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The person here cancelled it."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class PartnerCancelled:
    """The other side cancelled it, or `failed`. reason: cleaned."""

    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong on this side."""

    error: FileSendError


@dataclass(frozen=True, slots=True)
class PartnerLost:
    """The partner is gone."""

    error: FileSendError


@dataclass(frozen=True, slots=True)
class Paused:
    """The person here paused it."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The person here took their pause back."""


@dataclass(frozen=True, slots=True)
class PartnerPaused:
    """The partner paused it."""


@dataclass(frozen=True, slots=True)
class PartnerResumed:
    """The partner took their pause back."""


@dataclass(frozen=True, slots=True)
class FilesPaused:
    """The receiver leaves these files out for now: indices in the request, all there are."""

    files: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Queued:
    """It waits for so many others that the sender sends first; 0: its turn has come."""

    before: int


Input: TypeAlias = (
    Approved
    | Declined
    | Misanswered
    | Prepared
    | Ready
    | Started
    | Progressed
    | Completed
    | Cancelled
    | PartnerCancelled
    | Failed
    | PartnerLost
    | Paused
    | Resumed
    | PartnerPaused
    | PartnerResumed
    | FilesPaused
    | Queued
)

# --- effects ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendWord:
    """Send this word to the partner."""

    word: Word


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish this event."""

    event: events.Event


@dataclass(frozen=True, slots=True)
class StartHashing:
    """Make the torrent, but serve it to nobody yet."""


@dataclass(frozen=True, slots=True)
class StartSeeding:
    """Serve the torrent once it is made. reach: the receiver's invitation."""

    reach: Reach | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StartAdding:
    """Fetch this torrent, in the private swarm of this key. reach: answers the invitation."""

    magnet: str
    swarm_key: bytes = field(repr=False)
    reach: Reach | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FreeTorrent:
    """Stop work on the torrent and destroy it. delete_data: unfinished part files go too."""

    delete_data: bool


@dataclass(frozen=True, slots=True)
class HoldTorrent:
    """Let no bytes of the torrent go while it is paused; connections are kept."""

    paused: bool


@dataclass(frozen=True, slots=True)
class HoldFiles:
    """Fetch these files not yet, and all others: indices in the request."""

    files: tuple[int, ...]


Effect: TypeAlias = (
    SendWord
    | Publish
    | StartHashing
    | StartSeeding
    | StartAdding
    | FreeTorrent
    | HoldTorrent
    | HoldFiles
)
