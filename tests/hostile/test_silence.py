"""Peers that keep us waiting: each is given up in its time, and holds up nobody else."""

from __future__ import annotations

import asyncio

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.torrent.peer.misbehaviour import (
    HANDSHAKE_TIMEOUT,
    SEND_TIMEOUT,
    SILENCE_TIMEOUT,
)
from filesend_tui.core.torrent.roster import IDLE
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.handshake import OUR_RESERVED
from filesend_tui.core.wire.shape import BLOCK
from tests.hostile.stage import Stage
from tests.hostile.villain import NO_FAST


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("said", [0, 1, 67])
def test_never_a_handshake(stage: Stage, said: int) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        await villain.raw(villain.handshake[:said])
        began = now()
        assert await stage.drops(receiver) == "handshakeTimeout"
        assert now() - began == pytest.approx(HANDSHAKE_TIMEOUT, abs=3)
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


def test_a_handshake_and_nothing_more(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        await villain.hello()
        began = now()
        assert await stage.drops(receiver) == "silent"
        assert now() - began == pytest.approx(SILENCE_TIMEOUT, abs=3)
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


@pytest.mark.parametrize("reserved", [OUR_RESERVED, NO_FAST])
@pytest.mark.parametrize("alive", [False, True])
def test_it_unchokes_and_sends_no_block(stage: Stage, reserved: bytes, alive: bool) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver, reserved=reserved)
        await villain.seem_good()
        await villain.until(m.Request)
        living = asyncio.create_task(villain.keep_alive()) if alive else None
        began = now()
        assert await stage.drops(receiver) == ("stalled" if alive else "silent")
        assert now() - began < 130
        if living:
            await living
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


def test_what_it_owes_is_asked_of_others_long_before(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villains = [await stage.villain(receiver, f"villain{n}") for n in range(8)]
        for villain in villains:
            await villain.seem_good()
            await villain.until(m.Request)
        began = now()
        await stage.seeder()
        await stage.arrived(receiver)
        assert now() - began < 45

    stage.play(act)


def test_it_chokes_and_keeps_what_it_owes(stage: Stage) -> None:
    """It must reject or serve what it owes (BEP 6); what it does not is asked of others."""

    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        await villain.seem_good()
        await villain.until(m.Request)
        await villain.say(m.Choke())
        living = asyncio.create_task(villain.keep_alive())
        began = now()
        await stage.seeder()
        await stage.arrived(receiver)
        assert now() - began < 45
        await villain.close()
        living.cancel()

    stage.play(act)


def test_junk_does_not_pass_for_what_is_owed(stage: Stage) -> None:
    """One useless block now and then, within what it may answer, puts nothing off."""

    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        await villain.seem_good()
        await villain.until(m.Request)
        first = next(r for r in villain.heard if isinstance(r, m.Request))
        start = first.index * stage.info.shape.piece_length + first.begin
        right = m.Piece(first.index, first.begin, stage.content[start : start + BLOCK])
        began = now()
        while not villain.gone.is_set():
            await villain.say(right)
            await asyncio.sleep(10)
        assert await stage.drops(receiver) == "stalled"
        assert now() - began < 150
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


def test_it_never_reads(stage: Stage) -> None:
    """Its own back-pressure is its own affair: others are served as if it were not there."""

    async def act() -> None:
        seeder = await stage.seeder()
        began = now()
        names = [f"villain{n}" for n in range(4)]
        living = []
        for name in names:
            villain = await stage.villain(seeder, name, reads=False)
            requests = [m.Request(n, 0, BLOCK) for n in range(40)]
            await villain.hello(m.Interested())
            await asyncio.sleep(1)  # it is unchoked, and does not know
            await villain.say(*requests)
            living.append(asyncio.create_task(villain.keep_alive()))
        await stage.arrived(await stage.receiver())
        assert now() - began < 30, "others waited"
        for name in names:
            assert await stage.drops(seeder, name) == "notReading"
        assert now() - began < SEND_TIMEOUT + 10
        for task in living:
            task.cancel()

    stage.play(act)


def test_places_taken_by_peers_that_only_sit_there(stage: Stage) -> None:
    """All places are taken by peers that stay alive and trade nothing: the idlest gives way."""

    async def act() -> None:
        receiver = await stage.receiver(max_peers=3)
        villains = [await stage.villain(receiver, f"villain{n}") for n in range(3)]
        for villain in villains:
            await villain.hello(m.HaveNone())
            await villain.until(m.HaveNone)
        sitting = [asyncio.create_task(villain.keep_alive()) for villain in villains]
        assert stage.swarm(receiver).wanted_peers == 0
        late = await stage.villain(receiver, "late")
        await late.hello()
        await late.gone.wait()  # no place, and nobody has sat for long
        await asyncio.sleep(IDLE + 1)
        assert stage.swarm(receiver).wanted_peers == 3
        await stage.seeder()
        await stage.arrived(receiver)
        assert [d.reason for d in receiver.of(e.PeerDropped)].count("displaced") == 1
        for task in sitting:
            task.cancel()

    stage.play(act)
