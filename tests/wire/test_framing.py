"""framing.py: bytes in chunks of any size are the same messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.framing import CHUNK, Inbox, Outbox
from filesend_tui.core.wire.handshake import Handshake
from filesend_tui.core.wire.shape import BLOCK

from .helpers import ALICE, INFO_HASH, chunks, raw
from .test_messages import MESSAGES

HANDSHAKE = Handshake(INFO_HASH, ALICE)


@given(st.lists(MESSAGES, max_size=8), st.lists(st.integers(0, 10_000), max_size=20))
def test_chunks_of_any_size_are_the_same_messages(
    messages: list[m.Message], cuts: list[int]
) -> None:
    inbox = Inbox()
    heard: list[m.Message] = []
    for chunk in chunks(raw(messages), cuts):
        inbox.feed(chunk)
        heard += inbox.messages()
    assert heard == [message for message in messages if message != m.KeepAlive()]


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_bytes_are_messages_or_a_wire_error(data: list[bytes]) -> None:
    inbox = Inbox()
    try:
        for chunk in data:
            inbox.feed(chunk)
            assert all(isinstance(message, m.Message) for message in inbox.messages())
    except WireError:
        pass


def test_a_handshake_byte_by_byte_with_a_message_behind_it() -> None:
    inbox = Inbox()
    data = HANDSHAKE.encode()
    for byte in data[:-1]:
        inbox.feed(bytes([byte]))
        assert inbox.handshake() is None
    inbox.feed(data[-1:] + raw([m.Have(3)]))
    assert inbox.handshake() == HANDSHAKE
    assert list(inbox.messages()) == [m.Have(3)]


@pytest.mark.parametrize("data", [b"\x00", b"\x13BitTorrent protocoL", b"GET / HTTP/1.1"])
def test_what_is_no_handshake_is_refused_at_its_first_wrong_byte(data: bytes) -> None:
    inbox = Inbox()
    inbox.feed(data)
    with pytest.raises(WireError, match="badHandshake"):
        inbox.handshake()


@pytest.mark.parametrize("head", ["ffffffff07", "00004010 07", "00000002 00", "7fffffff 63"])
def test_a_message_that_is_too_long_is_refused_before_it_comes(head: str) -> None:
    inbox = Inbox()
    inbox.feed(bytes.fromhex(head))
    with pytest.raises(WireError, match=r"oversizedMessage|badLength"):
        list(inbox.messages())


def test_a_message_waits_for_its_last_byte() -> None:
    inbox = Inbox()
    data = raw([m.Piece(1, 2, b"x" * BLOCK)])
    for at in range(len(data) - 1):
        inbox.feed(data[at : at + 1])
        assert list(inbox.messages()) == []
    inbox.feed(data[-1:])
    assert list(inbox.messages()) == [m.Piece(1, 2, b"x" * BLOCK)]


@given(st.lists(MESSAGES, max_size=8))
def test_what_is_put_is_taken_in_order(messages: list[m.Message]) -> None:
    outbox = Outbox()
    outbox.put_handshake(HANDSHAKE)
    for message in messages:
        outbox.put(message)
    assert b"".join(outbox.take()) == HANDSHAKE.encode() + raw(messages)
    assert outbox.take() == []


def test_small_messages_and_a_block_make_one_chunk() -> None:
    outbox = Outbox()
    for message in (m.Unchoke(), m.Have(1), m.Piece(0, 0, bytes(BLOCK)), m.Have(2)):
        outbox.put(message)
    assert len(outbox.take()) == 1


@pytest.mark.parametrize("count", [1, 3, 4, 5, 16, 100])
def test_chunks_are_few_and_end_where_messages_do(count: int) -> None:
    outbox = Outbox()
    for number in range(count):
        outbox.put(m.Piece(number, 0, bytes(BLOCK)))
    taken = outbox.take()
    assert len(taken) == -(-count // 3)  # four blocks are a little more than one chunk
    assert max(map(len, taken)) <= CHUNK
    came = []
    for chunk in taken:
        inbox = Inbox()
        inbox.feed(chunk)
        came += [message.index for message in inbox.messages() if isinstance(message, m.Piece)]
    assert came == list(range(count))


def test_only_a_message_that_is_longer_than_a_chunk_is_cut() -> None:
    outbox = Outbox()
    messages = [m.Have(1), m.Bitfield(bytes(2 * CHUNK)), m.Have(2)]
    for message in messages:
        outbox.put(message)
    taken = outbox.take()
    assert [len(chunk) for chunk in taken] == [9, CHUNK, CHUNK, 5, 9]
    assert b"".join(taken) == raw(messages)


def test_a_block_is_copied_only_where_something_else_came_before_it_was_whole() -> None:
    data = raw([m.Piece(1, 2, b"x" * BLOCK)])
    inbox = Inbox()
    inbox.feed(data)
    (whole,) = inbox.messages()
    inbox.feed(data[:100])
    assert list(inbox.messages()) == []
    inbox.feed(data[100:] + data)
    parted, following = inbox.messages()
    assert isinstance(whole, m.Piece)
    assert isinstance(whole.block, memoryview)
    assert whole == parted == following
