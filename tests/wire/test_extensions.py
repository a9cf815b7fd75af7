"""extensions.py: payloads of extended messages."""

from __future__ import annotations

import pytest
from bencode2 import bencode
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire import extensions as x
from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.shape import MAX_METADATA, MAX_PIECES, TorrentShape

BENCODED = st.recursive(
    st.integers() | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [b"m", b"v", b"reqq", b"metadata_size", b"msg_type", b"piece", b"total_size", b"p"]
    ),
    BENCODED | st.dictionaries(st.just(b"ut_metadata"), BENCODED),
)
PAYLOADS = st.binary(max_size=200) | FIELDS.map(bencode) | BENCODED.map(bencode)
SHAPE = TorrentShape(100, 16384, 100 * 16384 - 5)
DEEP = b"l" * 30_000 + b"e" * 30_000


class TestHandshake:
    def test_known_bytes(self) -> None:
        handshake = x.ExtendedHandshake(ut_metadata=1, metadata_size=31235, reqq=250, client="FS 1")
        assert x.encode_handshake(handshake) == (
            b"d1:md11:ut_metadatai1ee13:metadata_sizei31235e4:reqqi250e1:v4:FS 1e"
        )

    def test_what_was_not_said_is_not_known(self) -> None:
        assert x.decode_handshake(b"de") == x.ExtendedHandshake()
        assert x.decode_handshake(b"d1:md6:ut_pexi2eee") == x.ExtendedHandshake()

    @given(
        st.builds(
            x.ExtendedHandshake,
            ut_metadata=st.none() | st.integers(0, 255),
            metadata_size=st.none() | st.integers(1, MAX_METADATA),
            reqq=st.none() | st.integers(1, x.MAX_REQQ),
            client=st.none() | st.from_regex(r"[a-zA-Z0-9 .]{0,60}", fullmatch=True),
        )
    )
    def test_what_is_encoded_decodes_to_itself(self, handshake: x.ExtendedHandshake) -> None:
        assert x.decode_handshake(x.encode_handshake(handshake)) == handshake

    @given(PAYLOADS)
    def test_any_bytes_are_a_handshake_or_a_wire_error(self, payload: bytes) -> None:
        try:
            said = x.decode_handshake(payload)
        except WireError as error:
            assert error.reason is Reason.BAD_EXTENSION
            return
        assert said.ut_metadata is None or 0 <= said.ut_metadata <= 255
        assert said.metadata_size is None or 0 < said.metadata_size <= MAX_METADATA
        assert said.reqq is None or 0 < said.reqq <= x.MAX_REQQ
        assert said.client is None or len(said.client) <= 64

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"le",
            b"d1:mlee",
            b"d1:md11:ut_metadatai256eee",
            b"d1:md11:ut_metadatai-1eee",
            b"d1:md11:ut_metadata1:1ee",
            b"d13:metadata_sizei-1ee",
            b"d13:metadata_size3:abce",
            b"d13:metadata_sizei%dee" % (MAX_METADATA + 1),
            b"d13:metadata_sizei" + b"9" * 5000 + b"ee",
            b"d1:mde1:mdee",
            b"d1:v1:ae tail",
            b"d1:m" + DEEP + b"e",
            b"l" * 60_000,
            b"d1:a" * 15_000,
        ],
    )
    def test_nonsense_is_refused(self, payload: bytes) -> None:
        with pytest.raises(WireError, match="badExtension"):
            x.decode_handshake(payload)

    @pytest.mark.parametrize(
        ("said", "taken"), [(0, 1), (-5, 1), (1, 1), (500, 500), (10**30, x.MAX_REQQ)]
    )
    def test_reqq_is_bent_into_bounds(self, said: int, taken: int) -> None:
        assert x.decode_handshake(b"d4:reqqi%dee" % said).reqq == taken

    def test_a_peer_without_the_metadata_says_a_size_of_0(self) -> None:
        assert x.decode_handshake(b"d13:metadata_sizei0ee").metadata_size is None

    def test_the_name_of_the_client_is_made_harmless(self) -> None:
        name = "evil\x1b[2J\u202e".encode() + b"\xff" + b"x" * 1000
        client = x.decode_handshake(bencode({b"v": name})).client
        assert client is not None
        assert client.startswith("evil[2J\ufffdxxx")
        assert len(client) == 64


class TestMetadata:
    def test_known_bytes(self) -> None:
        # The examples of BEP 9.
        assert x.encode_metadata(x.MetadataRequest(0)) == b"d8:msg_typei0e5:piecei0ee"
        assert x.encode_metadata(x.MetadataReject(0)) == b"d8:msg_typei2e5:piecei0ee"
        assert x.encode_metadata(x.MetadataData(0, 34256, b"xxxxxxxx")) == (
            b"d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxxxxxx"
        )

    @pytest.mark.parametrize("size", [1, 100, 16383, 16384, 16385, 40_000, 32768])
    @pytest.mark.parametrize("filler", [b"e", b"d", b"\x00", b"ee1:"])
    def test_every_piece_comes_back_whatever_its_bytes(self, size: int, filler: bytes) -> None:
        metadata = (filler * size)[:size]
        for piece in range(x.metadata_piece_count(size)):
            data = metadata[piece * 16384 :][: x.metadata_piece_size(piece, size)]
            sent = x.MetadataData(piece, size, data)
            payload = x.encode_metadata(sent)
            assert payload.index(b"ee") + 2 == len(payload) - len(data)  # as webtorrent looks
            assert x.decode_metadata(payload, size) == sent

    @pytest.mark.parametrize("kind", [x.MetadataRequest, x.MetadataReject])
    @pytest.mark.parametrize("size", [None, 40_000])
    def test_requests_and_rejects_come_back(
        self, kind: type[x.MetadataRequest | x.MetadataReject], size: int | None
    ) -> None:
        assert x.decode_metadata(x.encode_metadata(kind(2)), size) == kind(2)

    def test_fields_that_nobody_knows_are_ignored(self) -> None:
        payload = b"d3:fool1:ae8:msg_typei0e5:piecei0e1:zi1ee"
        assert x.decode_metadata(payload, None) == x.MetadataRequest(0)

    def test_types_that_nobody_knows_are_ignored(self) -> None:
        assert x.decode_metadata(b"d8:msg_typei7e5:piecei0ee", 100) is None

    @pytest.mark.parametrize(
        ("payload", "size"),
        [
            (b"", 100),
            (b"de", 100),
            (b"d8:msg_typei0ee", 100),
            (b"d5:piecei0ee", 100),
            (b"d8:msg_typei0e5:piecei-1ee", 100),
            (b"d8:msg_typei0e5:piecei1ee", 100),
            (b"d8:msg_typei0e5:piecei2048ee", None),
            (b"d8:msg_type1:05:piecei0ee", 100),
            (b"d8:msg_typei1e5:piecei0e10:total_sizei100ee" + b"x" * 99, 100),
            (b"d8:msg_typei1e5:piecei0e10:total_sizei100ee" + b"x" * 101, 100),
            (b"d8:msg_typei1e5:piecei0e10:total_sizei101ee" + b"x" * 100, 100),
            (b"d8:msg_typei1e5:piecei0ee" + b"x" * 100, 100),
            (b"d8:msg_typei1e5:piecei0e10:total_sizei100ee" + b"x" * 100, None),
            # The last piece with a full one's length, and the other way round.
            (b"d8:msg_typei1e5:piecei1e10:total_sizei16484ee" + b"x" * 16384, 16484),
            (b"d8:msg_typei1e5:piecei0e10:total_sizei16484ee" + b"x" * 100, 16484),
            (DEEP, 100),
            (b"d1:m" + DEEP, 100),
        ],
    )
    def test_nonsense_is_refused(self, payload: bytes, size: int | None) -> None:
        with pytest.raises(WireError, match="badExtension"):
            x.decode_metadata(payload, size)

    @given(PAYLOADS, st.binary(max_size=20), st.none() | st.integers(1, 40))
    def test_any_bytes_are_a_message_or_a_wire_error(
        self, payload: bytes, tail: bytes, size: int | None
    ) -> None:
        try:
            said = x.decode_metadata(payload + tail, size)
        except WireError as error:
            assert error.reason is Reason.BAD_EXTENSION
            return
        if isinstance(said, x.MetadataData):
            assert len(said.data) == said.total_size == size


class TestFalsePieces:
    @pytest.mark.parametrize("index", [0, 1, SHAPE.piece_count - 1])
    def test_round_trip(self, index: int) -> None:
        assert x.decode_false(x.encode_false(x.FalsePiece(index)), SHAPE) == x.FalsePiece(index)

    @pytest.mark.parametrize(
        ("payload", "reason"),
        [
            (b"", Reason.BAD_EXTENSION),
            (bytes(3), Reason.BAD_EXTENSION),
            (bytes(5), Reason.BAD_EXTENSION),
            (SHAPE.piece_count.to_bytes(4, "big"), Reason.INDEX_OUT_OF_RANGE),
            (b"\xff" * 4, Reason.INDEX_OUT_OF_RANGE),
        ],
    )
    def test_nonsense(self, payload: bytes, reason: Reason) -> None:
        with pytest.raises(WireError) as caught:
            x.decode_false(payload, SHAPE)
        assert caught.value.reason is reason

    def test_before_the_shape_is_known(self) -> None:
        assert x.decode_false((MAX_PIECES - 1).to_bytes(4, "big"), None) == x.FalsePiece(
            MAX_PIECES - 1
        )
        with pytest.raises(WireError):
            x.decode_false(MAX_PIECES.to_bytes(4, "big"), None)
