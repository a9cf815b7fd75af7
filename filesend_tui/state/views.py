"""What the screens draw: frozen snapshots, made by the store and by nobody else.

Two equal snapshots look the same on the screen, so a widget sees by comparing whether to draw.
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
    PeerEntry,
    TorrentId,
    TransferId,
    TransferPhase,
)


class Level(StrEnum):
    """How much a notice matters."""

    GOOD = "good"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Notice(msgspec.Struct, frozen=True):
    """What happened last that a person should hear about, and what to do next.

    about: what it is about, such as a transfer's id or a command: once that goes well, the notice
    goes. at: the time of day when it was told. old: a while ago; it no longer calls for attention.
    """

    level: Level
    message: str
    hint: str = ""
    code: str = ""
    about: str = ""
    at: str = ""
    old: bool = False


class RelayStatus(msgspec.Struct, frozen=True):
    """The link to the relay. state: `connecting`, `connected`, `lost` or `closed`."""

    state: str = "connecting"
    url: str = ""
    problem: str = ""


class OwnCode(msgspec.Struct, frozen=True):
    """The code for the other person, or what became of it.

    expires_at: on the store's clock. claimed: somebody typed its number. gone: why it ended, as
    CodeGone says it. replaced: why the one before it, which may have been told, no longer works.
    """

    code: str
    expires_at: float
    claimed: bool = False
    gone: str = ""
    replaced: str = ""

    def works(self, now: float) -> bool:
        """Whether somebody can still pair by it."""
        return not (self.gone or self.claimed) and self.expires_at > now

    def __repr__(self) -> str:
        return "OwnCode(…)"  # the code is a secret

    def __rich_repr__(self) -> list[tuple[str, float]]:
        return [("expires_at", self.expires_at)]


class TalkLine(msgspec.Struct, frozen=True):
    """One line of talk. who: empty for a line that nobody said. at: the time of day."""

    who: str
    text: str
    outgoing: bool = False
    at: str = ""


class TransferRow(msgspec.Struct, frozen=True):
    """One transfer at one moment. wanted: what got a yes; all where there is none, or only a no."""

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
    empty_folders: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.phase.ended

    @property
    def sending(self) -> bool:
        """It goes out from this machine."""
        return self.direction is Direction.SEND


class ShareRow(msgspec.Struct, frozen=True):
    """Something shared openly, at one moment. id: its torrent's, empty while that is being made.

    link: opens it in a browser, empty where no page for that is known. progress: of making the
    torrent, 0 to 1. connected: peers at this moment; taken: how many got everything from here.
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

    @property
    def preparing(self) -> bool:
        """Nobody can have it yet."""
        return not self.id

    @property
    def ended(self) -> bool:
        """Never: a share that was stopped has no row."""
        return False


class TransferDetail(msgspec.Struct, frozen=True):
    """What the lower half shows of one row. rates: bytes a second, one sample a second."""

    pieces: bytes = b""
    piece_count: int = 0
    piece_length: int = 0
    peers: tuple[PeerEntry, ...] = ()
    file_progress: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()


NOTHING_KNOWN: Final = TransferDetail()


def name_of(files: tuple[FileEntry, ...]) -> str:
    """Return what to call a transfer: its file, its folder with a slash, or several by `named`."""
    tops = list(dict.fromkeys(entry.path.split("/", 1)[0] for entry in files))
    if len(tops) == 1:
        return tops[0] + ("/" if "/" in files[0].path else "")
    return named(tops) or "files"


def named(names: Sequence[str], count: int | None = None) -> str:
    """Return several names as people say them: `A`, `A and B`, `A, B and 3 more`.

    count: how many there are in all, where names holds only the first three or more of them.
    """
    count = len(names) if count is None else count
    if count <= 2:
        return " and ".join(names)
    return f"{names[0]}, {names[1]} and {count - 2:,} more"
