"""Hostile streams and texts: more than was allowed, wrong places, false ends, texts with sequences.

The attacker holds the swarm's key: it is the partner, or their program that does not work.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
import unicodedata
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core import events
from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.exchange import offer
from filesend_tui.core.sessions.partner import TEXTS
from filesend_tui.core.torrent.streams.inflow import Inflow, _Sink
from filesend_tui.core.torrent.streams.line import TAG, StreamLine
from filesend_tui.core.transports.base import Abuse, ChannelAbused
from filesend_tui.core.util.text import clean_block
from filesend_tui.core.wire.errors import WireError
from filesend_tui.core.wire.streams.messages import (
    STREAM_BLOCK,
    StreamBlock,
    StreamEnd,
    StreamFrom,
    decode_stream,
    encode_stream,
)
from relay.protocol import words
from relay.protocol.words import MAX_SIZE, MAX_TEXT_BLOCK, FileRequest, OfferedFile, OfferedFolder
from tests.conftest import RunningRelay
from tests.exchange.test_transfers import hostile_partner, pair
from tests.people import Links, NewPerson
from tests.torrent.streams.ends import Feed, Host, Keep, Told
from tests.waiting import until

SIZE = 64 * 1024


class Taker:
    """A receiver, and the line on which the attacker speaks."""

    def __init__(self, *, open_gate: bool = True) -> None:
        self.told = Told()
        self.target = Keep(open_gate=open_gate)
        self.flow = Inflow(self.target, self.told, size=SIZE)
        self.host = Host()
        self.line = StreamLine(self.host, self.flow)  # type: ignore[arg-type]
        self.line.open()
        self.sink = _Sink(self.flow, self.line)

    def bulk(self, offset: int, size: int) -> None:
        """Receive a bulk frame, as a channel's thread does."""
        at = 0
        while at < size:
            view = self.sink.space(TAG.pack(offset), at, size - at)
            at += len(view)
            self.sink.filled(len(view))


@pytest.fixture
async def taker() -> AsyncIterator[Taker]:
    made = Taker(open_gate=False)
    yield made
    made.target.gate.set()
    await made.flow.close()


@pytest.mark.parametrize(
    ("offset", "size"),
    [(1, 1), (SIZE, 1), (2**63, 1), (0, SIZE + 1), (0, 2**20)],
    ids=["a-gap", "beyond", "far-beyond", "one-too-many", "a-megabyte"],
)
async def test_bulk_that_was_not_allowed_cuts_the_connection(
    taker: Taker, offset: int, size: int
) -> None:
    with pytest.raises(ChannelAbused) as cut:
        taker.bulk(offset, size)
    assert cut.value.abuse is Abuse.UNASKED_BULK
    assert not taker.told.arrived


async def test_no_more_is_taken_than_there_is_room_for(taker: Taker) -> None:
    taker.bulk(0, SIZE)
    with pytest.raises(ChannelAbused):
        taker.bulk(SIZE, 1)
    assert not taker.line.heard(StreamBlock(SIZE, b"x"))
    with pytest.raises(ChannelAbused):
        taker.bulk(0, 1)


async def test_a_line_that_was_left_is_not_taken_from(taker: Taker) -> None:
    host = Host()
    other = StreamLine(host, taker.flow)  # type: ignore[arg-type]
    other.open()
    with pytest.raises(ChannelFailed):
        taker.bulk(0, 1)
    assert taker.line.heard(StreamBlock(0, b"late")), "it may have crossed with the change"
    assert taker.line.heard(StreamEnd(0, bytes(32)))
    await asyncio.sleep(0)
    assert not taker.told.done
    assert not taker.told.failures


async def test_an_end_is_one_end_and_not_before_what_came(taker: Taker) -> None:
    taker.bulk(0, 10)
    assert not taker.line.heard(StreamEnd(9, bytes(32)))
    assert taker.line.heard(StreamEnd(10, bytes(32)))
    assert taker.line.heard(StreamEnd(10, bytes(32)))
    assert not taker.line.heard(StreamEnd(11, bytes(32)))
    assert not taker.line.heard(StreamEnd(10, bytes([1]) * 32))
    with pytest.raises(ChannelAbused):
        taker.bulk(10, 1)


async def test_a_hash_that_is_wrong_leaves_nothing_that_looks_complete(taker: Taker) -> None:
    taker.target.gate.set()
    taker.bulk(0, 4)
    taker.line.heard(StreamEnd(4, hashlib.sha256(b"else").digest()))
    await until(lambda: taker.told.failures)
    assert taker.told.failures[0].code == "streamDamaged"
    assert not taker.target.finished


@pytest.mark.parametrize("message", [StreamFrom(0, 9)], ids=["from"])
async def test_a_receiver_is_asked_for_nothing(taker: Taker, message: StreamFrom) -> None:
    assert not taker.line.heard(message)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x04" + bytes(16),
        b"\x00" + bytes(15),
        struct.pack(">BQQ", 0, 2, 1),
        struct.pack(">BQQ", 1, 0, 2**53 + 1),
        struct.pack(">BQ", 2, 0),
        struct.pack(">BQ", 2, 2**53) + b"x",
        struct.pack(">BQ", 2, 0) + bytes(STREAM_BLOCK + 1),
        struct.pack(">BQ", 3, 0) + bytes(31),
        struct.pack(">BQ", 3, 2**53 + 1) + bytes(32),
    ],
    ids=[
        "empty",
        "kind",
        "short",
        "backwards",
        "endless-credit",
        "empty-block",
        "block-too-far",
        "block-too-long",
        "short-hash",
        "end-too-far",
    ],
)
def test_a_message_that_makes_no_sense_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode_stream(payload)


@given(st.binary(max_size=64))
def test_any_message_is_refused_or_says_what_was_encoded(payload: bytes) -> None:
    try:
        message = decode_stream(payload)
    except WireError:
        return
    assert encode_stream(message) == payload


@pytest.mark.parametrize(
    "request_",
    [
        FileRequest(id="a" * 16, files=[OfferedFile(path="a/b", size=MAX_SIZE)], stream=True),
        FileRequest(
            id="a" * 16,
            files=[OfferedFile(path="a", size=MAX_SIZE), OfferedFile(path="b", size=1)],
            stream=True,
        ),
        FileRequest(
            id="a" * 16,
            files=[OfferedFile(path="a", size=MAX_SIZE)],
            folders=[OfferedFolder(path="b")],
            stream=True,
        ),
    ],
    ids=["in-a-folder", "two-files", "a-folder-beside"],
)
def test_a_stream_is_one_name_and_nothing_else(request_: FileRequest) -> None:
    assert offer.why_odd(request_)


# -- texts


@given(st.text(max_size=300))
def test_a_text_has_lines_and_tabs_and_nothing_else_that_is_not_shown(text: str) -> None:
    shown = clean_block(text, MAX_TEXT_BLOCK)
    kinds = {unicodedata.category(char) for char in shown if char not in "\n\t"}
    assert not kinds & {"Cc", "Cs", "Co", "Zl", "Zp"}
    assert not {*shown} & {*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jone\n\ttwo", "[2Jone\n\ttwo"),
        ("\x1b]52;c;eA==\a", "]52;c;eA=="),
        ("a\u202eb\u2066c", "abc"),
        ("a\r\nb\rc\x0bd\x85e\u2028f", "a\nb\ncdef"),
        ("[red]x[/red] $(y) `z`", "[red]x[/red] $(y) `z`"),
    ],
    ids=["csi", "clipboard", "bidi", "line-ends", "markup"],
)
def test_sequences_and_marks_are_taken_out_of_a_text(text: str, shown: str) -> None:
    assert clean_block(text, MAX_TEXT_BLOCK) == shown


def test_a_long_text_is_looked_through_quickly_and_cut() -> None:
    assert len(clean_block("\u0301\t\n" * MAX_TEXT_BLOCK, MAX_TEXT_BLOCK)) <= MAX_TEXT_BLOCK


async def test_a_text_of_a_partner_is_cleaned_before_any_face_has_it(
    new_person: NewPerson, links: Links, relay: RunningRelay
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    await eve.tell(words.Text(text="\x1b]52;c;eA==\a\u202e[b]one\ttwo\nthree"))
    text = await ada.until(events.Text)
    assert (text.partner, text.outgoing) == ("Eve", False)
    assert text.text == "]52;c;eA==[b]one\ttwo\nthree"


async def test_texts_without_end_end_the_session(
    new_person: NewPerson, links: Links, relay: RunningRelay
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    with suppress(FileSendError):  # it is hung up on
        for _ in range(3 * TEXTS[0]):
            await eve.tell(words.Text(text="x"))
    await ada.until(events.PartnerGone, reason="broken")
    shown = sum(isinstance(event, events.Text) for event in ada.log)
    assert TEXTS[0] <= shown < 2 * TEXTS[0]


@pytest.mark.parametrize("text", ["", "x" * (MAX_TEXT_BLOCK + 1)], ids=["empty", "too-long"])
async def test_a_text_that_is_too_long_is_not_sent(
    new_person: NewPerson, relay: RunningRelay, text: str
) -> None:
    ada, bob = await pair(new_person)
    (partner,) = ada.people.partners.values()
    with pytest.raises(FileSendError):
        await partner.send_text(text)
    await partner.send_text("\u20ac" * (MAX_TEXT_BLOCK // 3))
    assert (await bob.until(events.Text)).text == "\u20ac" * (MAX_TEXT_BLOCK // 3)


@pytest.mark.parametrize("digest", [bytes(32), None], ids=["false", "none"])
async def test_a_sender_believes_no_receiver_who_has_something_else(
    new_person: NewPerson, links: Links, relay: RunningRelay, digest: bytes | None
) -> None:
    ada, eve = await hostile_partner(new_person, links, relay.url)
    (session,) = ada.people.partners
    transfer = ada.people._transfers.request_stream(session, Feed(b"x"), "dump")
    await eve.until(lambda: any(isinstance(word, FileRequest) for word in eve.words))
    (asked,) = [word for word in eve.words if isinstance(word, FileRequest)]
    assert asked.stream
    assert [(file.path, file.size) for file in asked.files] == [("dump", MAX_SIZE)]
    await eve.tell(words.FileAnswer(id=transfer, accepted=[True]))
    await eve.until(lambda: any(isinstance(word, words.FileReady) for word in eve.words))
    await eve.tell(words.DownloadComplete(id=transfer, digest=digest))
    failed = await ada.until(events.Error, transfer=transfer)
    assert failed.code == "streamDamaged"
    await ada.until(events.TransferState, transfer=transfer, phase=TransferPhase.FAILED)
    assert not any(isinstance(event, events.TorrentDone) for event in ada.log)
