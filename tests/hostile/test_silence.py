"""Peers that keep us waiting: each is given up in its time, and holds up nobody else."""

from __future__ import annotations

import asyncio

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.torrent import roster
from filesend_tui.core.torrent.peer.misbehaviour import (
    HANDSHAKE_TIMEOUT,
    SEND_TIMEOUT,
    SILENCE_TIMEOUT,
)
from filesend_tui.core.torrent.roster import IDLE, SILENT
from filesend_tui.core.torrent.torrent import LONELY
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.handshake import OUR_RESERVED
from filesend_tui.core.wire.shape import BLOCK
from tests.hostile.stage import Stage
from tests.hostile.villain import NO_FAST

SOMEBODY = b"-XX0001-somebody----"


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


def test_who_is_there_and_never_describes_is_told_of(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        await villain.hello()
        living = asyncio.create_task(villain.keep_alive())
        began = now()
        await receiver.until(lambda: len(receiver.of(e.Error)) == 2, 100)
        assert now() - began < 2 * LONELY + 5
        for told in receiver.of(e.Error):
            assert told.code == "noPeers"
            assert "not said yet what the link names" in told.message
        await stage.seeder()
        await stage.arrived(receiver)
        assert len(receiver.of(e.Error)) == 2
        living.cancel()

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


def test_who_comes_back_under_a_peer_id_replaces_who_is_silent_and_nobody_else(
    stage: Stage,
) -> None:
    """Anybody can claim a peer id: whoever lives by the usual keep-alives keeps their place."""

    async def act() -> None:
        receiver = await stage.receiver()
        first = await stage.villain(receiver, "first", peer_id=SOMEBODY)
        await first.hello(m.HaveNone())
        living = asyncio.create_task(first.keep_alive(60.0))
        for number in range(8):  # at any moment between two keep-alives
            await asyncio.sleep(47)
            again = await stage.villain(receiver, f"again{number}", peer_id=SOMEBODY)
            await again.hello(m.HaveNone())
            assert await stage.drops(receiver, f"again{number}") == "duplicate"
        assert not first.gone.is_set()
        living.cancel()
        await asyncio.sleep(SILENT + 1)
        last = await stage.villain(receiver, "last", peer_id=SOMEBODY)
        await last.seem_good()
        assert await stage.drops(receiver, "first") == "replaced"
        await last.until(m.Request)  # it counts as anybody else
        await last.close()
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


def test_what_is_owed_by_who_is_replaced_is_asked_of_who_came_back_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "SILENT", 5.0)  # long before it is asked of others anyway

    async def act() -> None:
        receiver = await stage.receiver()
        first = await stage.villain(receiver, "first", peer_id=SOMEBODY)
        await first.seem_good()
        await first.until(m.Request)
        await asyncio.sleep(6)
        again = await stage.villain(receiver, "again", peer_id=SOMEBODY)
        shape = stage.info.shape

        def serve(asked: m.Request) -> list[m.Message]:
            start = asked.index * shape.piece_length + asked.begin
            block = stage.content[start : start + asked.length]
            return [m.Piece(asked.index, asked.begin, block)]

        again.on[m.Request] = serve
        began = now()
        await again.hello(m.HaveAll(), m.Unchoke())
        await stage.arrived(receiver)
        assert now() - began < 3

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
