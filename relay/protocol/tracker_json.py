"""The tracker's frames: the JSON of bittorrent-tracker's WebSocket protocol, typed.

Shared by the relay's tracker and by the client's announcer. Pure: text in, values out. No socket
and no swarm ever lives here. Binary ids (`info_hash`, `peer_id`, `to_peer_id`, `offer_id`) are 20
bytes, on the wire a string of 20 code points U+0000 to U+00FF. The protocol has no BEP; the source
is the behaviour of bittorrent-tracker, which keeps BEP 3's and BEP 48's meanings.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from relay.protocol.tracker_frames import (
    ID_LENGTH,
    MAX_FRAME,
    MAX_KEY,
    MAX_OFFERS,
    MAX_REASON,
    MAX_SCRAPE,
    MAX_SDP,
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    ClientFrame,
    Description,
    Event,
    Failure,
    Frame,
    FrameError,
    Offer,
    OfferFrame,
    Scrape,
    ScrapeReply,
    ServerFrame,
    SwarmFigures,
)

__all__ = [
    "CLIENT_SHAPES",
    "ID_LENGTH",
    "MAX_FRAME",
    "MAX_KEY",
    "MAX_OFFERS",
    "MAX_REASON",
    "MAX_SCRAPE",
    "MAX_SDP",
    "SERVER_SHAPES",
    "Announce",
    "AnnounceReply",
    "Answer",
    "AnswerFrame",
    "ClientFrame",
    "Description",
    "Event",
    "Failure",
    "Frame",
    "FrameError",
    "Offer",
    "OfferFrame",
    "Scrape",
    "ScrapeReply",
    "ServerFrame",
    "SwarmFigures",
    "encode",
    "parse_client_frame",
    "parse_server_frame",
]  # fmt: skip

# --- the JSON shapes ------------------------------------------------------------------------

_Id = Annotated[str, Meta(min_length=ID_LENGTH, max_length=ID_LENGTH)]
_Sdp = Annotated[str, Meta(max_length=MAX_SDP)]
_Count = Annotated[int, Meta(ge=0, le=2**62)]
_Seconds = Annotated[float, Meta(ge=0, le=2**31)]


class _OfferDescription(msgspec.Struct):
    type: Literal["offer"]
    sdp: _Sdp


class _AnswerDescription(msgspec.Struct):
    type: Literal["answer"]
    sdp: _Sdp


class _WireOffer(msgspec.Struct):
    offer_id: _Id
    offer: _OfferDescription


class _Head(msgspec.Struct):
    """The members that distinguish kinds of frames; none of them is validated yet."""

    action: Any = None
    info_hash: Any = None
    offer: msgspec.Raw | UnsetType = UNSET
    answer: msgspec.Raw | UnsetType = UNSET
    failure: Any = msgspec.field(default=None, name="failure reason")


class _WireAnnounce(msgspec.Struct):
    info_hash: _Id
    peer_id: _Id
    uploaded: _Count | None = 0
    downloaded: _Count | None = 0
    left: _Count | None = None
    event: Literal["started", "completed", "stopped", "paused", "update", ""] | None = None
    numwant: int | None = None
    offers: Annotated[list[_WireOffer], Meta(max_length=MAX_OFFERS)] | None = None
    key: Any = None


class _WireAnswer(msgspec.Struct):
    info_hash: _Id
    peer_id: _Id
    to_peer_id: _Id
    offer_id: _Id
    answer: _AnswerDescription


class _WireScrape(msgspec.Struct):
    info_hash: _Id | Annotated[list[_Id], Meta(min_length=1, max_length=MAX_SCRAPE)]


class _WireAnnounceReply(msgspec.Struct):
    info_hash: _Id
    interval: _Seconds
    complete: _Count | None = 0
    incomplete: _Count | None = 0


class _WireOfferFrame(msgspec.Struct):
    info_hash: _Id
    peer_id: _Id
    offer_id: _Id
    offer: _OfferDescription


class _WireAnswerFrame(msgspec.Struct):
    info_hash: _Id
    peer_id: _Id
    offer_id: _Id
    answer: _AnswerDescription


class _WireFigures(msgspec.Struct):
    complete: _Count | None = 0
    incomplete: _Count | None = 0
    downloaded: _Count | None = 0


class _WireScrapeReply(msgspec.Struct):
    files: Annotated[dict[_Id, _WireFigures], Meta(max_length=MAX_SCRAPE)]


class _WireFailure(msgspec.Struct, omit_defaults=True):
    reason: str = msgspec.field(name="failure reason")
    action: str | None = None
    info_hash: _Id | None = None


#: The shapes of a client's frames and of a tracker's, by action and by the member that
#: distinguishes them; a failure may have any action, or none.
CLIENT_SHAPES: Final[dict[tuple[str, str], type[msgspec.Struct]]] = {
    ("announce", ""): _WireAnnounce,
    ("announce", "answer"): _WireAnswer,
    ("scrape", ""): _WireScrape,
}
SERVER_SHAPES: Final[dict[tuple[str, str], type[msgspec.Struct]]] = {
    ("announce", ""): _WireAnnounceReply,
    ("announce", "offer"): _WireOfferFrame,
    ("announce", "answer"): _WireAnswerFrame,
    ("scrape", ""): _WireScrapeReply,
    ("", "failure reason"): _WireFailure,
}


_T = TypeVar("_T")


# --- reading --------------------------------------------------------------------------------


def parse_client_frame(text: str | bytes) -> ClientFrame:
    """Parse a frame from a client to a tracker.

    Raises:
        FrameError: It is too long, not JSON, of an unknown kind or out of bounds.
    """
    head = _head(text)
    if head.action == "scrape":
        return _read_scrape(text)
    if head.action != "announce":
        raise FrameError("unknown action")
    info_hash = _known_hash(head)
    try:
        if head.answer is not UNSET:
            return _read_answer(text)
        return _read_announce(text)
    except FrameError as error:
        raise FrameError(error.reason, action="announce", info_hash=info_hash) from None


def parse_server_frame(text: str | bytes) -> ServerFrame:
    """Parse a frame from a tracker to a client.

    Raises:
        FrameError: It is too long, not JSON, of an unknown kind or out of bounds.
    """
    head = _head(text)
    action = head.action if head.action in ("announce", "scrape") else None
    if head.failure is not None:
        reason = head.failure[:MAX_REASON] if isinstance(head.failure, str) else ""
        return Failure(reason=reason, action=action, info_hash=_known_hash(head))
    try:
        if action == "scrape":
            return _read_scrape_reply(text)
        if head.offer is not UNSET:
            return _read_offer_frame(text)
        if head.answer is not UNSET:
            return _read_answer_frame(text)
        return _read_announce_reply(text)
    except FrameError as error:
        raise FrameError(error.reason, action=action, info_hash=_known_hash(head)) from None


def _head(text: str | bytes) -> _Head:
    if len(text) > MAX_FRAME:
        raise FrameError("frame too long")
    return _decode(text, _Head)


def _decode(text: str | bytes, shape: type[_T]) -> _T:
    try:
        return msgspec.json.decode(text, type=shape)
    except RecursionError:
        raise FrameError("nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise FrameError(str(error)[:MAX_REASON]) from None


def _known_hash(head: _Head) -> bytes | None:
    try:
        return _id(head.info_hash) if isinstance(head.info_hash, str) else None
    except FrameError:
        return None


def _id(text: str) -> bytes:
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        raise FrameError("an id has a character above U+00FF") from None
    if len(raw) != ID_LENGTH:
        raise FrameError(f"an id is not {ID_LENGTH} bytes")
    return raw


def _description(wire: _OfferDescription | _AnswerDescription) -> Description:
    return {"type": wire.type, "sdp": wire.sdp}


def _read_announce(text: str | bytes) -> Announce:
    wire = _decode(text, _WireAnnounce)
    return Announce(
        info_hash=_id(wire.info_hash),
        peer_id=_id(wire.peer_id),
        uploaded=wire.uploaded or 0,
        downloaded=wire.downloaded or 0,
        left=wire.left,
        event=Event(wire.event or Event.UPDATE),
        numwant=None if wire.numwant is None else min(max(wire.numwant, 0), MAX_OFFERS),
        offers=tuple(
            Offer(_id(each.offer_id), _description(each.offer)) for each in wire.offers or ()
        ),
        key=wire.key if isinstance(wire.key, str) and len(wire.key) <= MAX_KEY else "",
    )


def _read_answer(text: str | bytes) -> Answer:
    wire = _decode(text, _WireAnswer)
    return Answer(
        info_hash=_id(wire.info_hash),
        peer_id=_id(wire.peer_id),
        to_peer_id=_id(wire.to_peer_id),
        offer_id=_id(wire.offer_id),
        answer=_description(wire.answer),
    )


def _read_scrape(text: str | bytes) -> Scrape:
    try:
        asked = _decode(text, _WireScrape).info_hash
        hashes = [asked] if isinstance(asked, str) else asked
        return Scrape(tuple(_id(each) for each in hashes))
    except FrameError as error:
        raise FrameError(error.reason, action="scrape") from None


def _read_announce_reply(text: str | bytes) -> AnnounceReply:
    wire = _decode(text, _WireAnnounceReply)
    return AnnounceReply(
        info_hash=_id(wire.info_hash),
        interval=wire.interval,
        complete=wire.complete or 0,
        incomplete=wire.incomplete or 0,
    )


def _read_offer_frame(text: str | bytes) -> OfferFrame:
    wire = _decode(text, _WireOfferFrame)
    return OfferFrame(
        info_hash=_id(wire.info_hash),
        peer_id=_id(wire.peer_id),
        offer_id=_id(wire.offer_id),
        offer=_description(wire.offer),
    )


def _read_answer_frame(text: str | bytes) -> AnswerFrame:
    wire = _decode(text, _WireAnswerFrame)
    return AnswerFrame(
        info_hash=_id(wire.info_hash),
        peer_id=_id(wire.peer_id),
        offer_id=_id(wire.offer_id),
        answer=_description(wire.answer),
    )


def _read_scrape_reply(text: str | bytes) -> ScrapeReply:
    wire = _decode(text, _WireScrapeReply)
    return ScrapeReply(
        {
            _id(key): SwarmFigures(
                complete=figures.complete or 0,
                incomplete=figures.incomplete or 0,
                downloaded=figures.downloaded or 0,
            )
            for key, figures in wire.files.items()
        }
    )


# --- writing --------------------------------------------------------------------------------


def encode(frame: Frame) -> str:
    """Return the JSON text of a frame."""
    return msgspec.json.encode(_to_json(frame)).decode()


def _to_json(frame: Frame) -> dict[str, Any]:
    match frame:
        case ScrapeReply(files):
            plain = {_text(key): msgspec.to_builtins(figures) for key, figures in files.items()}
            return {"action": "scrape", "files": plain}
        case Scrape((only,)):
            return {"action": "scrape", "info_hash": _text(only)}
        case Scrape(several):
            return {"action": "scrape", "info_hash": [_text(each) for each in several]}
        case Failure(reason=reason, action=action, info_hash=info_hash):
            known = None if info_hash is None else _text(info_hash)
            refused: dict[str, Any] = msgspec.to_builtins(_WireFailure(reason, action, known))
            return refused
        case Announce():
            return _announce_json(frame)
        case _:
            # The rest are flat: every bytes field is an id.
            flat = msgspec.structs.asdict(frame)
            return {"action": "announce"} | {
                key: _text(value) if isinstance(value, bytes) else value
                for key, value in flat.items()
            }


def _announce_json(frame: Announce) -> dict[str, Any]:
    result: dict[str, Any] = {
        "action": "announce",
        "info_hash": _text(frame.info_hash),
        "peer_id": _text(frame.peer_id),
        "uploaded": frame.uploaded,
        "downloaded": frame.downloaded,
        "left": frame.left,
    }
    if frame.key:
        result["key"] = frame.key
    if frame.event is not Event.UPDATE:
        result["event"] = frame.event.value
    if frame.event not in (Event.COMPLETED, Event.STOPPED):
        result["numwant"] = len(frame.offers) if frame.numwant is None else frame.numwant
        result["offers"] = [
            {"offer": each.offer, "offer_id": _text(each.offer_id)} for each in frame.offers
        ]
    return result


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")
