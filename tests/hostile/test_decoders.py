"""Every decoder of what comes off the network, against what is nearly right.

A decoder reads or refuses: nothing else may come out of it, and what it read must hold. In
`make test` each gets a hundred examples; `make fuzz` gives them very many.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from itertools import pairwise
from typing import Any

import h11
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from socketio.packet import EVENT

from filesend_tui.core.errors import (
    BadMagnet,
    BadMetadata,
    ChannelFailed,
    FileSendError,
    RelayTampered,
)
from filesend_tui.core.meeting.signaling import MAX_NAME, MAX_TEXTS, BadSignal, SealedSignaling, Use
from filesend_tui.core.relay_client.messages import SealedMessage
from filesend_tui.core.relay_client.socket_client import Broken, read
from filesend_tui.core.sessions.cipher import RoomCipher
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from filesend_tui.core.torrent.metainfo.info import MAX_FILES, parse_info
from filesend_tui.core.torrent.metainfo.magnet import MAX_TRACKERS, parse_magnet
from filesend_tui.core.transports.direct.offer import (
    MAX_ADDRESSES,
    TICKET,
    BadDirectOffer,
    DirectOffer,
    Endpoint,
)
from filesend_tui.core.transports.webrtc.remote_sdp import MAX_CANDIDATES, Kind, vet
from filesend_tui.core.wire import extensions
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.events import PeerHas, WireEvent
from filesend_tui.core.wire.extensions import MetadataData, MetadataReject, MetadataRequest
from filesend_tui.core.wire.messages import Cancel, Piece, RejectRequest, Request
from filesend_tui.core.wire.rules import MAX_REQUEST
from filesend_tui.core.wire.shape import MAX_METADATA, TorrentShape
from relay.guard.addresses import Proxies
from relay.guard.http_rules import MAX_HEAD, OneRequest
from relay.guard.socketio_guard import StrictPacket
from relay.protocol.tracker_json import (
    MAX_REASON,
    FrameError,
    parse_client_frame,
    parse_server_frame,
)
from relay.protocol.words import (
    CONTENTS,
    FileAnswer,
    FileReady,
    FileRequest,
    Hello,
    Message,
    OfferedFile,
)
from tests.golden.test_golden import FRAMES, WIRES, descriptions
from tests.hostile.mutations import bencodable, bencoded, mutated, mutated_text
from tests.security.smuggled import ATTACKS, handshake

pytestmark = pytest.mark.fuzz

# --- the wire ---------------------------------------------------------------------------------

#: Whole short connections, and the head of long ones: what follows is blocks.
STREAMS = [base64.b64decode(entry["bytes"])[:4000] for entry in WIRES]
SHAPE = TorrentShape(*WIRES[0]["shape"])


def connection(data: bytes) -> WireConnection:
    return WireConnection(
        info_hash=data[28:48].ljust(20, b"\0"), peer_id=b"-FS0100-" + bytes(12), reqq=1, client=""
    )


def holds(event: WireEvent) -> bool:
    """Whether an event is within what the torrent allows."""
    match event:
        case Request(index, begin, length) | Cancel(index, begin, length):
            within = length <= MAX_REQUEST
        case RejectRequest(index, begin, length):
            within = True
        case Piece(index, begin, block):
            length = len(block)
            within = True
        case PeerHas(indices):
            return all(0 <= index < SHAPE.piece_count for index in indices)
        case _:
            return True
    return within and 0 < length <= SHAPE.piece_size(index) - begin


@given(mutated(STREAMS), st.lists(st.integers(0, 4000), max_size=6), st.integers(0, 7))
def test_the_wire(data: bytes, cuts: list[int], shape_comes: int) -> None:
    """However it is cut, and whenever the torrent becomes known."""
    wire = connection(data)
    edges = [0, *sorted(cuts), len(data)]
    known = False
    try:
        for number, (start, end) in enumerate(pairwise(edges)):
            if number == shape_comes:
                assert all(map(holds, wire.set_shape(SHAPE)))
                known = True
            events = wire.receive_data(data[start : max(start, end)])
            assert not known or all(map(holds, events))
    except WireError as error:
        assert isinstance(error.reason, Reason)
        assert wire.closed
        with pytest.raises(WireError):
            wire.receive_data(b"")
    assert wire.peer_pieces.count <= 8 * len(data) or wire.peer_pieces.is_seed
    assert wire.peer_client.isprintable()
    assert not wire.queued_bytes, "it answers nothing by itself"


# --- extensions -------------------------------------------------------------------------------

PAYLOADS = st.binary(max_size=200) | bencodable.map(bencoded)
DEEP = b"d1:v" + b"l" * 20_000 + b"e" * 20_000 + b"e"


@given(PAYLOADS)
@example(DEEP)
@example(b"d4:reqqi" + b"9" * 50_000 + b"ee")
def test_an_extended_handshake(payload: bytes) -> None:
    try:
        said = extensions.decode_handshake(payload)
    except WireError as error:
        assert error.reason is Reason.BAD_EXTENSION
        return
    assert said.ut_metadata is None or 0 <= said.ut_metadata <= 255
    assert said.metadata_size is None or 0 < said.metadata_size <= MAX_METADATA
    assert said.reqq is None or 0 < said.reqq <= extensions.MAX_REQQ
    assert said.client is None or said.client.isprintable()


@given(PAYLOADS, st.binary(max_size=20), st.none() | st.integers(1, 40))
@example(DEEP, b"", None)
def test_a_metadata_message(head: bytes, tail: bytes, size: int | None) -> None:
    try:
        said = extensions.decode_metadata(head + tail, size)
    except WireError as error:
        assert error.reason is Reason.BAD_EXTENSION
        return
    match said:
        case MetadataData(piece, total, data):
            assert (piece, total, len(data)) == (0, size, size)
        case MetadataRequest(piece) | MetadataReject(piece):
            assert 0 <= piece < extensions.metadata_piece_count(size or MAX_METADATA)


# --- descriptions -----------------------------------------------------------------------------

INFO: dict[bytes, Any] = {
    b"name": b"album",
    b"piece length": 16384,
    b"pieces": bytes(40),
    b"files": [
        {b"length": 20_000, b"path": [b"deep", b"one"]},
        {b"length": 4, b"path": [b"two"], b"attr": b"x"},
    ],
}


def check_info(raw: bytes) -> None:
    try:
        info = parse_info(raw)
    except BadMetadata as error:
        assert error.message.isprintable()
        assert len(error.message) < 200
        return
    assert 0 < len(info.files) <= MAX_FILES
    assert info.shape.total_length == sum(file.length for file in info.files)
    assert len(info.piece_hashes) == 20 * info.shape.piece_count
    assert len({file.path for file in info.files if not file.pad}) == len(
        [file for file in info.files if not file.pad]
    )


@given(mutated([bencoded(INFO), bencoded({**INFO, b"source": b"x" * 50})]))
def test_the_bytes_of_a_description(raw: bytes) -> None:
    check_info(raw)


@given(st.dictionaries(st.sampled_from(sorted(INFO)) | st.binary(max_size=12), bencodable))
def test_the_values_of_a_description(changes: dict[bytes, Any]) -> None:
    check_info(bencoded(INFO | changes))


@given(bencodable)
@example([[[]]] * 50)
def test_anything_for_a_description(value: Any) -> None:
    check_info(bencoded(value))


@pytest.mark.parametrize("opening", [b"l", b"d1:a", b"li0e"])
@pytest.mark.parametrize("depth", [100, 900, 1100, 100_000])
def test_a_deep_description(opening: bytes, depth: int) -> None:
    check_info(opening * depth + b"e" * depth)
    check_info(bencoded(INFO)[:-1] + b"1:z" + opening * depth + b"e" * depth + b"e")


# --- magnets ----------------------------------------------------------------------------------

MAGNETS = [
    f"magnet:?xt=urn:btih:{'ab' * 20}&dn=a%20name&tr=wss%3A%2F%2Ftracker.example%2Fannounce",
    f"magnet:?xt.1=urn:btmh:1220{'cd' * 32}&xt.2=urn:btih:{'a2' * 16}&tr=ws://[::1]:80/&x.pe=1",
    f"magnet:?tr=udp://[v1.x]:7&xt=urn:btih:{'AB' * 20}&tr=http://%E2%98%83.example:99999/",
]


@given(mutated_text(MAGNETS) | st.text().map(lambda text: MAGNETS[0] + "&tr=wss://" + text))
def test_a_magnet(link: str) -> None:
    try:
        magnet = parse_magnet(link)
    except BadMagnet as error:
        assert error.message.isprintable()
        return
    assert len(magnet.info_hash) == 20
    assert magnet.name is None or magnet.name.isprintable()
    assert len(magnet.trackers) <= MAX_TRACKERS
    assert parse_magnet(str(magnet)).info_hash == magnet.info_hash


# --- tracker frames ---------------------------------------------------------------------------


def said(frame: str | bytes) -> None:
    for parse in (parse_client_frame, parse_server_frame):
        try:
            parse(frame)
        except FrameError as error:
            assert len(error.reason) <= MAX_REASON


@given(mutated([frame["text"].encode() for frame in FRAMES]))
def test_a_tracker_frame(frame: bytes) -> None:
    said(frame)
    said(frame.decode(errors="replace"))


@pytest.mark.parametrize("key", ["x", "info_hash", "failure reason", "offers", "files", "action"])
@pytest.mark.parametrize("depth", [100, 900, 990, 1000, 5000])
def test_a_deep_tracker_frame(key: str, depth: int) -> None:
    for head in ('{"action":"announce",', "{"):
        said(head + f'"{key}":' + "[" * depth + "]" * depth + "}")
        said(head + f'"{key}":' + '{"a":' * depth + "1" + "}" * depth + "}")


# --- session descriptions ---------------------------------------------------------------------

SDPS = [found for frame in FRAMES for found in descriptions(json.loads(frame["text"]))]


@given(st.data())
def test_a_session_description(data: st.DataObject) -> None:
    """What is let through is what the WebRTC stack can take, and says the same when read again."""
    from aiortc.sdp import SessionDescription

    kind: Kind = data.draw(st.sampled_from(["offer", "answer"]))
    originals = [found["sdp"] for found in SDPS if found["type"] == kind]
    sdp = data.draw(mutated_text(originals))
    try:
        remote = vet(sdp, kind)
    except ChannelFailed as error:
        assert error.message.isprintable()
        return
    assert len(remote.candidates) <= MAX_CANDIDATES
    (media,) = SessionDescription.parse(remote.sdp).media
    assert media.ice is not None
    assert media.dtls is not None
    assert media.ice.usernameFragment == remote.ufrag
    assert media.ice.password == remote.password
    assert {f.value for f in media.dtls.fingerprints} <= {
        value.split()[1] for value in remote.fingerprints
    }
    again = vet(remote.sdp, kind)
    assert again.sdp == remote.sdp


# --- what is sealed ----------------------------------------------------------------------------

SHARED = SharedKey(bytes(range(32)), bytes(32), "any three words")
CONTENT = [
    msgspec.json.encode(word)
    for word in (
        Hello(name="Ann"),
        FileRequest(id="a" * 16, files=[OfferedFile(path="a/b", size=1)]),
        FileAnswer(id="a" * 16, accepted=[True, False]),
        FileReady(id="a" * 16, magnet_uri="magnet:?xt=urn:btih:00", swarm_key=bytes(32)),
        Message(text="hello"),
    )
]
DEEP_JSON = b"[" * 20_000


@given(
    st.sampled_from(sorted(CONTENTS)),
    st.binary(max_size=17) | st.just(bytes(16)),
    mutated(CONTENT) | st.binary(max_size=60),
)
@example("message", bytes(16), DEEP_JSON)
@example("message", bytes(16), b'{"text":"\xff"}')
def test_what_a_partner_seals(event: str, numbers: bytes, content: bytes) -> None:
    """It has the key, and says anything: a word with its bounds, or an error and the end."""
    partner, sealing = RoomCipher(SHARED, Side.JOINER), RoomCipher(SHARED, Side.MAKER)
    letter = SealedMessage(event=event, body=partner._out.encrypt(event, numbers + content))
    try:
        word = sealing.open(letter).word
    except FileSendError as error:
        assert error.message.isprintable()
        with pytest.raises(RelayTampered):
            sealing.open(partner.seal(Envelope(Message(text="afterwards"))))
        return
    assert type(word) is CONTENTS[event]
    assert msgspec.convert(msgspec.to_builtins(word), CONTENTS[event]) == word
    afterwards = Envelope(Message(text="afterwards"))
    assert sealing.open(partner.seal(afterwards)) == afterwards


@given(st.sampled_from([*sorted(CONTENTS), "nonsense"]), st.data())
def test_what_a_relay_delivers_as_sealed(event: str, data: st.DataObject) -> None:
    """It has no key: whatever it makes of a word does not open."""
    body = RoomCipher(SHARED, Side.JOINER).seal(Envelope(Message(text="hello"))).body
    letter = SealedMessage(event=event, body=data.draw(mutated([body]) | st.binary(max_size=60)))
    sealing = RoomCipher(SHARED, Side.MAKER)
    try:
        word = sealing.open(letter).word
    except RelayTampered:
        return
    assert (letter.event, letter.body, word) == ("message", body, Message(text="hello"))


SIGNALS = SealedSignaling(bytes(20), bytes(range(32)))
USE = Use(b"o" * 20, b"a" * 20)
SEALED = SIGNALS.seal({"webrtc": "v=0", "direct": "{}"}, USE)


@given(mutated([b'{"webrtc":"v=0","direct":"x"}']) | st.binary(max_size=60))
@example(DEEP_JSON)
@example(b'{"webrtc":"' + b"x" * 30_000 + b'"}')
@example(b'{"webrtc":"v=0","webrtc":"v=0"}')
@example(b"{" + b",".join(b'"%d":""' % n for n in range(9)) + b"}")
def test_a_signal_that_a_member_seals(content: bytes) -> None:
    nonce = bytes(12)
    sealed = SIGNALS._seals["offer"].encrypt(nonce, content, SIGNALS._bound(USE))
    text = base64.b64encode(nonce + sealed).decode()
    try:
        opened = SIGNALS.open({"type": "offer", "sdp": text}, USE)
    except BadSignal:
        return
    assert len(opened) <= MAX_TEXTS
    assert all(0 < len(name) <= MAX_NAME for name in opened)
    assert all(isinstance(text, str) for text in opened.values())


@given(mutated_text([SEALED["sdp"]]), st.sampled_from(["offer", "answer", ""]))
def test_a_signal_that_a_tracker_makes(text: str, kind: str) -> None:
    try:
        opened = SIGNALS.open({"type": kind, "sdp": text}, USE)
    except BadSignal:
        return
    assert (kind, text) == ("offer", SEALED["sdp"])
    assert opened == {"webrtc": "v=0", "direct": "{}"}


DIRECT = DirectOffer(
    bytes(16), b"certificate", (Endpoint("192.0.2.1", 7), Endpoint("2001:db8::1", 65535))
).encode()


@given(mutated_text([DIRECT]) | st.text(max_size=60))
@example("[" * 2_000)
def test_a_direct_offer(text: str) -> None:
    """Only so many addresses, and none that nobody should connect to."""
    try:
        offer = DirectOffer.decode(text)
    except BadDirectOffer:
        return
    assert len(offer.endpoints) <= MAX_ADDRESSES
    assert len(offer.ticket) == TICKET
    for host, port in offer.endpoints:
        address = ipaddress.ip_address(host)
        assert not (address.is_multicast or address.is_unspecified or address.is_link_local)
        assert 0 < port < 65536
    assert DirectOffer.decode(offer.encode()) == offer


# --- the relay's own ---------------------------------------------------------------------------

HEADS = [b"".join(attack) for attack in ATTACKS.values()] + [
    f"GET /announce HTTP/1.1\r\nHost: x\r\n{handshake()}\r\n".encode(),
    b"HEAD /metrics?x=%20y HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
]


def events(parts: list[bytes]) -> list[h11.Event]:
    """What comes of bytes as they arrive, up to where they are refused."""
    connection, found = OneRequest(), []
    for part in filter(None, parts):  # nothing is the end of a stream
        connection.receive_data(part)
        try:
            while isinstance(event := connection.next_event(), h11.Event):
                found.append(event)
        except h11.RemoteProtocolError:
            break
        assert len(connection.trailing_data[0]) <= MAX_HEAD
    return found


@given(mutated(HEADS) | st.binary(max_size=60), st.integers(0, 2**20))
def test_what_a_client_asks_of_a_relay(data: bytes, anywhere: int) -> None:
    at = anywhere % (len(data) + 1)
    for found in (events([data]), events([data[:at], data[at:]])):
        assert [type(event) for event in found] in ([], [h11.Request, h11.EndOfMessage])
        for event in found[:1]:
            assert isinstance(event, h11.Request)
            # Read again as strictly as can be, it is the same.
            head, _, _ = data.partition(b"\r\n\r\n")
            line, *fields = head.split(b"\r\n")
            assert line.split(b" ")[:2] == [event.method, event.target]
            pairs = [field.partition(b":") for field in fields]
            read = [(name.lower(), value.strip(b" \t")) for name, _, value in pairs]
            assert [(name, bytes(value)) for name, value in event.headers] == read


PACKETS = [
    '421["claim",{"nameplate":7}]',
    '42["hello",{"body":"AAAA"}]',
    "40",
    '451-["x",{}]',
    "41",
]


@given(mutated_text(PACKETS) | st.text(max_size=40))
@example("42" + "[" * 20_000)
def test_a_packet_of_a_client(text: str) -> None:
    packet = StrictPacket()
    try:
        attachments = packet.decode(text)
    except (ValueError, RecursionError):
        return
    assert not attachments
    if packet.packet_type == EVENT:
        name, *_ = packet.data
        assert isinstance(name, str)
        assert name not in {"connect", "disconnect", "*"}


@given(mutated_text([*PACKETS, '430[{"nameplate":7}]', '40{"sid":"x"}']) | st.text(max_size=40))
@example("42" + "[" * 900)
@example("42[" + "9" * 5_000 + "]")
def test_a_packet_of_a_relay(text: str) -> None:
    try:
        packet = read(text)
    except Broken as broken:
        assert str(broken).isprintable()
        return
    assert packet.namespace in (None, "/")
    assert not packet.attachment_count
    assert packet.packet_type in range(10)


@given(st.binary(max_size=60) | mutated([b"192.0.2.1, 10.0.0.1", b"[2001:db8::1]:80"]))
@example(b"," * 60_000)
def test_what_a_proxy_forwards(header: bytes) -> None:
    proxies = Proxies(["10.0.0.0/8"])
    assert proxies.client("192.0.2.9", [(b"x-forwarded-for", header)]) == "192.0.2.9"
    ipaddress.ip_network(proxies.client("10.0.0.1", [(b"x-forwarded-for", header)]))
