"""The core's events: frozen values, named as in the workflow.

A face formats nothing: figures are both for people (text) and raw (bytes, bytes a second,
seconds). The `--json` line of the headless face is `encode(event)`: an object with `event` and
camelCase fields, so a field added here is a field added there. No behaviour ever lives here.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any, Final, NewType, TypeAlias, TypeVar

import msgspec

SessionId = NewType("SessionId", str)
"""One meeting of two people, from its code on: 16 hex digits, drawn at random on this side."""
TransferId: TypeAlias = str
TorrentId: TypeAlias = str
"""A torrent's id in events: its infohash, 40 hex digits."""


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(
        part.upper() if part in {"uri", "url"} else part.capitalize() for part in rest
    )


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="event",
    tag=lambda name: name[0].lower() + name[1:],
    rename=_camel,
):
    """Base of all events."""


class SessionEvent(Event, frozen=True, kw_only=True):
    """Base of all events that may be about one session: a code, a partner, a transfer.

    session: its id. None for an open swarm, or an error that belongs to no session.
    """

    session: SessionId | None = None


E = TypeVar("E", bound=Event)


def of_session(event: E, session: SessionId | None) -> E:
    """Return the event with this session, if its type has one."""
    if isinstance(event, SessionEvent):
        return msgspec.structs.replace(event, session=session)
    return event


class Direction(StrEnum):
    """Which way a transfer goes, seen from this machine."""

    SEND = "send"
    RECEIVE = "receive"


class Wants(StrEnum):
    """What a person is there for: to send, to receive, or both."""

    BOTH = "both"
    SEND = "send"
    RECEIVE = "receive"


class TransferPhase(StrEnum):
    """The states of one request's exchange (exchange/table.py holds the table)."""

    ASKED = "asked"
    APPROVED = "approved"
    DECLINED = "declined"
    HASHING = "hashing"
    READY = "ready"
    TRANSFERRING = "transferring"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether it is final."""
        return self in _ENDS


_ENDS: Final = frozenset(
    {
        TransferPhase.DECLINED,
        TransferPhase.DONE,
        TransferPhase.FAILED,
        TransferPhase.CANCELLED,
    }
)


def is_hidden(path: str) -> bool:
    """Return whether file managers hide the path of a FileEntry or an empty folder."""
    return path.startswith(".") or "/." in path


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file. path: relative, `/` between parts, cleaned for display. size in bytes."""

    path: str
    size: int

    @property
    def hidden(self) -> bool:
        """Whether file managers hide it or a folder above it: a name begins with a dot."""
        return is_hidden(self.path)


class Unfit(msgspec.Struct, frozen=True, kw_only=True):
    """A chosen file that cannot be sent. path: cleaned. reason: such as `may not be read`."""

    path: str
    reason: str


class PeerEntry(msgspec.Struct, frozen=True, kw_only=True, rename=_camel):
    """One connected peer of a torrent, at one moment. Rates in bytes a second; progress 0 to 1."""

    address: str
    client: str
    road: str
    progress: float
    download_bytes_per_second: float
    upload_bytes_per_second: float


# --- people -----------------------------------------------------------------------------------


class Relay(Event, frozen=True, kw_only=True):
    """The connection to the relay changed. state: `connecting`, `connected`, `lost` or `closed`."""

    state: str
    url: str


class Code(SessionEvent, frozen=True, kw_only=True):
    """A code for the other person to type; valid for expires_seconds, works once."""

    code: str
    expires_seconds: int

    def __repr__(self) -> str:
        return f"Code(expires_seconds={self.expires_seconds})"  # the code is a secret

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("expires_seconds", self.expires_seconds)]


class CodeClaimed(SessionEvent, frozen=True, kw_only=True):
    """Somebody typed the code's number: it is used up; `paired` or `codeGone` follows."""


class CodeGone(SessionEvent, frozen=True, kw_only=True):
    """The code shown no longer works.

    reason: `expired`, `burned` (a wrong guess), `joined` (withdrawn, as this side typed another
    person's) or `relay` (the relay that knew it was lost).
    """

    reason: str


class Paired(SessionEvent, frozen=True, kw_only=True):
    """Both sides hold the same key.

    partner: the name that they sent. wants: what they are there for: send, receive or both.
    """

    partner: str
    wants: Wants = Wants.BOTH


class Verification(SessionEvent, frozen=True, kw_only=True):
    """Words that are equal on both sides unless somebody is in between; published on request."""

    partner: str
    words: str

    def __repr__(self) -> str:
        return f"Verification(partner={self.partner!r})"  # the words are a secret


class PartnerGone(SessionEvent, frozen=True, kw_only=True):
    """The pairing ended.

    reason: `left` (at their command), `lost` (their connection ended), `relay` (the relay was
    lost) or `broken` (a message could not be trusted; an `error` event before it says why).
    """

    partner: str
    reason: str


class Message(SessionEvent, frozen=True, kw_only=True):
    """A line of text. outgoing: this side wrote it."""

    partner: str
    text: str
    outgoing: bool = False


# --- the exchange of one request --------------------------------------------------------------


class FileRequest(SessionEvent, frozen=True, kw_only=True):
    """Somebody asks to send files (direction receive), or this side asked (direction send).

    empty_folders: folders with nothing in them that are sent too, cleaned.
    """

    transfer: TransferId
    direction: Direction
    partner: str
    files: tuple[FileEntry, ...]
    total_bytes: int
    empty_folders: tuple[str, ...] = ()


class LeftOut(SessionEvent, frozen=True, kw_only=True):
    """Chosen files that are not sent. things: the first of them; count: how many in all."""

    things: tuple[Unfit, ...]
    count: int


class FileAnswer(SessionEvent, frozen=True, kw_only=True):
    """The receiver's yes or no for each file, in the request's order."""

    transfer: TransferId
    accepted: tuple[bool, ...]


class TransferState(SessionEvent, frozen=True, kw_only=True):
    """An exchange entered a phase. reason: why, for declined, failed and cancelled."""

    transfer: TransferId
    direction: Direction
    phase: TransferPhase
    reason: str = ""


class Hashing(SessionEvent, frozen=True, kw_only=True):
    """The torrent is being made; here or, for direction receive, at the sender. progress 0 to 1."""

    transfer: TransferId | None = None
    progress: float
    hashed_bytes: int | None = None
    total_bytes: int | None = None


class FileReady(SessionEvent, frozen=True, kw_only=True):
    """The torrent is seeded, and its magnet was sent to the partner."""

    transfer: TransferId
    magnet_uri: str

    def __repr__(self) -> str:
        return f"FileReady(transfer={self.transfer!r})"  # the magnet is for the partner only

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("transfer", self.transfer)]


class AddTorrent(SessionEvent, frozen=True, kw_only=True):
    """The partner's torrent is seeded; this side now adds it."""

    transfer: TransferId
    magnet_uri: str

    def __repr__(self) -> str:
        return f"AddTorrent(transfer={self.transfer!r})"  # the magnet is for the partner only

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("transfer", self.transfer)]


class DownloadStarted(SessionEvent, frozen=True, kw_only=True):
    """The receiver has the metadata and requests pieces."""

    transfer: TransferId


class ProgressUpdate(SessionEvent, frozen=True, kw_only=True):
    """The receiver's own figures, as the sender receives them."""

    transfer: TransferId
    downloaded: str
    download_speed: str
    progress: float
    downloaded_bytes: int
    download_bytes_per_second: float
    time_remaining: float | None = None


class TorrentDone(SessionEvent, frozen=True, kw_only=True):
    """The receiver has everything, verified and in place."""

    transfer: TransferId


# --- torrents ---------------------------------------------------------------------------------


class Seeding(SessionEvent, frozen=True, kw_only=True):
    """A torrent is made and announced.

    share_url: opens an open torrent in a browser; None if no share page is configured.
    """

    torrent: TorrentId
    info_hash: str
    name: str
    magnet_uri: str
    total_bytes: int
    share_url: str | None = None
    transfer: TransferId | None = None


class Metadata(SessionEvent, frozen=True, kw_only=True):
    """The metadata of an added torrent arrived. wanted: which files will be fetched."""

    torrent: TorrentId
    name: str
    files: tuple[FileEntry, ...]
    wanted: tuple[bool, ...]
    total_bytes: int
    transfer: TransferId | None = None


class Upload(SessionEvent, frozen=True, kw_only=True):
    """Bytes were uploaded. Coalesced: the first at once, then at most four a second."""

    torrent: TorrentId
    uploaded: str
    upload_speed: str
    uploaded_bytes: int
    upload_bytes_per_second: float
    transfer: TransferId | None = None


class Download(SessionEvent, frozen=True, kw_only=True):
    """Bytes were downloaded and verified. progress 0 to 1 of what is wanted; time in seconds."""

    torrent: TorrentId
    downloaded: str
    download_speed: str
    progress: float
    downloaded_bytes: int
    download_bytes_per_second: float
    time_remaining: float | None = None
    transfer: TransferId | None = None


class SwarmState(SessionEvent, frozen=True, kw_only=True):
    """Pieces and peers of one torrent, at most once a second.

    pieces: a bitfield (BEP 3: first piece in the high bit of the first byte).
    """

    torrent: TorrentId
    piece_count: int
    piece_length: int
    pieces: bytes
    peers: tuple[PeerEntry, ...]
    file_progress: tuple[float, ...] = ()
    transfer: TransferId | None = None


class PeerConnected(SessionEvent, frozen=True, kw_only=True):
    """A peer joined this torrent's swarm here. road: direct, webrtc or relayed."""

    torrent: TorrentId
    address: str
    client: str
    road: str


class PeerDropped(SessionEvent, frozen=True, kw_only=True):
    """A connection to a peer ended, even before its handshake.

    address: as in PeerConnected. reason: a stable word such as `closed` or `badPiece`;
    docs/protocol.md lists them. complete: each piece was announced by the peer or sent to it.
    """

    torrent: TorrentId
    address: str
    reason: str
    complete: bool = False


class DownloadComplete(SessionEvent, frozen=True, kw_only=True):
    """All wanted pieces verified and in place. url: file:// of the file or folder."""

    torrent: TorrentId
    url: str
    bytes: int
    seconds: float
    road: str
    transfer: TransferId | None = None


class Leftover(Event, frozen=True, kw_only=True):
    """Unfinished downloads of an earlier run were found in a folder.

    path: the part folder, or the folder itself for several. names: the first of the names that
    were to arrive, cleaned. count: unfinished downloads. bytes: on the disk. removed: they were
    deleted; else they may be in use. host: the machine that began them, if known and another one.
    message, hint: the same for people, and what to do.
    """

    message: str
    hint: str
    path: str
    names: tuple[str, ...]
    count: int
    bytes: int
    removed: bool
    host: str = ""


class TorrentDestroyed(SessionEvent, frozen=True, kw_only=True):
    """A torrent that was seeding or downloading was destroyed."""

    torrent: TorrentId
    transfer: TransferId | None = None


class ClientDestroyed(Event, frozen=True, kw_only=True):
    """The whole client was destroyed. reason: empty, or the error that caused it."""

    reason: str = ""


class Error(SessionEvent, frozen=True, kw_only=True):
    """Anything went wrong. code is stable; message says what happened; hint what to do next.

    offenders: for `badSource`, the first of what cannot be sent; offender_count: how many in all.
    """

    code: str
    message: str
    hint: str
    transfer: TransferId | None = None
    torrent: TorrentId | None = None
    offenders: tuple[Unfit, ...] = ()
    offender_count: int = 0


_encoder = msgspec.json.Encoder()
_BEYOND_ASCII = re.compile("[^ -~]")


def encode(event: Event) -> str:
    """Return the event as one line of JSON, without characters that control a terminal."""
    line = _encoder.encode(event).decode()
    return line if line.isprintable() else _BEYOND_ASCII.sub(_escaped, line)


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    return char if char.isprintable() else json.dumps(char)[1:-1]
