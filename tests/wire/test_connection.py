"""connection.py: two ends driven against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.events import ExtendedHandshook, Handshook, PeerHas, WireEvent
from filesend_tui.core.wire.extensions import (
    ExtendedHandshake,
    MetadataData,
    MetadataReject,
    MetadataRequest,
    encode_handshake,
)
from filesend_tui.core.wire.handshake import OUR_RESERVED, Handshake
from filesend_tui.core.wire.shape import BLOCK

from .helpers import (
    ALICE,
    BOB,
    INFO_HASH,
    NO_EXTENSIONS,
    ONLY_EXTENDED,
    ONLY_FAST,
    SHAPE,
    chunks,
    connection,
    feed,
    pair,
    raw,
    shaken,
)

ALL_BITS = b"\xff\xc0"
SOME_BITS = b"\xa0\x40"


class TestHandshake:
    @pytest.mark.parametrize("step", [1, 67, 68, None])
    def test_both_send_it_at_once(self, step: int | None) -> None:
        alice, bob = connection(ALICE), connection(BOB)
        alice.open()
        bob.open()
        (from_alice,), (from_bob,) = alice.data_to_send(), bob.data_to_send()
        assert feed(alice, from_bob, step) == [Handshook()]
        assert feed(bob, from_alice, step) == [Handshook()]
        assert alice.handshake_done
        assert (alice.peer_id, bob.peer_id) == (BOB, ALICE)
        assert (alice.fast, alice.extended) == (True, True)

    def test_its_bytes(self) -> None:
        alice = connection(ALICE)
        alice.open()
        reserved = bytes.fromhex("0000000000100004")
        assert alice.data_to_send() == [b"\x13BitTorrent protocol" + reserved + INFO_HASH + ALICE]

    @pytest.mark.parametrize(
        ("reserved", "fast", "extended"),
        [
            (NO_EXTENSIONS, False, False),
            (ONLY_EXTENDED, False, True),
            (ONLY_FAST, True, False),
            (OUR_RESERVED, True, True),
        ],
    )
    def test_what_both_can_do(self, reserved: bytes, fast: bool, extended: bool) -> None:
        ends = pair(reserved=reserved)
        assert (ends.alice.fast, ends.alice.extended) == (fast, extended)

    def test_messages_may_follow_in_the_same_bytes(self) -> None:
        end = connection()
        end.set_shape(SHAPE)
        hello = Handshake(INFO_HASH, BOB).encode()
        heard = end.receive_data(hello + raw([m.HaveAll(), m.Unchoke()]))
        assert heard == [
            Handshook(),
            PeerHas(range(10), all=True),
            m.Unchoke(),
        ]


class TestChokeAndInterest:
    def test_both_ends_agree(self) -> None:
        ends = pair()
        alice, bob = ends.alice, ends.bob
        assert (alice.am_choking, alice.peer_choking) == (True, True)
        assert (alice.am_interested, alice.peer_interested) == (False, False)
        alice.send(m.Interested())
        bob.send(m.Unchoke())
        ends.forget()
        ends.pump()
        assert ends.heard_by_bob == [m.Interested()]
        assert ends.heard_by_alice == [m.Unchoke()]
        assert (alice.am_interested, bob.peer_interested) == (True, True)
        assert (bob.am_choking, alice.peer_choking) == (False, False)
        alice.send(m.NotInterested())
        bob.send(m.Choke())
        ends.pump()
        assert (alice.am_interested, bob.peer_interested) == (False, False)
        assert (bob.am_choking, alice.peer_choking) == (True, True)


class TestPieces:
    @pytest.mark.parametrize("reserved", [OUR_RESERVED, NO_EXTENSIONS])
    @pytest.mark.parametrize("step", [1, 7, 1000, None])
    def test_a_download(self, reserved: bytes, step: int | None) -> None:
        ends = pair(reserved=reserved)
        alice, bob = ends.alice, ends.bob
        alice.send_pieces(ALL_BITS)
        bob.send_pieces(bytes(2))
        bob.send(m.Interested())
        ends.pump(step)
        assert bob.peer_pieces.is_seed
        assert alice.peer_pieces.count == 0
        assert PeerHas(range(10), all=True) in ends.heard_by_bob
        alice.send(m.Unchoke())
        ends.pump(step)
        ends.forget()
        asked = [m.Request(9, 0, BLOCK), m.Request(9, BLOCK, 100), m.Request(0, BLOCK, BLOCK)]
        for request in asked:
            bob.send(request)
        ends.pump(step)
        assert ends.heard_by_alice == asked
        sent = [m.Piece(r.index, r.begin, bytes([r.index]) * r.length) for r in asked]
        for piece in sent:
            alice.send(piece)
        bob.send(m.Cancel(0, BLOCK, BLOCK))
        bob.send(m.Have(9))
        ends.forget()
        ends.pump(step)
        assert ends.heard_by_bob == sent
        assert ends.heard_by_alice == [m.Cancel(0, BLOCK, BLOCK), PeerHas((9,))]
        assert alice.peer_pieces.has(9)

    def test_requests_while_choked_come_out_for_the_owner_to_reject(self) -> None:
        ends = pair()
        ends.bob.send(m.Request(0, 0, BLOCK))
        ends.forget()
        ends.pump()
        assert ends.heard_by_alice == [m.Request(0, 0, BLOCK)]
        ends.alice.send(m.RejectRequest(0, 0, BLOCK))
        ends.alice.send(m.AllowedFast(4))
        ends.pump()
        assert ends.heard_by_bob == [m.RejectRequest(0, 0, BLOCK)]

    @pytest.mark.parametrize(
        ("reserved", "bits", "sent"),
        [
            (OUR_RESERVED, ALL_BITS, [m.HaveAll()]),
            (OUR_RESERVED, SOME_BITS, [m.Bitfield(SOME_BITS)]),
            (OUR_RESERVED, bytes(2), [m.HaveNone()]),
            (NO_EXTENSIONS, ALL_BITS, [m.Bitfield(ALL_BITS)]),
            (NO_EXTENSIONS, SOME_BITS, [m.Bitfield(SOME_BITS)]),
            (NO_EXTENSIONS, bytes(2), []),
        ],
    )
    def test_telling_what_we_have(
        self, reserved: bytes, bits: bytes, sent: list[m.Message]
    ) -> None:
        end = shaken(reserved=reserved)
        end.send_pieces(bits)
        assert b"".join(end.data_to_send()) == raw(sent)

    def test_telling_that_we_have_nothing_of_a_shape_we_do_not_know(self) -> None:
        end = shaken(shape=None)
        end.send_pieces(b"")
        assert end.data_to_send() == [raw([m.HaveNone()])]

    def test_a_bitfield_and_then_haves(self) -> None:
        end = shaken()
        heard = feed(end, raw([m.Bitfield(SOME_BITS), m.Have(1), m.Have(1), m.Have(0)]))
        assert heard == [PeerHas((0, 2, 9)), PeerHas((1,))]
        assert list(end.peer_pieces.indices()) == [0, 1, 2, 9]

    def test_a_bitfield_of_all_says_so(self) -> None:
        assert feed(shaken(), raw([m.Bitfield(ALL_BITS)])) == [PeerHas(range(10), all=True)]

    def test_what_leads_to_nothing(self) -> None:
        nothing = [m.KeepAlive(), m.HaveNone(), m.Port(1), m.SuggestPiece(9), m.Extended(9, b"?")]
        assert feed(shaken(), raw(nothing) + bytes.fromhex("0000000363aabb")) == []

    def test_a_bitfield_may_come_after_what_needs_no_pieces(self) -> None:
        early = [m.Extended(0, b"de"), m.Port(1), m.Interested(), m.Choke(), m.AllowedFast(2)]
        heard = feed(shaken(), raw([*early, m.Bitfield(SOME_BITS)]))
        assert heard[-1] == PeerHas((0, 2, 9))


class TestBeforeTheShapeIsKnown:
    @pytest.mark.parametrize(
        ("told", "has"),
        [
            ([m.HaveAll()], PeerHas(range(10), all=True)),
            ([m.Bitfield(ALL_BITS)], PeerHas(range(10), all=True)),
            ([m.Bitfield(SOME_BITS), m.Have(3)], PeerHas((0, 2, 3, 9))),
            ([m.Have(8), m.Have(1)], PeerHas((1, 8))),
        ],
    )
    def test_what_the_peer_has_waits(self, told: list[m.Message], has: PeerHas) -> None:
        end = shaken(shape=None)
        assert feed(end, raw(told)) == []
        assert end.set_shape(SHAPE) == [has]
        assert feed(end, raw([m.Have(5)])) == ([] if has.all else [PeerHas((5,))])

    def test_a_peer_with_nothing(self) -> None:
        end = shaken(shape=None)
        assert feed(end, raw([m.HaveNone()])) == []
        assert end.set_shape(SHAPE) == []

    def test_requests_come_out_for_the_owner_to_reject(self) -> None:
        request = m.Request(10**6, 0, BLOCK)
        assert feed(shaken(shape=None), raw([request])) == [request]

    @pytest.mark.parametrize(
        ("told", "reason"),
        [
            (m.Bitfield(b"\xff"), "badBitfield"),
            (m.Bitfield(b"\xff\xff"), "badBitfield"),
            (m.Bitfield(b"\xff\xc0\x00"), "badBitfield"),
            (m.Have(10), "indexOutOfRange"),
        ],
    )
    def test_what_does_not_fit_is_found_when_it_is(self, told: m.Message, reason: str) -> None:
        end = shaken(shape=None)
        feed(end, raw([told]))
        with pytest.raises(WireError, match=reason):
            end.set_shape(SHAPE)
        assert end.closed

    def test_the_shape_is_set_once(self) -> None:
        with pytest.raises(RuntimeError, match="before"):
            shaken().set_shape(SHAPE)


class TestExtensions:
    def test_the_extended_handshake(self) -> None:
        ends = pair(metadata_size=12345)
        ends.alice.send_extended_handshake()
        ends.bob.send_extended_handshake()
        ends.forget()
        ends.pump()
        assert ends.heard_by_bob == ends.heard_by_alice == [ExtendedHandshook()]
        assert ends.bob.peer_has_metadata
        assert not ends.alice.peer_has_metadata
        assert (ends.bob.peer_reqq, ends.bob.peer_client) == (200, "FileSend test")
        assert ends.bob.peer_metadata_size == 12345
        assert ends.alice.peer_metadata_size is None

    def test_its_bytes(self) -> None:
        end = shaken()
        end.metadata_size = 99
        end.send_extended_handshake()
        payload = (
            b"d1:md6:fs_badi3e11:ut_metadatai1ee13:metadata_sizei99e4:reqqi200e1:v13:FileSend teste"
        )
        assert end.data_to_send() == [raw([m.Extended(0, payload)])]

    def test_a_later_one_changes_what_it_names_alone(self) -> None:
        end = shaken()
        first = ExtendedHandshake(ut_metadata=3, reqq=50, client="one")
        later = ExtendedHandshake(metadata_size=77)
        off = ExtendedHandshake(ut_metadata=0)
        known = []
        for handshake in (first, later, off):
            assert feed(end, raw([m.Extended(0, encode_handshake(handshake))])) == [
                ExtendedHandshook()
            ]
            assert (end.peer_reqq, end.peer_client) == (50, "one")
            known.append((end.peer_has_metadata, end.peer_metadata_size))
        assert known == [(False, None), (True, 77), (False, 77)]

    @pytest.mark.parametrize("step", [1, 1000, None])
    def test_a_magnet_starts_with_the_metadata(self, step: int | None) -> None:
        metadata = b"d4:infoee" * 4000
        ends = pair(shapes=False, metadata_size=len(metadata))
        alice, bob = ends.alice, ends.bob
        alice.set_shape(SHAPE)
        for end, bits in ((alice, ALL_BITS), (bob, b"")):
            end.send_extended_handshake()
            end.send_pieces(bits)
        ends.pump(step)
        ends.forget()
        for piece in range(3):
            bob.send_metadata_request(piece)
        bob.send_metadata_request(0)
        ends.pump(step)
        assert ends.heard_by_alice == [MetadataRequest(p) for p in (0, 1, 2, 0)]
        for piece in range(3):
            alice.send_metadata(piece, len(metadata), metadata[piece * 16384 :][:16384])
        alice.send_metadata_reject(0)
        ends.pump(step)
        assert ends.heard_by_bob[3] == MetadataReject(0)
        got = [event for event in ends.heard_by_bob if isinstance(event, MetadataData)]
        assert b"".join(event.data for event in got) == metadata
        assert bob.set_shape(SHAPE) == [PeerHas(range(10), all=True)]
        bob.metadata_size = len(metadata)
        bob.send_extended_handshake()
        ends.pump(step)
        assert alice.peer_has_metadata

    def test_messages_go_out_under_the_id_that_the_peer_chose(self) -> None:
        end = shaken()
        feed(end, raw([m.Extended(0, b"d1:md11:ut_metadatai3ee13:metadata_sizei9ee")]))
        end.send_metadata_request(0)
        assert end.data_to_send() == [raw([m.Extended(3, b"d8:msg_typei0e5:piecei0ee")])]


class TestOurOwnMistakes:
    def test_nothing_is_sent_before_the_handshake(self) -> None:
        end = connection()
        for attempt in (
            lambda: end.send(m.Choke()),
            lambda: end.send_pieces(b""),
            end.send_extended_handshake,
        ):
            with pytest.raises(RuntimeError):
                attempt()
        assert end.data_to_send() == []

    @pytest.mark.parametrize(
        "message",
        [m.HaveAll(), m.HaveNone(), m.RejectRequest(0, 0, 1), m.AllowedFast(0), m.SuggestPiece(0)],
    )
    def test_no_fast_message_to_a_peer_that_is_not(self, message: m.Message) -> None:
        with pytest.raises(RuntimeError, match="fast"):
            shaken(reserved=ONLY_EXTENDED).send(message)

    def test_no_extended_message_to_a_peer_that_takes_none(self) -> None:
        with pytest.raises(RuntimeError, match="extension"):
            shaken(reserved=ONLY_FAST).send_extended_handshake()
        with pytest.raises(RuntimeError, match="ut_metadata"):
            shaken().send_metadata_request(0)


VALID = st.one_of(
    st.just(m.KeepAlive()),
    st.sampled_from([m.Choke(), m.Unchoke(), m.Interested(), m.NotInterested()]),
    st.builds(m.Have, st.integers(0, 9)),
    st.builds(m.Request, st.integers(0, 8), st.integers(0, BLOCK), st.integers(1, BLOCK)),
    st.builds(m.Piece, st.integers(0, 8), st.integers(0, BLOCK), st.binary(min_size=1)),
    st.builds(m.RejectRequest, st.integers(0, 8), st.integers(0, BLOCK), st.integers(1, BLOCK)),
    st.builds(m.AllowedFast, st.integers(0, 9)),
    st.just(m.Extended(0, b"d4:reqqi7ee")),
)


@given(
    st.sampled_from([m.HaveAll(), m.HaveNone(), m.Bitfield(SOME_BITS)]),
    st.lists(VALID, max_size=10),
    st.lists(st.integers(0, 5000), max_size=12),
)
def test_chunks_of_any_size_give_the_same_events(
    opening: m.Message, messages: list[m.Message], cuts: list[int]
) -> None:
    data = Handshake(INFO_HASH, BOB).encode() + raw([opening, *messages])
    whole, parts = connection(), connection()
    whole.set_shape(SHAPE)
    parts.set_shape(SHAPE)
    expected = whole.receive_data(data)
    heard: list[WireEvent] = []
    for chunk in chunks(data, cuts):
        heard += parts.receive_data(chunk)
    assert heard == expected


@given(st.lists(st.binary(max_size=80), max_size=8), st.booleans())
def test_any_bytes_are_events_or_a_wire_error(data: list[bytes], known: bool) -> None:
    end: WireConnection = shaken(shape=SHAPE if known else None)
    try:
        for chunk in data:
            end.receive_data(chunk)
    except WireError:
        assert end.closed
    else:
        assert not end.closed
