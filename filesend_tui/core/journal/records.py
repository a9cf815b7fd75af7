"""What the journal keeps: frozen records, and their bytes in the file. No SQL and no disk.

The bytes begin with a digest: SQLite notices a damaged page, but not a changed bit in a value.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

import msgspec

from filesend_tui.core.choices import ARRIVING, SENDING, Arriving, Sending
from filesend_tui.core.events import (
    Direction,
    PausedBy,
    SessionId,
    TransferId,
    TransferPhase,
    Wants,
)

_DIGEST: Final = 8


class Spoiled(Exception):
    """Bytes that are no longer what was written."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records. Fields in HIDDEN are secret, or too long to be read: in no repr."""

    HIDDEN: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        shown = (name for name in self.__struct_fields__ if name not in self.HIDDEN)
        return [(name, getattr(self, name)) for name in shown]


class SessionRecord(Record, frozen=True, kw_only=True):
    """A session that can be come back to.

    id: of this side alone: both sides may share a journal. root: its root secret, 32 bytes. side:
    which of the two this was when they were introduced. verification: words to compare. epoch:
    how often keys were made. remembers: whether the partner's side can remember people. contact:
    the partner's, where they are one. taken: the number of the last word taken from the partner.
    next_seq: the number of the next word of this side. created, last_seen: seconds since 1970.
    """

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"root", "verification"})

    id: SessionId
    root: bytes
    side: str
    partner: str
    wants: Wants = Wants.BOTH
    verification: str = ""
    relay: str
    epoch: int = 0
    taken: int = 0
    next_seq: int = 0
    remembers: bool = False
    contact: str = ""
    created: float
    last_seen: float


class Allowed(NamedTuple):
    """What is taken of a contact without asking.

    folder: where it goes; None for the usual one. size: most bytes of a request, None for any.
    kinds: patterns of file names, in lower case, of which each file has to fit one; empty for any.
    """

    folder: Path | None = None
    size: int | None = None
    kinds: tuple[str, ...] = ()


class ContactRecord(Record, frozen=True, kw_only=True):
    """Somebody who is remembered.

    id: of `new_id`. name: this side's for them, of no other contact. their_name: their own, at the
    last meeting. side: which of the two this was when they were introduced. meeting: 32 bytes from
    which the places are derived. secret: 32 bytes, replaced at each meeting. next: those that the
    other side may have replaced it by already. generation: how often it was replaced. attempt: the
    number of the last renewal. doubted: somebody else has used a copy. allowed: None where all is
    asked about. created, last_seen: seconds since 1970.
    """

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"meeting", "secret", "next"})

    id: str
    name: str
    their_name: str
    side: str
    meeting: bytes
    secret: bytes
    next: bytes = b""
    generation: int = 0
    attempt: int = 0
    doubted: bool = False
    allowed: Allowed | None = None
    created: float
    last_seen: float


class KeptWord(Record, frozen=True, kw_only=True):
    """A word that the partner has not acknowledged. content: as it is before it is sealed."""

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"content"})

    session: SessionId
    seq: int
    event: str
    content: bytes


class Source(NamedTuple):
    """A file that is sent, by which it is known again. size in bytes; times in nanoseconds.

    path: as the system has it: there may be 100,000. changed_ns: None where the system has none.
    """

    path: bytes
    size: int
    modified_ns: int
    changed_ns: int | None
    device: int
    inode: int


class TransferRecord(Record, frozen=True, kw_only=True):
    """A transfer of a session.

    folder: where it goes; None for a sender. request: the encoded FileRequest. accepted: a yes or
    no for each file; None without an answer. chosen: the paths that the person chose; sources: the
    files found there, or packed, where they are many; empty for a receiver. info_hash, info: of its
    torrent, info being the info dictionary as it was hashed; empty until it is known, as are magnet
    and swarm_key. sending, arriving: what was chosen about how; records of earlier versions have
    neither. group: of the transfers that share the torrent; empty for none.
    created, updated, ended: seconds since 1970.
    """

    HIDDEN: ClassVar[frozenset[str]] = frozenset(
        {"request", "sources", "packed", "chosen", "info", "swarm_key", "magnet"}
    )

    session: SessionId
    id: TransferId
    direction: Direction
    phase: TransferPhase
    partner: str
    folder: Path | None = None
    request: bytes = b""
    accepted: tuple[bool, ...] | None = None
    chosen: tuple[Path, ...] = ()
    sources: tuple[Source, ...] = ()
    packed: bytes = b""
    info_hash: bytes = b""
    info: bytes = b""
    swarm_key: bytes = b""
    group: str = ""
    magnet: str = ""
    paused_by: PausedBy = PausedBy.NOBODY
    paused_files: tuple[int, ...] = ()
    queued: int = 0
    sending: Sending = SENDING
    arriving: Arriving = ARRIVING
    created: float
    updated: float
    ended: float | None = None


class ShareRecord(Record, frozen=True, kw_only=True):
    """An open share (direction send) or an open download (direction receive).

    id: of `new_id`. trackers: where a share is announced; a download's are in its magnet. selected:
    indices of the files that are fetched; None for all. The rest is as in TransferRecord.
    """

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"sources", "chosen", "info"})

    id: str
    direction: Direction
    name: str = ""
    magnet: str = ""
    trackers: tuple[str, ...] = ()
    folder: Path | None = None
    selected: tuple[int, ...] | None = None
    chosen: tuple[Path, ...] = ()
    sources: tuple[Source, ...] = ()
    info_hash: bytes = b""
    info: bytes = b""
    created: float
    updated: float
    ended: float | None = None


class Unfinished(NamedTuple):
    """What can be gone on with. running: a process holds it: pid. ours: this one does, or did."""

    record: TransferRecord | ShareRecord
    running: bool
    pid: int | None = None
    ours: bool = False


T = TypeVar("T", bound=msgspec.Struct)


def new_id() -> str:
    """Return an id that nothing else has: 16 hex digits."""
    return secrets.token_hex(8)


def pack(record: msgspec.Struct) -> bytes:
    """Return a record's bytes for the file."""
    body = _encoder.encode(record)
    return _digest(body) + body


def unpack(kind: type[T], data: object) -> T:
    """Return the record of such bytes. Raises Spoiled."""
    if not isinstance(data, bytes) or _digest(data[_DIGEST:]) != data[:_DIGEST]:
        raise Spoiled
    try:
        return msgspec.msgpack.decode(data[_DIGEST:], type=kind, dec_hook=_read_path)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Spoiled from error


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST).digest()


def _write_path(value: Any) -> bytes:
    if isinstance(value, Path):
        return os.fsencode(value)  # a name on a disk need not be text
    raise NotImplementedError(f"{type(value)} is in no record")


def _read_path(kind: type, data: Any) -> Path:
    if kind is Path and isinstance(data, bytes):
        return Path(os.fsdecode(data))
    raise ValueError(f"this is no {kind}")


_encoder: Final = msgspec.msgpack.Encoder(enc_hook=_write_path)
