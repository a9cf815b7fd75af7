"""Channels through a pipe of a real relay."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Iterator

import psutil
import pytest

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.transports.base import BulkChannel, RelayEntry, Slowing
from filesend_tui.core.transports.direct.transport import DirectTransport
from filesend_tui.core.transports.framed_channel import FramedChannel
from filesend_tui.core.transports.relayed import pipe, transport
from filesend_tui.core.transports.relayed.offer import MAX_TEXT, BadRelayedOffer, RelayedOffer
from filesend_tui.core.transports.relayed.transport import (
    RelayedTransport,
    SealedInPipe,
    TlsInPipe,
)
from filesend_tui.core.util import own_address
from relay.guard.limits import Limits, Rate
from relay.protocol.transit import MAX_NOTICE, PIPE
from tests.conftest import RunningRelay, running_relay
from tests.transports.pairs import soon
from tests.transports.relayed_pairs import (
    ALONE,
    NOWHERE,
    PROTECTIONS,
    End,
    end,
    meet,
    paired_at,
    piped,
    protect_by,
)
from tests.transports.relays import ScriptedRelay, access
from tests.transports.test_direct import Sink, filler, read_exactly
from tests.waiting import until

MIB = 1024 * 1024


@pytest.fixture
def url(relay: RunningRelay) -> Iterator[str]:
    yield relay.url


@pytest.fixture(params=PROTECTIONS)
def protection(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever protects what goes through."""
    protect_by(request.param, monkeypatch)


# -- a channel


async def test_what_the_relay_says_that_a_pipe_waits_for_is_known_at_both_ends() -> None:
    with running_relay(Limits(transit_day=Rate(150_000, 60_000))) as relay:
        async with piped(relay.url) as (here, there):
            assert here.slowed is None
            sending = asyncio.create_task(here.send(bytes(400_000)))
            assert len(await read_exactly(there, 400_000)) == 400_000
            await soon(sending)
            assert here.slowed == there.slowed == Slowing("day", 60_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"slowed": "soon", "perSecond": 1}',
        '{"slowed": "day", "perSecond": -1}',
        '{"slowed": "day", "perSecond": 1}' + " " * MAX_NOTICE,
    ],
    ids=["nothing", "a list", "broken", "another bound", "a rate below zero", "too long"],
)
def test_what_is_no_notice_of_a_relay_is_ignored(text: str) -> None:
    assert pipe._slowing(text) is None


@pytest.mark.usefixtures("protection")
async def test_bytes_arrive_in_order_both_ways_at_once(url: str) -> None:
    async with piped(url) as (here, there):
        assert isinstance(here, BulkChannel)
        assert (here.road, there.road) == ("relayed", "relayed")
        assert here.address == url.partition("//")[2], "the relay, not the partner"
        up, down = bytes(range(256)) * 12_000, bytes(reversed(range(256))) * 9_000

        async def talk(channel: FramedChannel, data: bytes) -> None:
            for start in range(0, len(data), 100_001):
                await channel.send(data[start : start + 100_001])

        sending = asyncio.gather(talk(here, up), talk(there, down))
        heard = await soon(
            asyncio.gather(read_exactly(there, len(up)), read_exactly(here, len(down)))
        )
        await soon(sending)
        assert heard == [up, down]


@pytest.mark.usefixtures("protection")
async def test_bulk_goes_through(url: str) -> None:
    async with piped(url) as (here, there):
        sink = Sink()
        there.take_bulk(sink)
        for number in range(8):
            await soon(here.send_bulk(bytes([number]) * 8, MIB, filler(number)))
        await until(lambda: sink.taken == 8 * MIB)
        assert sink.got == {bytes([n]) * 8: bytearray([n]) * MIB for n in range(8)}


@pytest.mark.usefixtures("protection")
async def test_what_was_sent_before_closing_arrives_and_then_the_end(url: str) -> None:
    async with piped(url) as (here, there):
        await here.send(b"x" * 200_000)
        closing = asyncio.create_task(here.close())
        assert await read_exactly(there, 300_000) == b"x" * 200_000
        assert await soon(there.receive()) == b""
        assert there.closed
        await soon(there.close())
        await soon(closing)
        with pytest.raises(ChannelFailed):
            await here.send(b"late")


@pytest.mark.usefixtures("protection")
async def test_a_relay_that_dies_is_a_lost_connection(relay: RunningRelay) -> None:
    async with piped(relay.url) as (here, there):
        await asyncio.to_thread(relay.stop)
        for each in (here, there):
            with pytest.raises(ChannelFailed):
                while await soon(each.receive()):
                    pass


@pytest.mark.usefixtures("protection")
async def test_it_is_lost_with_this_machines_address(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with piped(url) as (here, _):
        assert here._link.own_name[0] == "127.0.0.1", "of the connection to the relay"
        monkeypatch.setattr(own_address, "has", lambda name: name[0] != "127.0.0.1")
        with pytest.raises(ChannelFailed, match="address changed"):
            await soon(here.receive())


@pytest.mark.usefixtures("protection")
async def test_whoever_does_not_read_holds_the_sender_back(url: str) -> None:
    async with piped(url) as (here, there):
        sent = 0

        async def send_on() -> None:
            nonlocal sent
            while True:
                await here.send(bytes(MIB))
                sent += MIB

        sending = asyncio.create_task(send_on())
        done, _ = await asyncio.wait({sending}, timeout=3)
        assert not done
        assert sent < 32 * MIB, "both sides' own buffers, the relay's and the sockets'"
        sending.cancel()
        await asyncio.wait({sending})
        assert await read_exactly(there, sent) >= bytes(sent)


# -- meeting


@pytest.mark.usefixtures("protection")
async def test_several_at_once_of_the_same_two(url: str) -> None:
    async with paired_at(url) as entries:
        here, there = (end(each) for each in entries)
        channels = await soon(asyncio.gather(*(meet(here, there) for _ in range(4))))
        for number, (ours, theirs) in enumerate(channels):
            await ours.send(bytes([number + 1]))
            assert await soon(theirs.receive()) == bytes([number + 1])
        await soon(asyncio.gather(*(each.close() for pair in channels for each in pair)))


async def test_one_transport_goes_through_the_relay_of_each_partner(url: str) -> None:
    made = RelayedTransport(ALONE)
    with running_relay() as other:
        async with paired_at(url) as ours, paired_at(other.url) as others:
            pairs = await soon(
                asyncio.gather(
                    *(meet(End(made, access(one)), end(two)) for one, two in (ours, others))
                )
            )
            for (here, there), (entry, _) in zip(pairs, (ours, others), strict=True):
                assert here.address == entry.address
                await here.send(b"hello")
                assert await soon(there.receive()) == b"hello"
            await soon(asyncio.gather(*(each.close() for pair in pairs for each in pair)))
    await made.close()


@pytest.mark.usefixtures("protection")
async def test_nothing_is_left_after_closing(url: str) -> None:
    def held() -> tuple[int, int]:
        return psutil.Process().num_fds(), threading.active_count()

    async with paired_at(url) as entries:
        here, there = (end(each) for each in entries)
        await closed_again(here, there)  # what is made once is made
        tasks, (files, threads) = asyncio.all_tasks(), held()
        for _ in range(3):
            await closed_again(here, there)
        gc.collect()
        await until(lambda: held() <= (files, threads))
        await until(lambda: asyncio.all_tasks() <= tasks)


async def closed_again(here: End, there: End) -> None:
    await soon(asyncio.gather(*(each.close() for each in await meet(here, there))))


@pytest.mark.parametrize("moment", ["before", "while it waits"])
async def test_an_attempt_that_is_given_up_leaves_nothing(url: str, moment: str) -> None:
    async with paired_at(url) as entries:
        here, there = (end(each) for each in entries)
        offer = await here.offer()
        answer = await there.answer(offer.text)
        tasks = asyncio.all_tasks()
        if moment == "while it waits":
            await until(lambda: len(asyncio.all_tasks()) > 0)
            await asyncio.wait({answer._meeting}, timeout=0.3)  # type: ignore[attr-defined]
        await soon(answer.close())
        await soon(offer.close())
        await until(lambda: asyncio.all_tasks() <= tasks)


async def test_nobody_comes() -> None:
    with running_relay(Limits(transit_wait=0.2)) as relay:
        async with paired_at(relay.url) as (here, there):
            offer = await end(here).offer()
            answer = await end(there).answer(offer.text)
            with pytest.raises(ChannelFailed, match="nobody came to the other end"):
                await soon(answer.opened())
            await answer.close()
            await offer.close()


async def test_a_pass_that_is_not_good(url: str) -> None:
    async with paired_at(url) as (here, there):
        bad = there._replace(pass_=bytes(16))
        offer = await end(here).offer()
        answer = await end(bad).answer(offer.text)
        with pytest.raises(ChannelFailed, match="does not know the two as paired"):
            await soon(answer.opened())
        await answer.close()
        await offer.close()


async def test_a_relay_without_a_transit_is_told() -> None:
    offer = await end(NOWHERE).offer()
    answer = await end(NOWHERE).answer(offer.text)
    with pytest.raises(ChannelFailed, match="carries no bytes"):
        await soon(answer.opened())
    await answer.close()
    await offer.close()


async def test_a_relay_that_is_lost_is_told() -> None:
    async def lost() -> RelayEntry:
        raise FileSendError("The relay was lost.")

    person = End(RelayedTransport(ALONE), ScriptedRelay(lost))
    offer = await person.offer()
    answer = await person.answer(offer.text)
    with pytest.raises(ChannelFailed, match=r"cannot be used: The relay was lost\."):
        await soon(answer.opened())
    await answer.close()
    await offer.close()


async def test_a_relay_that_is_not_there(unused_tcp_port: int) -> None:
    entry = NOWHERE._replace(transit=f"ws://127.0.0.1:{unused_tcp_port}/transit", pass_=bytes(16))
    offer = await end(entry).offer()
    answer = await end(entry).answer(offer.text)
    with pytest.raises(ChannelFailed, match="cannot be used"):
        await soon(answer.opened())
    await answer.close()
    await offer.close()


async def test_others_have_a_head_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no pipe is asked for where one of them opens at once."""
    asked = 0

    async def transit() -> RelayEntry:
        nonlocal asked
        asked += 1
        raise FileSendError("asked")

    monkeypatch.setattr(transport, "HEAD_START", 0.3)
    made = RelayedTransport(ClientConfig())
    assert made.grace == transport.GRACE
    beside = End(made, ScriptedRelay(transit))
    offer = await beside.offer()
    answer = await beside.answer(offer.text)
    await answer.close()
    assert not asked
    answer = await beside.answer(offer.text)
    with pytest.raises(ChannelFailed):
        await soon(answer.opened())
    assert asked == 1
    assert not RelayedTransport(ALONE).grace, "alone it waits for nobody"
    await offer.close()


# -- texts


async def test_an_offer_is_short_and_its_own(url: str) -> None:
    async with paired_at(url) as (here, _):
        made = end(here)
        texts = [(await made.offer()).text for _ in range(2)]
        assert all(len(text) < 600 for text in texts)
        assert json.loads(texts[0])["p"] != json.loads(texts[1])["p"]
        assert here.pass_.hex() not in repr(here)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"p": 1, "c": 2}',
        '{"p": "", "c": ""}',
        '{"p": "!", "c": "AAAA"}',
        '{"p": "AAAAAAAAAAAAAAAAAAAAAA==", "c": ""}',
        '{"p": "AAAA", "c": "AAAA"}',
        '{"p": "AAAAAAAAAAAAAAAAAAAAAA=="}',
        '{"p": "AAAAAAAAAAAAAAAAAAAAAA==", "k": "AAAA"}',
        '{"p": "AAAAAAAAAAAAAAAAAAAAAA==", "c": "AAAA", "k": 1}',
        "x" * (MAX_TEXT + 1),
        RelayedOffer(bytes(PIPE), bytes(1025)).encode(),
    ],
)
async def test_a_text_that_makes_no_sense(text: str) -> None:
    with pytest.raises(BadRelayedOffer):
        RelayedOffer.decode(text)
    made = end(NOWHERE)
    with pytest.raises(ChannelFailed):
        await made.answer(text)
    offer = await made.offer()
    with pytest.raises(ChannelFailed):
        await offer.accept(text)
    await offer.close()


async def test_a_certificate_that_is_none() -> None:
    made = end(NOWHERE)
    with pytest.raises(ChannelFailed, match="no sense"):
        await made.answer(RelayedOffer(bytes(PIPE), b"no certificate").encode())


async def test_a_key_that_agrees_with_all() -> None:
    """Of small order: with it both sides would have the same secret as anybody."""
    made = end(NOWHERE)
    with pytest.raises(ChannelFailed, match="no sense"):
        await made.answer(RelayedOffer(bytes(PIPE), key=bytes(32)).encode())


@pytest.mark.parametrize("with_browser", [True, False])
async def test_with_a_browser_it_is_records_and_else_tls(url: str, with_browser: bool) -> None:
    def told(text: str) -> str:
        pipe, certificate, key = RelayedOffer.decode(text)
        assert certificate and key
        return RelayedOffer(pipe, b"" if with_browser else certificate, key).encode()

    async with paired_at(url) as entries:
        here, there = (end(each) for each in entries)
        offer = await here.offer()
        answer = await there.answer(told(offer.text))
        await offer.accept(told(answer.text))
        channels = await soon(asyncio.gather(offer.opened(), answer.opened()))
        for channel in channels:
            assert isinstance(channel, FramedChannel)
            assert isinstance(channel._link, SealedInPipe if with_browser else TlsInPipe)
        await soon(asyncio.gather(*(channel.close() for channel in channels)))


async def test_an_answer_of_another_pipe(url: str) -> None:
    async with paired_at(url) as (here, there):
        made, other = (end(each) for each in (here, there))
        offer = await made.offer()
        answer = await other.answer((await made.offer()).text)
        with pytest.raises(ChannelFailed, match="another pipe"):
            await offer.accept(answer.text)
        await answer.close()
        await offer.close()


def test_it_tells_no_peer_an_address() -> None:
    assert RelayedTransport.hides_addresses
    assert not DirectTransport.hides_addresses
