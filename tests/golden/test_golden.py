"""The corpus replayed: our decoders read what real peers said, in full and however it is cut."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from filesend_tui.core.torrent.metainfo.info import TorrentInfo, parse_info
from filesend_tui.core.transports.webrtc.remote_sdp import vet
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.events import ExtendedHandshook, Handshook, PeerHas, WireEvent
from filesend_tui.core.wire.extensions import MetadataData, MetadataRequest
from filesend_tui.core.wire.messages import Interested, Piece, Request, Unchoke
from filesend_tui.core.wire.shape import BLOCK, TorrentShape
from relay.protocol.tracker_json import (
    MAX_OFFERS,
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    Event,
    Failure,
    OfferFrame,
    Scrape,
    ScrapeReply,
    encode,
    parse_client_frame,
    parse_server_frame,
)

HERE = Path(__file__).parent
FRAMES: list[dict[str, Any]] = json.loads((HERE / "tracker-frames.json").read_text())
WIRES: list[dict[str, Any]] = json.loads((HERE / "wires.json").read_text())


def frames(to: str) -> list[Any]:
    """Parameters: each frame that went to `tracker` or `client`."""
    return [
        pytest.param(frame["text"], id=f"{number}-{frame['source'].split()[0]}")
        for number, frame in enumerate(FRAMES)
        if frame["to"] == to
    ]


def wires(role: str) -> pytest.MarkDecorator:
    """Parameters: each connection of a peer in this role."""
    return pytest.mark.parametrize(
        "entry",
        [
            pytest.param(entry, id=entry["source"].split()[0])
            for entry in WIRES
            if entry["role"] == role
        ],
    )


def raw(text: str) -> bytes:
    return text.encode("latin-1")


# --- tracker frames -----------------------------------------------------------------------------


def test_the_corpus_has_every_kind_of_frame() -> None:
    to_tracker = [parse_client_frame(param.values[0]) for param in frames("tracker")]
    to_client = [parse_server_frame(param.values[0]) for param in frames("client")]
    assert {type(frame) for frame in to_tracker} == {Announce, Answer, Scrape}
    assert {type(frame) for frame in to_client} == {
        AnnounceReply,
        OfferFrame,
        AnswerFrame,
        ScrapeReply,
        Failure,
    }
    announced = {frame.event for frame in to_tracker if isinstance(frame, Announce)}
    assert announced == {Event.STARTED, Event.UPDATE, Event.COMPLETED, Event.STOPPED}


@pytest.mark.parametrize("text", frames("tracker"))
def test_a_client_is_read_in_full(text: str) -> None:
    said = json.loads(text)
    match parse_client_frame(text):
        case Answer() as answer:
            assert answer.answer == said["answer"]
            assert answer.peer_id == raw(said["peer_id"])
            assert answer.to_peer_id == raw(said["to_peer_id"])
            assert answer.offer_id == raw(said["offer_id"])
        case Scrape(info_hashes):
            asked = said["info_hash"]
            assert info_hashes == tuple(map(raw, [asked] if isinstance(asked, str) else asked))
        case Announce() as announce:
            assert announce.info_hash == raw(said["info_hash"])
            assert announce.peer_id == raw(said["peer_id"])
            assert announce.event == said.get("event", "update")
            assert (announce.uploaded, announce.downloaded, announce.left) == (
                said["uploaded"],
                said["downloaded"],
                said["left"],
            )
            assert announce.numwant == min(said["numwant"], MAX_OFFERS)
            assert [(o.offer_id, o.offer) for o in announce.offers] == [
                (raw(o["offer_id"]), o["offer"]) for o in said.get("offers", [])
            ]


@pytest.mark.parametrize("text", frames("client"))
def test_a_tracker_is_read_in_full(text: str) -> None:
    said = json.loads(text)
    match parse_server_frame(text):
        case OfferFrame() as offer:
            assert (offer.offer, offer.offer_id) == (said["offer"], raw(said["offer_id"]))
            assert offer.peer_id == raw(said["peer_id"])
        case AnswerFrame() as answer:
            assert (answer.answer, answer.offer_id) == (said["answer"], raw(said["offer_id"]))
            assert answer.peer_id == raw(said["peer_id"])
        case AnnounceReply() as reply:
            assert reply.info_hash == raw(said["info_hash"])
            assert (reply.interval, reply.complete, reply.incomplete) == (
                said["interval"],
                said["complete"],
                said["incomplete"],
            )
        case ScrapeReply(files):
            assert {name: figures.complete for name, figures in files.items()} == {
                raw(name): figures["complete"] for name, figures in said["files"].items()
            }
        case Failure() as failure:
            assert failure.reason == said["failure reason"]


def test_what_was_read_is_written_as_it_was_read() -> None:
    for frame in FRAMES:
        parse = parse_client_frame if frame["to"] == "tracker" else parse_server_frame
        value = parse(frame["text"])
        if isinstance(value, Announce) and value.event in (Event.COMPLETED, Event.STOPPED):
            # We ask for nobody then, though libtorrent does.
            value = msgspec.structs.replace(value, numwant=None, offers=())
        assert parse(encode(value)) == value


def descriptions(said: Any) -> list[dict[str, str]]:
    """Return every session description in a frame."""
    if isinstance(said, list):
        return [found for part in said for found in descriptions(part)]
    if not isinstance(said, dict):
        return []
    here = [said] if "sdp" in said else []
    return here + [found for part in said.values() for found in descriptions(part)]


@pytest.mark.parametrize("text", frames("tracker") + frames("client"))
def test_every_session_description_can_be_connected_to(text: str) -> None:
    from aiortc.sdp import SessionDescription

    for description in descriptions(json.loads(text)):
        remote = vet(description["sdp"], "offer" if description["type"] == "offer" else "answer")
        udp = [
            line
            for line in description["sdp"].splitlines()
            if line.startswith("a=candidate:") and line.split()[2].lower() == "udp"
        ]
        assert udp
        assert len(remote.candidates) == len(udp)
        [media] = SessionDescription.parse(remote.sdp).media
        assert len(media.ice_candidates) == len(udp)
        assert media.sctp_port == 5000


def test_a_browser_as_shipped_hides_behind_mdns_names() -> None:
    for entry in json.loads((HERE / "descriptions.json").read_text()):
        remote = vet(entry["description"]["sdp"], "offer")
        assert remote.candidates
        assert all(candidate.is_mdns for candidate in remote.candidates)
        assert ".local" not in remote.sdp  # they are resolved on the side


# --- the peer wire ------------------------------------------------------------------------------


def replay(entry: dict[str, Any], cuts: list[int]) -> tuple[WireConnection, list[WireEvent]]:
    """Feed a connection's bytes in parts to a decoder that knows the torrent; cuts: where."""
    wire = WireConnection(
        info_hash=bytes.fromhex(entry["info_hash"]),
        peer_id=b"-FS0100-------------",
        reqq=1,
        client="",
        metadata_size=entry["metadata_size"],
    )
    wire.set_shape(TorrentShape(*entry["shape"]))
    data = base64.b64decode(entry["bytes"])
    events: list[WireEvent] = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        events += wire.receive_data(data[start:end])
    return wire, events


def of(kind: type[Any], events: list[WireEvent]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("entry", WIRES, ids=lambda e: f"{e['source'].split()[0]}-{e['role']}")
def test_it_does_not_matter_how_the_stream_is_cut(entry: dict[str, Any]) -> None:
    size = len(base64.b64decode(entry["bytes"]))
    _, whole = replay(entry, [])
    assert replay(entry, list(range(1, size)))[1] == whole
    chance = random.Random(entry["info_hash"])
    for _ in range(20):
        cuts = sorted(chance.sample(range(1, size), chance.randint(1, 50)))
        assert replay(entry, cuts)[1] == whole


@pytest.mark.parametrize("entry", WIRES, ids=lambda e: f"{e['source'].split()[0]}-{e['role']}")
def test_it_shakes_hands_with_the_extensions_we_use(entry: dict[str, Any]) -> None:
    wire, events = replay(entry, [])
    head = {"webtorrent": b"-WW", "libtorrent": b"-LT"}[entry["source"].split()[0]]
    assert len(of(Handshook, events)) == 1
    assert wire.peer_id.startswith(head)
    assert wire.fast
    assert wire.extended
    assert of(ExtendedHandshook, events)
    assert wire.peer_reqq >= 100


@wires("seeder")
def test_a_seeder_hands_over_the_metadata_and_the_pieces(entry: dict[str, Any]) -> None:
    wire, events = replay(entry, [])
    metadata = {piece.piece: piece.data for piece in of(MetadataData, events)}
    info = parse_info(
        b"".join(metadata[number] for number in sorted(metadata)),
        info_hash=bytes.fromhex(entry["info_hash"]),
    )
    assert info.shape == TorrentShape(*entry["shape"])
    assert wire.peer_has_metadata
    assert any(event.all for event in of(PeerHas, events))
    assert of(Unchoke, events)
    assert pieces_of(events) == {i: info.piece_hash(i) for i in range(info.shape.piece_count)}
    sizes = map(info.shape.piece_size, range(len(pieces_of(events))))
    assert len(of(Piece, events)) == sum(-(-size // BLOCK) for size in sizes)


@wires("leecher")
def test_a_leecher_asks_for_the_metadata_and_every_block_once(entry: dict[str, Any]) -> None:
    _, events = replay(entry, [])
    assert of(MetadataRequest, events) == [MetadataRequest(0)]
    assert of(Interested, events)
    asked = [(request.index, request.begin) for request in of(Request, events)]
    assert len(set(asked)) == len(asked)
    assert sum(request.length for request in of(Request, events)) == entry["shape"][2]
    # libtorrent goes when it has everything, and may leave out the last of them.
    assert any(event.indices for event in of(PeerHas, events))


def pieces_of(events: list[WireEvent]) -> dict[int, bytes]:
    """Return the SHA-1 of each piece whose blocks came."""
    blocks: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
    for piece in of(Piece, events):
        blocks[piece.index][piece.begin] = piece.block
    return {
        index: hashlib.sha1(b"".join(parts[begin] for begin in sorted(parts))).digest()
        for index, parts in blocks.items()
    }


def test_the_torrents_hold_what_trips_peers_up() -> None:
    for entry in WIRES:
        if entry["role"] == "seeder":
            _, events = replay(entry, [])
            info: TorrentInfo = parse_info(b"".join(p.data for p in of(MetadataData, events)))
            paths = [file.path for file in info.files]
            assert any(len(path) > 2 for path in paths)
            assert any(not path[-1].isascii() for path in paths)
            assert any(file.length == 0 for file in info.files)
