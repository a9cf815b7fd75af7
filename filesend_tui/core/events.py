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
GroupId = NewType("GroupId", str)
"""Several transfers that share one torrent: 16 hex digits, drawn at random on this side."""
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


class Result(StrEnum):
    """How something in the history ended."""

    DONE = "done"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    FAILED = "failed"


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


class Who(StrEnum):
    """One of the two people of a session."""

    YOU = "you"
    PARTNER = "partner"


class PausedBy(StrEnum):
    """Who has paused a transfer (exchange/pausing.py holds the table)."""

    NOBODY = "nobody"
    YOU = "you"
    PARTNER = "partner"
    BOTH = "both"


class TransferEvent(SessionEvent, frozen=True, kw_only=True):
    """Base of the events about a transfer with a partner. partner: the other person's name."""

    transfer: TransferId
    direction: Direction
    partner: str


def is_hidden(path: str) -> bool:
    """Return whether file managers hide the path of a FileEntry or an empty folder."""
    return path.startswith(".") or "/." in path


#: Files up to which a line for scripts lists each, and an event of a transfer lists them once more.
MOST_LISTED: Final = 10_000


# No cycle can lead through it: of 200,000, the collector has none to look at.
class FileEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One file. path: relative, `/` between parts, cleaned for display. size in bytes.

    holes: about how many of them are zeros that need no room on a disk which keeps holes; a line
    for scripts has it where there are any.
    """

    path: str
    size: int
    holes: int = 0

    @property
    def hidden(self) -> bool:
        """Whether file managers hide it or a folder above it: a name begins with a dot."""
        return is_hidden(self.path)


class LinkEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A link beside the files. path: as of a FileEntry. to: what it leads to, likewise.

    hard: a further name of one of the files; else a symbolic link.
    """

    path: str
    to: str
    hard: bool = False


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


class RelayAway(Event, frozen=True, kw_only=True):
    """The relay was lost; reconnecting goes on, and so do sessions and transfers.

    reason: what happened.
    """

    url: str
    reason: str


class RelayBack(Event, frozen=True, kw_only=True):
    """There is a connection to the relay again."""

    url: str


class Code(SessionEvent, frozen=True, kw_only=True):
    """A code for the other person to type; valid for expires_seconds, works once."""

    code: str
    expires_seconds: int

    def __repr__(self) -> str:
        return f"Code(expires_seconds={self.expires_seconds})"  # the code is a secret

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("expires_seconds", self.expires_seconds)]


class Link(SessionEvent, frozen=True, kw_only=True):
    """A link for the other person's browser; valid for expires_seconds.

    people: how many may open it, one after another.
    """

    url: str
    expires_seconds: int
    people: int = 1

    def __repr__(self) -> str:
        return f"Link(expires_seconds={self.expires_seconds})"  # the link is a secret

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

    partner: the name that they sent, or this side's for a contact. wants: what they are there for:
    send, receive or both. contact: its id, where they met as contacts.
    """

    partner: str
    wants: Wants = Wants.BOTH
    contact: str = ""


class Verification(SessionEvent, frozen=True, kw_only=True):
    """Words that are equal on both sides unless somebody is in between; published on request."""

    partner: str
    words: str

    def __repr__(self) -> str:
        return f"Verification(partner={self.partner!r})"  # the words are a secret


class PartnerAway(SessionEvent, frozen=True, kw_only=True):
    """Nothing connects the two at the moment; what was going on continues once they are back.

    reason: `lost` (their connection ended) or `relay` (the relay was lost).
    """

    partner: str
    reason: str


class PartnerBack(SessionEvent, frozen=True, kw_only=True):
    """A partner who was away is back."""

    partner: str


class PartnerGone(SessionEvent, frozen=True, kw_only=True):
    """The pairing ended.

    reason: `left` (at their command), `lost` (they were away too long), `relay` (the relay was, or
    this side left it) or `broken` (a message could not be trusted; an `error` event before it says
    why).
    """

    partner: str
    reason: str


class Message(SessionEvent, frozen=True, kw_only=True):
    """A line of text. outgoing: this side wrote it."""

    partner: str
    text: str
    outgoing: bool = False


# --- contacts: people who are remembered -------------------------------------------------------


class Allowance(msgspec.Struct, frozen=True, kw_only=True, rename=_camel):
    """What is taken of a contact without asking.

    folder: where it goes; None for the usual one. size: most bytes of a request; None for any.
    kinds: patterns of file names such as `*.jpg`, of which each file fits one; empty for any.
    """

    folder: str | None = None
    size: int | None = None
    kinds: tuple[str, ...] = ()


class Contact(Event, frozen=True, kw_only=True):
    """Somebody who is remembered; read, and not published.

    contact: an id. name: this side's for them, of no other contact. their_name: the one that they
    gave at the last meeting. created, last_seen: seconds since 1970. meetings: how many there were.
    online: they are here; None where that was not looked at. session: one with them in this
    process. doubted: somebody else has used a copy of it, so it is of no more use. allowed: what is
    taken without asking; None where all is asked about.
    """

    contact: str
    name: str
    their_name: str
    created: float
    last_seen: float
    meetings: int = 0
    online: bool | None = None
    session: SessionId | None = None
    doubted: bool = False
    allowed: Allowance | None = None


class RememberAsked(SessionEvent, frozen=True, kw_only=True):
    """One side asks whether the two should remember each other. outgoing: this side."""

    partner: str
    outgoing: bool = False


class RememberDeclined(SessionEvent, frozen=True, kw_only=True):
    """The other side does not want to be remembered."""

    partner: str


class Remembered(SessionEvent, frozen=True, kw_only=True):
    """Both sides said yes: the partner is a contact now. contact: its id. name: as in Contact."""

    partner: str
    contact: str
    name: str


class Calling(Event, frozen=True, kw_only=True):
    """A contact is waited for, to begin a session with them."""

    contact: str
    name: str


class ContactForgotten(Event, frozen=True, kw_only=True):
    """A contact is forgotten. by: who did that."""

    contact: str
    name: str
    by: Who


class ContactDoubted(Event, frozen=True, kw_only=True):
    """A contact met somebody who used a copy of it, or is told so: it is of no more use.

    message, hint: the same for people, and what to do.
    """

    contact: str
    name: str
    message: str
    hint: str


class ContactSeen(Event, frozen=True, kw_only=True):
    """A contact was there, and looked whether this side is."""

    contact: str
    name: str


class CommandEnded(SessionEvent, frozen=True, kw_only=True):
    """A standing receiver's command for a transfer has ended. failure: empty if it did well."""

    transfer: TransferId
    failure: str = ""


class Text(SessionEvent, frozen=True, kw_only=True):
    """Lines of text that somebody handed over, cleaned but for line ends and tabs.

    outgoing: this side sent it.
    """

    partner: str
    text: str
    outgoing: bool = False


# --- the exchange of one request --------------------------------------------------------------


class FileRequest(TransferEvent, frozen=True, kw_only=True):
    """Somebody asks to send files (direction receive), or this side asked (direction send).

    empty_folders: folders with nothing in them that are sent too, cleaned. programs: how many of
    the files can be run. links: what is sent besides, and is no file of its own. others: how many
    other people are asked to take the same; those who do feed each other, and see each other's
    addresses. stream: it is one of a length that nobody knows; files has its name alone, and no
    size. file_count: how many files there are; a line for scripts lists the first 10,000 of them.
    excluded: of what this side asked to send, how many files and folders it leaves out by its own
    choice (`exclude`, `respect_gitignore`, links that are skipped).
    """

    files: tuple[FileEntry, ...]
    total_bytes: int
    empty_folders: tuple[str, ...] = ()
    stream: bool = False
    programs: int = 0
    links: tuple[LinkEntry, ...] = ()
    others: int = 0
    excluded: int = 0
    file_count: int = 0


class LeftOut(SessionEvent, frozen=True, kw_only=True):
    """Chosen files that are not sent. things: the first of them; count: how many in all."""

    things: tuple[Unfit, ...]
    count: int


class FileAnswer(SessionEvent, frozen=True, kw_only=True):
    """The receiver's yes or no for each file, in the request's order."""

    transfer: TransferId
    accepted: tuple[bool, ...]


class AlreadyThere(SessionEvent, frozen=True, kw_only=True):
    """Files with a yes are not received: they are there, with the same size and time.

    count: how many. everything: nothing is left to receive, so the request is declined.
    """

    transfer: TransferId
    count: int
    everything: bool


class TransferState(SessionEvent, frozen=True, kw_only=True):
    """An exchange entered a phase. reason: why, for declined, failed and cancelled.

    partner: the other person's name. by: who declined or cancelled it; None where nobody did, as
    where the other side failed.
    """

    transfer: TransferId
    direction: Direction
    phase: TransferPhase
    reason: str = ""
    partner: str = ""
    by: Who | None = None


class TransferPaused(TransferEvent, frozen=True, kw_only=True):
    """A transfer is paused: no bytes go. by: who paused it; each side takes back its own pause."""

    by: PausedBy


class TransferResumed(TransferEvent, frozen=True, kw_only=True):
    """A transfer that was paused goes on. by: who took the last pause back, `you` or `partner`."""

    by: PausedBy


class Waiting(SessionEvent, frozen=True, kw_only=True):
    """A transfer stands still. Published again each minute, and where something else is waited for.

    what: `answer`, `preparing`, `sending` or `taking` (the other side's turn), `ownReading`,
    `ownSending` or `ownFiles` (this machine's disk), `tracker`, `meeting` or `relaySlows` (the
    network);
    docs/reliability.md has the table. seconds: since it last moved. message, hint: the same for
    people, and what to do.
    """

    transfer: TransferId
    what: str
    seconds: float
    message: str
    hint: str


class WaitOver(SessionEvent, frozen=True, kw_only=True):
    """A transfer that stood still moves, is paused, or its partner is away. what: as before."""

    transfer: TransferId
    what: str


class TransferQueued(TransferEvent, frozen=True, kw_only=True):
    """A transfer waits for others that its sender sends first, or its turn has come.

    waits: whether it waits. before: at the sender, for how many; the receiver is not told, and has
    1. Published again where that changes.
    """

    waits: bool
    before: int


class FilesPaused(TransferEvent, frozen=True, kw_only=True):
    """The receiver leaves files out for now: the rest goes on, and is not done without them.

    files: all that are left out, by their place in the request; empty once none is any more.
    """

    files: tuple[int, ...]


class SendAgain(TransferEvent, frozen=True, kw_only=True):
    """The receiver asks the sender to send again what a transfer that is over was about.

    direction: send where the partner asks this side, receive where this side asked.
    """


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
    """The receiver's own figures, as the sender receives them. stream: progress is not known."""

    transfer: TransferId
    downloaded: str
    download_speed: str
    progress: float
    downloaded_bytes: int
    download_bytes_per_second: float
    time_remaining: float | None = None
    stream: bool = False


class TorrentDone(SessionEvent, frozen=True, kw_only=True):
    """The receiver has everything, verified and in place. sha256: of a stream, in hex."""

    transfer: TransferId
    sha256: str = ""


class Forgotten(SessionEvent, frozen=True, kw_only=True):
    """An unfinished transfer was forgotten, with what arrived of it.

    name: as in Unfinished. expired: nobody went on with it for a month; else it was the person's
    command. path: the part folder that was deleted; None where there was none.
    """

    transfer: TransferId
    name: str = ""
    expired: bool = False
    path: str | None = None


class Unfinished(SessionEvent, frozen=True, kw_only=True):
    """A transfer that an earlier process, or another one, did not finish.

    name: of the first file, or of what holds all. count: files that go. folder: where it arrives;
    None for a sender. chosen: the paths that the sender chose; empty for a receiver. relay: the URL
    at which both were. updated: seconds since 1970. running: a process is at it now. pid: which
    one. paused_by: who has paused it, as far as this side knows. contact: the id of the partner,
    where they met as contacts.
    """

    transfer: TransferId
    direction: Direction
    phase: TransferPhase
    partner: str
    name: str
    count: int
    total_bytes: int
    folder: str | None = None
    chosen: tuple[str, ...] = ()
    relay: str
    updated: float
    running: bool = False
    pid: int | None = None
    paused_by: PausedBy = PausedBy.NOBODY
    contact: str = ""


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
    """The metadata of an added torrent is known. wanted: which files will be fetched.

    resumed_bytes: what an earlier run left of them, which counts already. doubted_bytes: what it
    left besides, which counts where its hash is found right, and else is fetched again. files: none
    where a request has listed more than 10,000.
    """

    torrent: TorrentId
    name: str
    files: tuple[FileEntry, ...]
    wanted: tuple[bool, ...]
    total_bytes: int
    transfer: TransferId | None = None
    wanted_bytes: int = 0
    resumed_bytes: int = 0
    doubted_bytes: int = 0


class Upload(SessionEvent, frozen=True, kw_only=True):
    """Bytes were uploaded. Coalesced: the first at once, then at most four a second."""

    torrent: TorrentId
    uploaded: str
    upload_speed: str
    uploaded_bytes: int
    upload_bytes_per_second: float
    transfer: TransferId | None = None


class Download(SessionEvent, frozen=True, kw_only=True):
    """Bytes were downloaded and verified. progress 0 to 1 of what is wanted; time in seconds.

    stream: nobody knows how much is wanted; they are verified at the end. progress is 0.
    """

    torrent: TorrentId
    downloaded: str
    download_speed: str
    progress: float
    downloaded_bytes: int
    download_bytes_per_second: float
    time_remaining: float | None = None
    transfer: TransferId | None = None
    stream: bool = False


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


class RoadTried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one road to a peer.

    road: direct, webrtc or relayed. outcome: `taken`, `goingOn`, `late` (another was there first),
    `failed` or `leftOut`. clues: stable words for what is known of why, such as `portsChangeHere`;
    docs/protocol.md lists them. message: the same for people.
    """

    road: str
    outcome: str
    clues: tuple[str, ...] = ()
    message: str = ""


class PeerConnected(SessionEvent, frozen=True, kw_only=True):
    """A peer joined this torrent's swarm here. road: direct, webrtc or relayed.

    why, hint: in a private swarm, why no better road is taken, and what to do about it; empty where
    it is the best. tried: what became of this road and of all better ones, the best first.
    """

    torrent: TorrentId
    address: str
    client: str
    road: str
    why: str = ""
    hint: str = ""
    tried: tuple[RoadTried, ...] = ()


class PeerRoads(SessionEvent, frozen=True, kw_only=True):
    """More is known of why no better road than that of a connected peer is taken.

    All fields: as in PeerConnected.
    """

    torrent: TorrentId
    address: str
    road: str
    why: str
    hint: str
    tried: tuple[RoadTried, ...]


class PeerSlowed(SessionEvent, frozen=True, kw_only=True):
    """The relay through which a peer is connected makes the bytes wait; it goes on by itself.

    reason: the limit that is met: `pipe` (of two people), `all` (of all together) or `day` (of an
    address in a day). bytes_per_second: that it carries meanwhile. message, hint: the same for
    people. Published again where one of these changes.
    """

    torrent: TorrentId
    transfer: TransferId | None = None
    reason: str
    bytes_per_second: int
    message: str
    hint: str


class PeerSlowOver(SessionEvent, frozen=True, kw_only=True):
    """No relay makes the bytes of a torrent wait any more: another road is taken, or nobody is."""

    torrent: TorrentId
    transfer: TransferId | None = None


class PeerDropped(SessionEvent, frozen=True, kw_only=True):
    """A connection to a peer ended, even before its handshake.

    address: as in PeerConnected. reason: a stable word such as `closed` or `badPiece`;
    docs/protocol.md lists them. complete: each piece was announced by the peer or sent to it.
    sent_bytes: of pieces, over this connection.
    """

    torrent: TorrentId
    address: str
    reason: str
    complete: bool = False
    sent_bytes: int = 0


class DownloadComplete(SessionEvent, frozen=True, kw_only=True):
    """All wanted pieces verified and in place. url: file:// of the file or folder.

    resumed_bytes: those of `bytes` that an earlier run had fetched. seconds: without those in which
    it was paused. road: empty where it had all. links_not_made: how many links were left out, as
    the folder's file system, or this system, makes none. sha256: of a stream, in hex; then url is
    empty where it was written to a pipe.
    """

    torrent: TorrentId
    url: str
    bytes: int
    seconds: float
    road: str
    transfer: TransferId | None = None
    resumed_bytes: int = 0
    sha256: str = ""
    links_not_made: int = 0


class Leftover(Event, frozen=True, kw_only=True):
    """Unfinished downloads of an earlier run were found in a folder.

    path: the part folder, or the folder itself for several. names: the first of the names that
    were to arrive, cleaned. count: unfinished downloads. bytes: on the disk; of a resumable one,
    of all that was to arrive. removed: they were deleted; else they may be in use. host: the
    machine that began them, if known and another one. resumable: a later download of the same
    torrent into the folder goes on with it. progress: how much of it is there then, 0 to 1.
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
    resumable: bool = False
    progress: float = 0.0


class StorageWaits(SessionEvent, frozen=True, kw_only=True):
    """A download waits for the disk that it is written to; it goes on by itself.

    reason: `full`, `readOnly`, `away` or `hangs`. missing_bytes: of a full disk, how many more are
    needed; 0 where that is not known. message, hint: the same for people. Published again where
    what is waited for changes.
    """

    torrent: TorrentId
    transfer: TransferId | None = None
    reason: str
    message: str
    hint: str
    missing_bytes: int = 0


class StorageBack(SessionEvent, frozen=True, kw_only=True):
    """A download that waited for its disk goes on."""

    torrent: TorrentId
    transfer: TransferId | None = None


class JournalTrouble(Event, frozen=True, kw_only=True):
    """The journal, which keeps what is unfinished and what was sent, fails; transfers go on.

    reason: `unusable` (its folder or file), `newer` (of a later version), `damaged` (a new one
    began), `spoiled` (some entries), `unwritten` (for now) or `stopped` (until the next start).
    path: the file or folder it is about. message, hint: the same for people, what it costs and what
    to do.
    """

    reason: str
    path: str
    message: str
    hint: str


class TorrentDestroyed(SessionEvent, frozen=True, kw_only=True):
    """A torrent that was seeding or downloading was destroyed."""

    torrent: TorrentId
    transfer: TransferId | None = None


class Limits(Event, frozen=True, kw_only=True):
    """The rate limits of this run changed. In bytes a second; None for no limit."""

    upload: int | None
    download: int | None


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


# --- other processes ---------------------------------------------------------------------------


class Program(Event, frozen=True, kw_only=True):
    """A filesend of this user's that runs, and its rate limits; read, and not published.

    command: such as `send`, or `screens`. upload, download: in bytes a second; None for no limit.
    """

    pid: int
    command: str
    upload: int | None
    download: int | None


# --- the history ------------------------------------------------------------------------------


class History(Event, frozen=True, kw_only=True):
    """A transfer, open share or open download that is over; read from the history, not published.

    number: rises with each. partner: empty in an open swarm, which has no transfer either. names:
    the first of what it was about, cleaned; file_count and total_bytes: of what was accepted. hash:
    the infohash, 40 hex digits; empty where it was not known. url: file:// URL of what arrived
    here, and folder where that is, cleaned; both empty for what was sent. began, ended: seconds
    since 1970. road: the last that bytes took; empty where none did. by: who declined or cancelled
    it, where a person did.
    """

    number: int = 0
    transfer: TransferId | None = None
    direction: Direction
    partner: str = ""
    result: Result
    reason: str = ""
    names: tuple[str, ...] = ()
    file_count: int = 0
    total_bytes: int = 0
    hash: str = ""
    url: str = ""
    folder: str = ""
    began: float
    ended: float
    road: str = ""
    by: Who | None = None


_encoder = msgspec.json.Encoder()
_BEYOND_ASCII = re.compile("[^ -~]")


def encode(event: Event) -> str:
    """Return the event as one line of JSON, without characters that control a terminal."""
    line = _encoder.encode(event).decode()
    return line if line.isprintable() else _BEYOND_ASCII.sub(_escaped, line)


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    return char if char.isprintable() else json.dumps(char)[1:-1]
