"""The words: every event that a client and the relay exchange over socket.io, and its payload.

Here live event names, payload types and their bounds, shared by both sides. No routing and no I/O
ever lives here. Field names are camelCase on the wire. Payloads travel as JSON objects; `bytes`
fields travel as base64 text. Every call is acknowledged with either the reply's fields or
``{"error": {"code", "message"}}``. Words between two people who hold a common key are Sealed: the
relay sees the event's name and a size.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from relay.protocol.turn import MAX_LOGIN, MAX_SERVERS, MAX_URL

#: Port that a relay listens on, and that a client tries on its own machine, where none is named.
DEFAULT_PORT: Final = 8421
#: Path of the tracker on a relay; `/` and `/tracker` serve the same.
TRACKER_PATH: Final = "/announce"
#: Likewise of the page for people who have only a browser.
PAGE_PATH: Final = "/r"
#: Largest word between two people in bytes, before it is sealed; a request of MAX_FILES files fits.
MAX_CONTENT: Final = 4 * 1024 * 1024
#: Largest sealed word in bytes: what sealing adds to the largest one is less than the rest.
MAX_SEALED: Final = MAX_CONTENT + 1024
#: Largest socket.io frame in bytes; the largest sealed word fits as base64 text.
MAX_FRAME: Final = 6 * 1024 * 1024
#: Most files in one request, and most characters in the path of each.
MAX_FILES: Final = 10_000
MAX_PATH: Final = 1024
#: Largest size of a file in bytes, and that of a stream, whose length is not known.
MAX_SIZE: Final = 2**53
#: Most characters of a text, and most bytes as UTF-8.
MAX_TEXT_BLOCK: Final = 64 * 1024
#: Most folders that a request names beside its files.
MAX_FOLDERS: Final = 20_000
#: Most files, and folders, in a request that goes in parts, to somebody who says they take that.
MOST_FILES: Final = 200_000
MOST_FOLDERS: Final = 50_000
#: Most parts of such a request; bytes of one as it is sent, and once it is unpacked.
MAX_PARTS: Final = 1_000
MAX_PART: Final = 1024 * 1024
MAX_UNPACKED: Final = 4 * 1024 * 1024
#: Most links that a request names beside its files.
MAX_LINKS: Final = 10_000
#: Most other people that are asked to take the same.
MAX_OTHERS: Final = 63
#: Latest time of a file, in nanoseconds since 1970: the year 2200.
MAX_TIME: Final = 7_258_118_400 * 10**9
#: Lifetimes in seconds of an unclaimed nameplate, and of waiting at a place.
NAMEPLATE_LIFETIME: Final = 10 * 60
PLACE_LIFETIME: Final = 10 * 60
#: Rooms that one connection may be in at once, and places that it may wait at.
MAX_ROOMS: Final = 64
MAX_PLACES: Final = 32

Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{16,64}\Z")]
Name = Annotated[str, Meta(max_length=64)]
FilePath = Annotated[str, Meta(min_length=1, max_length=MAX_PATH)]
FileIndex = Annotated[int, Meta(ge=0, lt=MOST_FILES)]
Size = Annotated[int, Meta(ge=0, le=MAX_SIZE)]
Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]
Mode = Annotated[int, Meta(ge=0, le=0o777)]
Time = Annotated[int, Meta(ge=0, le=MAX_TIME)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=2**53)]
Opaque = Annotated[bytes, Meta(max_length=1024)]
MagnetURI = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"^magnet:\?")]
SwarmKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
PeerId = Annotated[bytes, Meta(min_length=20, max_length=20)]
TransportName = Annotated[str, Meta(min_length=1, max_length=32)]
TransportText = Annotated[str, Meta(max_length=16 * 1024)]
# Printable ASCII; what a URL means is parse_turn_url's.
TurnText = Annotated[str, Meta(min_length=1, max_length=MAX_LOGIN, pattern=r"^[!-~]+\Z")]
TurnUrlText = Annotated[str, Meta(min_length=1, max_length=MAX_URL, pattern=r"^[!-~]+\Z")]
Nameplate = Annotated[int, Meta(ge=1, le=99_999_999)]
#: Shorter ones are guessed too easily.
WantedNameplate = Annotated[int, Meta(ge=1_000, le=99_999_999)]
# Drawn by the relay, 128 bits; whoever is not in a room gains nothing by knowing its id.
Room = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
# Two people derive it from a secret that both have; it reveals nothing to the relay.
Place = Annotated[bytes, Meta(min_length=32, max_length=32)]
Proof = Annotated[bytes, Meta(min_length=32, max_length=32)]
# The shortest is an authentication tag alone.
SealedBody = Annotated[bytes, Meta(min_length=16, max_length=MAX_SEALED)]


class Word(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A payload; the socket.io event name identifies its type."""


# --- from a client to the relay itself -------------------------------------------------------


class Allocate(Word, frozen=True, kw_only=True):
    """`allocate`: asks for a nameplate. Acknowledged with Allocated.

    nameplate: the one that is wanted, of at least four digits; refused with nameplateTaken where it
    is not free. Without it, or at a relay that does not know the field, any is given.
    """

    nameplate: WantedNameplate | None = None


class Allocated(Word, frozen=True, kw_only=True):
    """An unpredictable nameplate, this client's until claimed, released or expired."""

    nameplate: Nameplate
    expires_seconds: int


class Claim(Word, frozen=True, kw_only=True):
    """`claim`: takes the other side of a nameplate, once. Acknowledged with Joined."""

    nameplate: Nameplate


class Joined(Word, frozen=True, kw_only=True):
    """The room that the owner and the claimer of a nameplate are in from now on."""

    room: Room


class Release(Word, frozen=True, kw_only=True):
    """`release`: withdraws this client's own unclaimed nameplate. Acknowledged with Done."""


class Meet(Word, frozen=True, kw_only=True):
    """`meet`: meets whoever waits at a place, or waits there. Acknowledged with Met.

    A client that waits there already waits on, for PLACE_LIFETIME from now.
    """

    place: Place


class Met(Word, frozen=True, kw_only=True):
    """room: shared with the client that waited at the place; null: this client waits there now."""

    room: Room | None


class LeavePlace(Word, frozen=True, kw_only=True):
    """`leavePlace`: stops waiting at a place, if it did. Acknowledged with Done."""

    place: Place


class Leave(Word, frozen=True, kw_only=True):
    """`leave`: leaves a room, if it is in it; the other is notified. Acknowledged with Done."""

    room: Room


class AskRoads(Word, frozen=True, kw_only=True):
    """`askRoads`: asks what the relay has for those who cannot reach each other.

    Acknowledged with Roads.
    """


class TurnLogin(Word, frozen=True, kw_only=True):
    """TURN servers (RFC 7065), the preferred first, and a credential for all, good for 12 hours."""

    urls: Annotated[tuple[TurnUrlText, ...], Meta(min_length=1, max_length=MAX_SERVERS)]
    username: TurnText
    credential: TurnText

    def __repr__(self) -> str:
        return f"TurnLogin({list(self.urls)})"  # never the credential

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("urls", self.urls)]


class Roads(Word, frozen=True, kw_only=True):
    """What a client may use while it is connected.

    pass: its pass for the transit (transit.py), a secret between it and the relay; null: there is
    no transit. stun_port: UDP port of the relay where it answers STUN; null: nowhere. turn: the
    relay's TURN servers, for people who are paired; null: it has none, or the client is not paired.
    """

    pass_: Annotated[bytes, Meta(min_length=16, max_length=16)] | None = msgspec.field(name="pass")
    stun_port: Annotated[int, Meta(ge=1, le=65535)] | None
    turn: TurnLogin | None = None

    def __repr__(self) -> str:
        return f"Roads(stun_port={self.stun_port})"  # never the pass

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("stun_port", self.stun_port)]


class Done(Word, frozen=True, kw_only=True):
    """An acknowledgement with nothing to add."""


# --- from the relay itself to a client --------------------------------------------------------


class Claimed(Word, frozen=True, kw_only=True):
    """`claimed`: somebody claimed this client's nameplate; both are in a room from now on."""

    nameplate: Nameplate
    room: Room


class NameplateExpired(Word, frozen=True, kw_only=True):
    """`nameplateExpired`: nobody claimed this client's nameplate in time."""

    nameplate: Nameplate


class MetAtPlace(Word, frozen=True, kw_only=True):
    """`met`: somebody came to the place where this client waited; both are in a room from now on.

    It waits there no more.
    """

    place: Place
    room: Room


class PlaceExpired(Word, frozen=True, kw_only=True):
    """`placeExpired`: nobody came to the place in time, and this client waits there no more."""

    place: Place


class PartnerGone(Word, frozen=True, kw_only=True):
    """`partnerGone`: the other is gone from a room, which ended by that.

    reason: `left` (sent `leave`) or `lost` (connection ended).
    """

    room: Room
    reason: str


class RelayMoving(Word, frozen=True, kw_only=True):
    """`relayMoving`: this process of the relay ends soon; its address leads to another.

    Whoever is told connects there anew, at once.
    """


class RelayClosing(Word, frozen=True, kw_only=True):
    """`relayClosing`: the relay is being shut down."""


# --- routed between the two in a room, and never kept ------------------------------------------


class Routed(Word, frozen=True, kw_only=True):
    """Any of PAIRING in transit: the room it is sent in, and the word's body."""

    room: Room
    body: Opaque


class Sealed(Word, frozen=True, kw_only=True):
    """Any of CONTENTS in transit; only the partner can read it."""

    room: Room
    body: SealedBody


# --- pairing: two people agree on a common key ------------------------------------------------


class PairingWord(Word, frozen=True, kw_only=True):
    """Base of these words; none of them is longer than Opaque allows."""

    body: Opaque


class Pake(PairingWord, frozen=True, kw_only=True):
    """`pake`: the sender's message of the key agreement: SPAKE2's (RFC 9382), or a public key."""


class Confirm(PairingWord, frozen=True, kw_only=True):
    """`confirm`: proof that the sender derived the same key (key confirmation)."""


class Commit(PairingWord, frozen=True, kw_only=True):
    """`commit`: a commitment to the sender's nonce, which does not reveal it."""


class Reveal(PairingWord, frozen=True, kw_only=True):
    """`reveal`: that nonce, once the receiver has committed to its own."""


# --- inside what is sealed: between two people, and for nobody else ---------------------------


class Remember(Word, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the sender and the receiver of a `hello` are to remember each other.

    answer: `yes`, which also asks, `no`, or `forget`, where they did until now; any other has no
    effect. nonce: 32 random bytes, with a yes.
    """

    answer: Annotated[str, Meta(max_length=16)]
    nonce: Annotated[bytes, Meta(max_length=32)] = b""

    def __repr__(self) -> str:
        return f"Remember(answer={self.answer!r})"


class ContactStep(Word, frozen=True, kw_only=True, omit_defaults=True):
    """A step of two who remember each other, where they meet, before a session begins.

    step: `check`, `renew`, `renewed` or `doubted`. Of a check: side: which of the two the sender
    was when they were introduced; proofs: of the secrets that it holds; attempt: the number of the
    last renewal that it knows of; purpose: `session`, `look` or `forget`. Of renew: attempt: its
    number.
    """

    step: Annotated[str, Meta(max_length=16)]
    side: Annotated[str, Meta(max_length=16)] = ""
    proofs: Annotated[list[Proof], Meta(max_length=2)] = []
    attempt: Annotated[int, Meta(ge=0, le=2**53)] = 0
    purpose: Annotated[str, Meta(max_length=16)] = "session"


class Hello(Word, frozen=True, kw_only=True, omit_defaults=True):
    """`hello`: the sender's name. Only after both confirmed; in a session again, with `remember`.

    wants: what it is there for: `send`, `receive`, or anything else for both. files: most files in
    one request that it takes; more than MAX_FILES come in parts. remembers: whether it can remember
    people. guest: it opened a link, and looks for whoever made that; two of them part, and meet who
    comes next. remember: whether these two are to remember each other. contact: a step of two who
    do. Neither is a word of its own, so that relays and programs of before carry them.
    """

    name: Name
    wants: Annotated[str, Meta(max_length=16)] = "both"
    files: Annotated[int, Meta(ge=0)] = MAX_FILES
    remembers: bool = False
    guest: bool = False
    remember: Remember | None = None
    contact: ContactStep | None = None


class OfferedFile(Word, frozen=True, kw_only=True, omit_defaults=True):
    """One file of a request. path: relative, `/` between parts. size in bytes.

    mode: its permissions at the sender, without setuid and the like. modified: its modification
    time, in nanoseconds since 1970. Either is left out if it is not known. holes: about how many of
    its bytes are zeros that need no room on a disk which keeps holes.
    """

    path: FilePath
    size: Size
    mode: Mode | None = None
    modified: Time | None = None
    holes: Size = 0


class OfferedFolder(Word, frozen=True, kw_only=True, omit_defaults=True):
    """One folder of a request, as OfferedFile: an empty one, or one of the files' own."""

    path: FilePath
    mode: Mode | None = None
    modified: Time | None = None


class OfferedLink(Word, frozen=True, kw_only=True, omit_defaults=True):
    """A link of a request, as OfferedFile. to: the path of what it leads to, in the same request.

    hard: a further name of a file, which is sent once; else a symbolic link, to anything.
    """

    path: FilePath
    to: FilePath
    hard: bool = False


class FileRequest(Word, frozen=True, kw_only=True, omit_defaults=True):
    """`fileRequest`: asks to send these files. folders: in no order, including the empty ones.

    links: in no order. What they lead to is one of the files, of the folders that these paths
    imply, or another link.
    part, of, packed: where it goes in parts: which this is, from 0, of how many, and the files,
    folders and links of it: a Listed as JSON, packed as zlib does (RFC 1950). It has no files
    beside those.
    others: how many other people are asked to take the same; those who do are in one swarm.
    stream: the one file is a stream, whose length nobody knows. Its size is the largest there is:
    who does not know the field has no room for it.
    """

    id: Id
    files: Annotated[list[OfferedFile], Meta(max_length=MAX_FILES)] = []
    folders: Annotated[list[OfferedFolder], Meta(max_length=MAX_FOLDERS)] = []
    stream: bool = False
    links: Annotated[list[OfferedLink], Meta(max_length=MAX_LINKS)] = []
    others: Annotated[int, Meta(ge=0, le=MAX_OTHERS)] = 0
    part: Annotated[int, Meta(ge=0, lt=MAX_PARTS)] = 0
    of: Annotated[int, Meta(ge=1, le=MAX_PARTS)] = 1
    packed: Annotated[bytes, Meta(max_length=MAX_PART)] = b""

    def __post_init__(self) -> None:
        if bool(self.files) == bool(self.packed) or self.part >= self.of:
            raise ValueError("a request has files, or one part of them")


class Listed(Word, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a request of many files. One entry for each in each list; as OfferedFile.

    holes: likewise, or empty where no file of the part has any.
    """

    paths: Annotated[list[FilePath], Meta(max_length=MAX_FILES)] = []
    sizes: Annotated[list[Size], Meta(max_length=MAX_FILES)] = []
    modes: Annotated[list[Mode | None], Meta(max_length=MAX_FILES)] = []
    times: Annotated[list[Time | None], Meta(max_length=MAX_FILES)] = []
    folders: Annotated[list[OfferedFolder], Meta(max_length=MAX_FILES)] = []
    holes: Annotated[list[Size], Meta(max_length=MAX_FILES)] = []
    links: Annotated[list[OfferedLink], Meta(max_length=MAX_LINKS)] = []


class Reach(Word, frozen=True, kw_only=True):
    """How one side can be reached: its peer id in the swarm to come, and a text by transport."""

    peer_id: PeerId
    texts: Annotated[dict[TransportName, TransportText], Meta(min_length=1, max_length=8)]


class FileAnswer(Word, frozen=True, kw_only=True, omit_defaults=True):
    """`fileAnswer`: a yes or no for each file, in the request's order. No yes at all declines.

    reason: short text for the other person, if it declines. reach: an invitation to the sender, by
    which the two can meet without a tracker.
    """

    id: Id
    accepted: Annotated[list[bool], Meta(min_length=1, max_length=MOST_FILES)]
    reason: Annotated[str, Meta(max_length=200)] = ""
    reach: Reach | None = None


class Preparing(Word, frozen=True, kw_only=True):
    """`preparing`: the sender is hashing; progress 0 to 1."""

    id: Id
    progress: Fraction


class FileReady(Word, frozen=True, kw_only=True, omit_defaults=True):
    """`fileReady`, delivered as `addTorrent`: the torrent is seeded.

    swarm_key: The key of its private swarm: only a holder meets the sender. Neither it nor the
        magnet is ever shown.
    reach: The answer to the receiver's invitation, if there was one.
    """

    id: Id
    magnet_uri: MagnetURI = msgspec.field(name="magnetURI")
    swarm_key: SwarmKey
    reach: Reach | None = None

    def __repr__(self) -> str:
        return f"FileReady(id={self.id!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", self.id)]


class DownloadStarted(Word, frozen=True, kw_only=True):
    """`downloadStarted`: the receiver has the torrent's metadata and requests pieces."""

    id: Id


class ProgressUpdate(Word, frozen=True, kw_only=True, omit_defaults=True):
    """`progressUpdate`: the receiver's figures. Bytes, bytes a second, seconds (none: unknown).

    disk: what its disk is waited for (`full`, `readOnly`, `away`, `hangs`; empty: nothing).
    missing: of a full one, how many bytes more are needed.
    """

    id: Id
    downloaded: Size
    download_speed: Annotated[float, Meta(ge=0, le=2**53)]
    progress: Fraction
    time_remaining: Seconds | None = None
    disk: Annotated[str, Meta(max_length=16)] = ""
    missing: Size = 0


class DownloadComplete(Word, frozen=True, kw_only=True, omit_defaults=True):
    """`downloadComplete`, delivered as `torrentDone`: every wanted piece verified and in place.

    digest: SHA-256 of a stream, as it was written; its sender compares it with its own.
    """

    id: Id
    digest: Digest | None = None


class Cancel(Word, frozen=True, kw_only=True, omit_defaults=True):
    """`cancel`: this side gives the transfer up. reason: short text for the other person.

    failed: not at a person's command.
    """

    id: Id
    reason: Annotated[str, Meta(max_length=200)] = ""
    failed: bool = False


class Pause(Word, frozen=True, kw_only=True):
    """`pause`: this side pauses the transfer: no byte of its files goes until it resumes it."""

    id: Id


class Resume(Word, frozen=True, kw_only=True):
    """`resume`: this side takes its pause back."""

    id: Id


class PauseFiles(Word, frozen=True, kw_only=True):
    """`pauseFiles`: the receiver leaves these files out for now, by their place in the request.

    All that it leaves out; none: it fetches everything again.
    """

    id: Id
    files: Annotated[list[FileIndex], Meta(max_length=MOST_FILES)]


class Queue(Word, frozen=True, kw_only=True):
    """`queue`: the sender lets the transfer wait for others that it sends, or its turn has come."""

    id: Id
    waits: bool


class SendAgain(Word, frozen=True, kw_only=True):
    """`sendAgain`: the receiver asks for what a transfer that is over was about, once more."""

    id: Id


class Acknowledge(Word, frozen=True, kw_only=True):
    """`acknowledge`: nothing but the number of the last word taken, which every word carries."""


class Goodbye(Word, frozen=True, kw_only=True):
    """`goodbye`: the sender ends the session at their own command.

    forgotten: not at their command, but because what the two kept of the session does not fit.
    """

    forgotten: bool = False


class Message(Word, frozen=True, kw_only=True):
    """`message`: a line of text from one person to the other."""

    text: Annotated[str, Meta(min_length=1, max_length=4000)]


class Text(Word, frozen=True, kw_only=True):
    """`text`: some lines of text that the sender hands over, as they are."""

    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_BLOCK)]


class Route(NamedTuple):
    """A routed word: its payload type, and the event name the partner receives it under."""

    payload: type[Routed] | type[Sealed]
    delivered_as: str


#: Calls of a client to the relay itself.
CALLS: Final[dict[str, type[Word]]] = {
    "allocate": Allocate,
    "claim": Claim,
    "release": Release,
    "meet": Meet,
    "leavePlace": LeavePlace,
    "leave": Leave,
    "askRoads": AskRoads,
}

#: Acknowledgements of calls; Done for every other one, and for every routed word.
REPLIES: Final[dict[str, type[Word]]] = {
    "allocate": Allocated,
    "claim": Joined,
    "meet": Met,
    "askRoads": Roads,
}

#: Words that two people send before they hold a common key, by event.
PAIRING: Final[dict[str, type[PairingWord]]] = {
    "pake": Pake,
    "confirm": Confirm,
    "commit": Commit,
    "reveal": Reveal,
}

#: Contents of sealed words, by the event under which they are sent.
CONTENTS: Final[dict[str, type[Word]]] = {
    "hello": Hello,
    "fileRequest": FileRequest,
    "fileAnswer": FileAnswer,
    "preparing": Preparing,
    "fileReady": FileReady,
    "downloadStarted": DownloadStarted,
    "progressUpdate": ProgressUpdate,
    "downloadComplete": DownloadComplete,
    "cancel": Cancel,
    "pause": Pause,
    "resume": Resume,
    "pauseFiles": PauseFiles,
    "queue": Queue,
    "sendAgain": SendAgain,
    "message": Message,
    "text": Text,
    "acknowledge": Acknowledge,
    "goodbye": Goodbye,
}

#: The workflow's names under which the partner receives some words.
_RENAMED: Final = {"fileReady": "addTorrent", "downloadComplete": "torrentDone"}

#: Words that the relay forwards to the other in the room that they name, and to nobody else.
ROUTES: Final[dict[str, Route]] = {
    **{event: Route(Routed, event) for event in PAIRING},
    **{event: Route(Sealed, _RENAMED.get(event, event)) for event in CONTENTS},
}

#: Words that the relay sends of its own accord.
NOTICES: Final[dict[str, type[Word]]] = {
    "claimed": Claimed,
    "nameplateExpired": NameplateExpired,
    "met": MetAtPlace,
    "placeExpired": PlaceExpired,
    "partnerGone": PartnerGone,
    "relayMoving": RelayMoving,
    "relayClosing": RelayClosing,
}

#: Everything a client may receive: event name to payload type.
DELIVERED: Final[dict[str, type[Word]]] = {
    **{route.delivered_as: route.payload for route in ROUTES.values()},
    **NOTICES,
}


class ErrorCode:
    """Codes in an error acknowledgement."""

    UNKNOWN_CODE: Final = "unknownCode"
    USED_CODE: Final = "usedCode"
    EXPIRED_CODE: Final = "expiredCode"
    WITHDRAWN_CODE: Final = "withdrawnCode"
    OWN_CODE: Final = "ownCode"
    NAMEPLATE_TAKEN: Final = "nameplateTaken"
    NOT_PAIRED: Final = "notPaired"
    TOO_MANY_ROOMS: Final = "tooManyRooms"
    TOO_MANY_PLACES: Final = "tooManyPlaces"
    INVALID_PAYLOAD: Final = "invalidPayload"
    UNKNOWN_EVENT: Final = "unknownEvent"
    RATE_LIMITED: Final = "rateLimited"
    RELAY_FULL: Final = "relayFull"


W = TypeVar("W", bound=Word)


def parse(payload_type: type[W], data: object) -> W:
    """Validate a payload from the network.

    Raises:
        msgspec.ValidationError: It has the wrong shape or is out of bounds.
    """
    return msgspec.convert(data if data is not None else {}, payload_type)


def to_wire(word: Word) -> dict[str, Any]:
    """Return the JSON-ready object for a payload."""
    result: dict[str, Any] = msgspec.to_builtins(word)
    return result
