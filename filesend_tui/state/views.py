"""What the screens draw: frozen snapshots, made by the store alone.

Equal snapshots look the same on the screen, so a widget compares them to decide whether to draw.
Sizes are in bytes, rates in bytes a second, times in seconds. No Textual ever lives here.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from filesend_tui.core.events import (
    Direction,
    FileEntry,
    LinkEntry,
    PausedBy,
    PeerEntry,
    RoadTried,
    SessionId,
    TorrentId,
    TransferId,
    TransferPhase,
    Who,
)


class Level(StrEnum):
    """How much a notice matters."""

    GOOD = "good"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Notice(msgspec.Struct, frozen=True):
    """The last thing that a person should know of, and what to do next.

    about: its subject, such as a transfer's id or a command: once that succeeds, the notice goes.
    at: the time of day when it was shown. old: shown a while ago; drawn less prominently.
    """

    level: Level
    message: str
    hint: str = ""
    code: str = ""
    about: str = ""
    at: str = ""
    old: bool = False


class RelayStatus(msgspec.Struct, frozen=True):
    """The connection to the relay. state: `connecting`, `connected`, `lost` or `closed`."""

    state: str = "connecting"
    url: str = ""
    problem: str = ""


class OwnCode(msgspec.Struct, frozen=True):
    """The code for the other person, or what became of it.

    expires_at: on the store's clock. claimed: somebody typed its nameplate. gone: why it ended,
    CodeGone's reason. replaced: why the code before it, which may have been given away, no longer
    works.
    """

    code: str
    expires_at: float
    claimed: bool = False
    gone: str = ""
    replaced: str = ""

    def works(self, now: float) -> bool:
        """Return whether somebody can still pair by it."""
        return not (self.gone or self.claimed) and self.expires_at > now

    def __repr__(self) -> str:
        return "OwnCode(…)"  # the code is a secret

    def __rich_repr__(self) -> list[tuple[str, float]]:
        return [("expires_at", self.expires_at)]


class TalkLine(msgspec.Struct, frozen=True):
    """One line of talk. who: empty for a line of the program's own. at: the time of day.

    to: whom a line of this side was for, where there was more than one partner.
    """

    who: str
    text: str
    outgoing: bool = False
    at: str = ""
    to: str = ""


class ReceivedText(msgspec.Struct, frozen=True):
    """Lines of text that a partner handed over. at: the time of day."""

    who: str
    text: str
    at: str = ""


class TransferRow(msgspec.Struct, frozen=True):
    """One transfer at one moment. wanted: files with a yes; all without an answer or after a no.

    waits: what it stands still for, empty where it does not; waits_hint: what to do about that;
    waited: for how long, such as `0:42`. paused_files: those that the receiver
    leaves out for now, by their place in `files`. away: the partner is not there, so that it waits
    for them. ended_by: who declined or cancelled it.
    wanted_again: its receiver asked for it once more, and it was not sent since.
    queued: for how many others that its sender sends first it waits; at the receiver 1 for any.
    slowed: what the relay says that holds its bytes back, and slowed_hint what to do. why: why no
    better road is taken, and why_hint what to do.
    stream: its length is not known; wanted_bytes is what has moved so far.
    excluded: how much of what was chosen its sender leaves out by choice; links_not_made: how many
    links could not be made here.
    seconds, fetched_bytes: how long this run took until all was there, and what it fetched of it.
    """

    id: TransferId
    direction: Direction
    partner: str
    files: tuple[FileEntry, ...] = ()
    name: str = "files"
    accepted: tuple[bool, ...] | None = None
    wanted_count: int = 0
    wanted_bytes: int = 0
    phase: TransferPhase = TransferPhase.ASKED
    reason: str = ""
    hint: str = ""
    progress: float = 0.0
    speed: str = ""
    bytes_per_second: float = 0.0
    time_remaining: float | None = None
    stalled: bool = False
    road: str = ""
    url: str = ""
    seconds: float | None = None
    fetched_bytes: int = 0
    empty_folders: tuple[str, ...] = ()
    programs: int = 0
    links: tuple[LinkEntry, ...] = ()
    others: int = 0
    excluded: int = 0
    links_not_made: int = 0
    paused_by: PausedBy = PausedBy.NOBODY
    paused_files: tuple[int, ...] = ()
    session: SessionId | None = None
    away: bool = False
    ended_by: Who | None = None
    wanted_again: bool = False
    queued: int = 0
    stream: bool = False
    waits: str = ""
    waits_hint: str = ""
    waited: str = ""
    slowed: str = ""
    slowed_hint: str = ""
    why: str = ""
    why_hint: str = ""

    @property
    def halted(self) -> bool:
        """Whether no bytes go, as somebody has paused it or others are sent first."""
        return self.paused or self.queued > 0

    @property
    def paused(self) -> bool:
        """Whether somebody has paused it."""
        return self.paused_by is not PausedBy.NOBODY

    @property
    def paused_here(self) -> bool:
        """Whether it was paused here, whoever else has."""
        return self.paused_by in {PausedBy.YOU, PausedBy.BOTH}

    @property
    def paused_there(self) -> bool:
        """Whether the partner paused it, whoever else has."""
        return self.paused_by in {PausedBy.PARTNER, PausedBy.BOTH}

    @property
    def pausable(self) -> bool:
        """Whether it is agreed on, and not over."""
        return not self.ended and self.phase is not TransferPhase.ASKED

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.phase.ended

    @property
    def sending(self) -> bool:
        """Whether it is sent from this machine."""
        return self.direction is Direction.SEND


class ShareRow(msgspec.Struct, frozen=True):
    """Something shared openly, at one moment. id: its torrent's; empty while hashing.

    link: opens it in a browser; empty where no page is configured. progress: of hashing, 0 to 1.
    connected: peers at this moment. taken: peers that downloaded everything from here. waited: for
    how long its preparation stands still, such as `0:42`; empty where it does not.
    """

    id: TorrentId
    name: str
    total_bytes: int
    magnet: str = ""
    link: str = ""
    progress: float = 0.0
    uploaded: str = ""
    uploaded_bytes: int = 0
    speed: str = ""
    bytes_per_second: float = 0.0
    connected: int = 0
    taken: int = 0
    waited: str = ""

    @property
    def preparing(self) -> bool:
        """Whether it is still being prepared."""
        return not self.id

    @property
    def ended(self) -> bool:
        """Always False: a share that was stopped has no row."""
        return False


class TransferDetail(msgspec.Struct, frozen=True):
    """The details of one row. rates: bytes a second, one sample a second.

    tried: what became of the road to the last peer, and of better ones.
    """

    pieces: bytes = b""
    piece_count: int = 0
    piece_length: int = 0
    peers: tuple[PeerEntry, ...] = ()
    file_progress: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    tried: tuple[RoadTried, ...] = ()


NOTHING_KNOWN: Final = TransferDetail()


def name_of(files: tuple[FileEntry, ...]) -> str:
    """Return what to call a transfer: its file, its folder with a slash, or several by `named`."""
    tops = list(dict.fromkeys(entry.path.split("/", 1)[0] for entry in files))
    if len(tops) == 1:
        return tops[0] + ("/" if "/" in files[0].path else "")
    return named(tops) or "files"


def named(names: Sequence[str], count: int | None = None) -> str:
    """Return several names in one phrase: `A`, `A and B`, `A, B and 3 more`.

    count: how many there are in all, where names holds only the first three or more of them.
    """
    count = len(names) if count is None else count
    if count <= 2:
        return " and ".join(names)
    return f"{names[0]}, {names[1]} and {count - 2:,} more"
