"""fs_words: chunks of sealed words, as they travel between two peers who both take them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.word_messages import (
    MAX_WORD,
    WORD_CHUNK,
    WordChunk,
    decode_chunk,
    encode_chunk,
)
from relay.protocol.words import MAX_CONTENT


@given(st.binary(min_size=1, max_size=200), st.booleans())
def test_a_chunk_survives_the_way(data: bytes, last: bool) -> None:
    chunk = WordChunk(data, last)
    assert decode_chunk(encode_chunk(chunk)) == chunk


@pytest.mark.parametrize("payload", [b"", b"\0", b"\2x", b"\xffx", b"\1" + bytes(WORD_CHUNK + 1)])
def test_what_is_no_chunk_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError, match="badExtension"):
        decode_chunk(payload)


def test_the_largest_chunk_and_the_largest_word_fit() -> None:
    assert decode_chunk(b"\0" + bytes(WORD_CHUNK)) == WordChunk(bytes(WORD_CHUNK), last=False)
    assert MAX_WORD > MAX_CONTENT + 1024


def ends(*words: bool) -> list[WireConnection]:
    """Two ends of a connection that have shaken hands; each takes words or not."""
    made = [
        WireConnection(
            info_hash=bytes(20), peer_id=bytes([n]) * 20, reqq=250, client="test", words=takes
        )
        for n, takes in enumerate(words)
    ]
    for end in made:
        end.open()
    pass_on(*made)
    for end in made:
        end.send_extended_handshake()
    pass_on(*made)
    return made


def pass_on(*made: WireConnection) -> list[object]:
    one, other = made
    to_other, to_one = one.data_to_send(), other.data_to_send()
    events: list[object] = []
    for chunk in to_other:
        events += other.receive_data(chunk)
    for chunk in to_one:
        events += one.receive_data(chunk)
    return events


def test_words_go_where_both_sides_take_them() -> None:
    one, other = ends(True, True)
    assert one.peer_takes_words
    assert other.peer_takes_words
    said = [WordChunk(b"first", last=False), WordChunk(b"second", last=True)]
    for chunk in said:
        one.send_words(chunk)
    assert pass_on(one, other) == said
    assert other.chatter - one.chatter == len(said)  # each counts against a flood


@pytest.mark.parametrize("takes", [(True, False), (False, True), (False, False)])
def test_who_does_not_take_words_is_sent_none(takes: tuple[bool, bool]) -> None:
    one, _ = ends(*takes)
    assert not one.peer_takes_words
    with pytest.raises(RuntimeError):
        one.send_words(WordChunk(b"x", last=True))
