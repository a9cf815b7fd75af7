"""A good swarm: who sends how much, and that nobody slow or gone holds up the others.

Real engines, wires and disks on lines with latency, by a clock that does not depend on the machine
(see tests/virtual_time.py). The same with real processes, channels and trackers: test_real_swarm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.connection import WireConnection
from filesend_tui.core.wire.events import Handshook
from filesend_tui.core.wire.shape import BLOCK
from tests.swarm.crowd import Crowd, Member
from tests.swarm.lines import Line

CrowdOf = Callable[[int], Crowd]
MB = 1_000_000
SCRIPTED = b"-XX0001-scripted----"


async def all_done(members: list[Member]) -> None:
    await asyncio.gather(*(member.done() for member in members))


@pytest.mark.parametrize("size", [6 * MB, 12 * MB, 30 * MB])
def test_five_receivers_serve_each_other(crowd: CrowdOf, size: int) -> None:
    async def play(crowd: Crowd) -> None:
        await crowd.seed(upload=MB)
        await all_done([await crowd.join(upload=2 * MB) for _ in range(5)])

    swarm = crowd(size)
    swarm.run(play)
    seeder, *receivers = swarm.members
    slowest = max(receiver.seconds for receiver in receivers)
    assert seeder.sent <= 1.6 * size
    assert slowest <= 2 * size / MB
    assert swarm.needless < 0.02
    assert sum(receiver.sent for receiver in receivers) >= 3.4 * size


def test_ten_receivers_are_no_harder_on_the_seeder(crowd: CrowdOf) -> None:
    """More than it serves at a time: five are choked, and fed by those that are not."""
    size = 12 * MB

    async def play(crowd: Crowd) -> None:
        await crowd.seed(upload=MB)
        await all_done([await crowd.join(upload=2 * MB) for _ in range(10)])

    swarm = crowd(size)
    swarm.run(play)
    seeder, *receivers = swarm.members
    assert seeder.sent <= 1.6 * size
    assert max(receiver.seconds for receiver in receivers) <= 2 * size / MB
    assert swarm.needless < 0.02


def test_late_joiners_are_served_by_all(crowd: CrowdOf) -> None:
    size = 12 * MB

    async def play(crowd: Crowd) -> None:
        await crowd.seed(upload=MB)
        early = [await crowd.join(upload=2 * MB) for _ in range(3)]
        await asyncio.sleep(6)
        late = [await crowd.join(upload=2 * MB)]
        await all_done(early)
        late.append(await crowd.join(upload=2 * MB))  # when there are but seeders
        await all_done(late)

    swarm = crowd(size)
    swarm.run(play)
    seeder, *_, halfway, last = swarm.members
    assert seeder.sent <= 1.6 * size
    assert halfway.seconds <= size / MB
    assert last.seconds <= size / MB / 3
    assert swarm.needless < 0.02


def test_leavers_in_mid_piece_cost_the_others_little(crowd: CrowdOf) -> None:
    size = 12 * MB
    gone: list[Member] = []

    async def play(crowd: Crowd) -> None:
        await crowd.seed(upload=MB)
        stay = [await crowd.join(upload=2 * MB) for _ in range(3)]
        for seconds in (3, 2, 4):
            leaver = await crowd.join(upload=2 * MB)
            await asyncio.sleep(seconds)
            await leaver.leave()
            gone.append(leaver)
        await all_done(stay)

    swarm = crowd(size)
    swarm.run(play)
    _, *receivers = swarm.members
    assert all(0 < leaver.stored < size for leaver in gone)
    stayed = [receiver for receiver in receivers if receiver not in gone]
    assert max(receiver.seconds for receiver in stayed) <= 2 * size / MB


def test_one_copy_is_enough(crowd: CrowdOf) -> None:
    """The seeder leaves as soon as every piece is somewhere among the receivers."""
    size = 12 * MB
    left_at: list[int] = []

    async def play(crowd: Crowd) -> None:
        seeder = await crowd.seed(upload=MB)
        receivers = [await crowd.join(upload=MB // 4) for _ in range(4)]
        every = (1 << (await crowd.info()).shape.piece_count) - 1
        spare = -every.bit_length() % 8
        while crowd.all_pieces(receivers) >> spare != every:
            await asyncio.sleep(0.25)  # each tells once a second what it has
        await seeder.leave()
        left_at.extend(receiver.stored for receiver in receivers)
        await all_done(receivers)

    swarm = crowd(size)
    swarm.run(play)
    assert all(stored < size for stored in left_at), "nobody was done yet"
    assert swarm.members[0].sent <= 1.6 * size


def test_receivers_that_hardly_send_do_not_hold_the_others(crowd: CrowdOf) -> None:
    """Some pieces went to them alone; the seeder has to send those again, and at once."""
    size = 12 * MB

    async def play(crowd: Crowd) -> None:
        await crowd.seed(upload=MB)
        members = [await crowd.join(upload=2 * MB) for _ in range(3)]
        members += [await crowd.join(upload=4_000) for _ in range(3)]
        await all_done(members)

    swarm = crowd(size)
    swarm.run(play)
    seconds = [receiver.seconds for receiver in swarm.members[1:]]
    assert max(seconds) <= 3 * size / MB
    assert max(seconds) - min(seconds) <= 8, "the last few blocks took long"


@pytest.mark.parametrize("answers", [None, 0, 40], ids=["trickles", "never answers", "stops"])
@pytest.mark.parametrize("size", [3 * MB, 30 * MB])
def test_a_slow_seeder_does_not_hold_the_end(
    crowd: CrowdOf, answers: int | None, size: int
) -> None:
    """Beside a good one: one of 4 kB/s, or one that answers so many requests and no more."""

    async def play(crowd: Crowd) -> None:
        await crowd.seed(upload=2 * MB)
        if answers is None:
            await crowd.seed(upload=4_000)
        receiver = await crowd.join()
        slow = asyncio.create_task(asyncio.sleep(0))
        if answers is not None:
            *_, line = crowd.intrude(SCRIPTED)
            slow = asyncio.create_task(serve(crowd, line, answers))
        await receiver.done()
        slow.cancel()

    swarm = crowd(size)
    swarm.run(play)
    receiver = swarm.members[-1]
    # A peer that did well is believed for a moment longer when it falls silent.
    assert receiver.seconds <= 1.1 * size / (2 * MB) + 3
    sent = sum(member.sent for member in swarm.members) + (answers or 0) * BLOCK
    assert size <= sent < 1.02 * size


async def serve(crowd: Crowd, line: Line, answers: int) -> None:
    """A peer that has it all, unchokes, and answers so many requests."""
    info = await crowd.info()
    wire = WireConnection(info_hash=info.info_hash, peer_id=SCRIPTED, reqq=250, client="script")
    wire.set_shape(info.shape)
    wire.open()
    with suppress(ChannelFailed):
        while True:
            for chunk in wire.data_to_send():
                await line.send(chunk)
            if not (data := await line.receive()):
                return
            for event in wire.receive_data(data):
                match event:
                    case Handshook():
                        wire.send(m.HaveAll())
                        wire.send(m.Unchoke())
                    case m.Request(index, begin, length) if answers:
                        answers -= 1
                        start = index * info.shape.piece_length + begin
                        wire.send(m.Piece(index, begin, crowd.content[start : start + length]))
