"""The partner in a private swarm means harm: their peer says anything, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.errors import BadMetadata, FileSendError, NoPeers
from filesend_tui.core.torrent.peer import misbehaviour
from filesend_tui.core.torrent.pieces import pipeline
from filesend_tui.core.torrent.roster import SILENT_PAIR
from filesend_tui.core.torrent.torrent import MOST_LIES, MOST_OF_A_PAIR, STANDSTILL
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.extensions import (
    HANDSHAKE_ID,
    ExtendedHandshake,
    SpanReject,
    SpanRequest,
    encode_handshake,
)
from filesend_tui.core.wire.shape import BLOCK
from tests.hostile.stage import Stage
from tests.hostile.villain import Villain
from tests.torrent.bulk.test_spans import (
    CONTENT,
    DirectHub,
    Script,
    _Nowhere,
    described,
    leech,
    node,
)
from tests.torrent.lab import TRACKERS, Hub, MemoryChannel, Node

TRANSFER = "0123456789abcdef"
KEY = bytes(range(32))

Misdeed = Callable[[Villain], Coroutine[Any, Any, None]]


async def invited(stage: Stage, folder: Path) -> Node:
    """A node that receives what one person sends."""
    receiver = await stage.node()
    await receiver.engine.add(stage.magnet, folder=folder, transfer=TRANSFER, swarm_key=KEY)
    return receiver


async def ended(stage: Stage, receiver: Node) -> FileSendError:
    """Wait until the transfer is given up; return why."""
    with pytest.raises(FileSendError) as caught:
        await asyncio.wait_for(receiver.engine.wait_done(stage.torrent), 2 * STANDSTILL)
    return caught.value


async def only_is_there(villain: Villain) -> None:
    await villain.hello()


async def never_describes(villain: Villain) -> None:
    await villain.hello(m.HaveAll(), villain.says_it_describes(), m.Unchoke())


async def never_unchokes(villain: Villain) -> None:
    villain.describe()
    await villain.hello(m.HaveAll(), villain.says_it_describes())


async def never_has_anything(villain: Villain) -> None:
    villain.describe()
    await villain.hello(m.HaveNone(), villain.says_it_describes(), m.Unchoke())


async def never_serves(villain: Villain) -> None:
    await villain.seem_good()


async def refuses(villain: Villain) -> None:
    villain.on[m.Request] = lambda r: [m.RejectRequest(r.index, r.begin, r.length)]
    await villain.seem_good()


@pytest.mark.parametrize(
    "misdeed",
    [
        only_is_there,
        never_describes,
        never_unchokes,
        never_has_anything,
        never_serves,
        refuses,
    ],
)
def test_a_partner_who_stalls_is_given_up_and_told_of(
    stage: Stage, tmp_path: Path, misdeed: Misdeed
) -> None:
    async def act() -> None:
        receiver = await invited(stage, tmp_path / "in")
        giving_up = asyncio.create_task(ended(stage, receiver))
        began = asyncio.get_running_loop().time()
        for number in range(1000):  # dropped, it comes again
            villain = await stage.villain(receiver, f"villain{number}")
            living = asyncio.create_task(villain.keep_alive())
            await misdeed(villain)
            gone = asyncio.create_task(villain.gone.wait())
            await asyncio.wait({gone, giving_up}, return_when=asyncio.FIRST_COMPLETED)
            for task in (living, gone):
                task.cancel()
            if giving_up.done():
                break
            await asyncio.sleep(1)
        assert isinstance(await giving_up, NoPeers)
        assert asyncio.get_running_loop().time() - began < STANDSTILL + 30

    stage.play(act)


def test_nobody_is_given_up_for_a_limit_of_our_own(hub: Hub, tmp_path: Path) -> None:
    stage = Stage(hub, tmp_path, size=4 * BLOCK)

    async def act() -> None:
        receiver = await stage.node(download_limit=BLOCK // 600)
        sender = await stage.node()
        await sender.engine.seed([tmp_path / "source"], trackers=TRACKERS, swarm_key=KEY)
        await receiver.engine.add(
            stage.magnet, folder=tmp_path / "in", transfer=TRANSFER, swarm_key=KEY
        )
        began = asyncio.get_running_loop().time()
        await asyncio.wait_for(receiver.engine.wait_done(stage.torrent), 20 * STANDSTILL)
        assert asyncio.get_running_loop().time() - began > 3 * STANDSTILL

    stage.play(act)


def test_who_sends_what_is_false_under_ever_new_names_is_given_up(
    stage: Stage, tmp_path: Path
) -> None:
    async def act() -> None:
        receiver = await invited(stage, tmp_path / "in")
        for number in range(MOST_LIES):
            villain = await stage.villain(receiver, f"villain{number}")
            villain.on[m.Request] = lambda r: [m.Piece(r.index, r.begin, bytes(r.length))]
            await villain.seem_good()
            assert await stage.drops(receiver, f"villain{number}") == "badPiece"
        assert isinstance(await ended(stage, receiver), BadMetadata)

    stage.play(act)


def test_one_partner_is_only_so_many_peers(stage: Stage, tmp_path: Path) -> None:
    async def act() -> None:
        receiver = await invited(stage, tmp_path / "in")
        villains = []
        for number in range(MOST_OF_A_PAIR + 3):
            villains.append(await stage.villain(receiver, f"villain{number}"))
            await villains[-1].seem_good()
        await asyncio.sleep(2)
        assert [villain.gone.is_set() for villain in villains].count(False) == MOST_OF_A_PAIR

    stage.play(act)


def test_what_a_dead_connection_owes_is_asked_of_who_came_back_before_it_was_silent_for_long(
    stage: Stage, tmp_path: Path
) -> None:
    """A process that was killed and is back within seconds, under another peer id."""

    async def act() -> None:
        receiver = await invited(stage, tmp_path / "in")
        dead = await stage.villain(receiver, "dead")
        await dead.seem_good()
        await dead.until(m.Request)
        await asyncio.sleep(2)
        back = await stage.villain(receiver, "back")
        shape = stage.info.shape

        def serve(asked: m.Request) -> list[m.Message]:
            start = asked.index * shape.piece_length + asked.begin
            return [m.Piece(asked.index, asked.begin, stage.content[start : start + asked.length])]

        back.on[m.Request] = serve
        living = asyncio.create_task(back.keep_alive(4.0))
        began = asyncio.get_running_loop().time()
        await back.hello(m.HaveAll(), m.Unchoke())
        await asyncio.wait_for(receiver.engine.wait_done(stage.torrent), 60)
        assert asyncio.get_running_loop().time() - began < SILENT_PAIR + 2
        assert await stage.drops(receiver, "dead") in {"replaced", "bothComplete"}
        living.cancel()

    stage.play(act)


def test_dead_connections_keep_nobody_out_and_living_ones_stay(
    stage: Stage, tmp_path: Path
) -> None:
    """Processes that were killed leave connections behind, and each comes under another peer id."""

    async def act() -> None:
        receiver = await invited(stage, tmp_path / "in")
        dead = [await stage.villain(receiver, f"dead{n}") for n in range(MOST_OF_A_PAIR - 1)]
        alive = await stage.villain(receiver, "alive")
        for villain in (*dead, alive):
            await villain.seem_good()
            await villain.until(m.Request)
        living = [asyncio.create_task(alive.keep_alive(SILENT_PAIR - 5))]
        assert stage.swarm(receiver).wanted_peers == 0
        await asyncio.sleep(SILENT_PAIR + 1)
        assert stage.swarm(receiver).wanted_peers == len(dead)
        back = await stage.villain(receiver, "back")
        await back.seem_good()
        living.append(asyncio.create_task(back.keep_alive(SILENT_PAIR - 5)))
        for number in range(len(dead)):
            assert await stage.drops(receiver, f"dead{number}") in {"displaced", "replaced"}
        await back.until(m.Request)
        assert not alive.gone.is_set()
        for task in living:
            task.cancel()

    stage.play(act)


def test_connections_that_are_slow_to_close_do_not_pile_up(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = MemoryChannel.close

    async def slowly(channel: MemoryChannel) -> None:
        await asyncio.sleep(3)  # as a direct channel does, where the other side does not
        await close(channel)

    async def act() -> None:
        receiver = await invited(stage, tmp_path / "in")
        with monkeypatch.context() as patch:
            patch.setattr(MemoryChannel, "close", slowly)
            villains = [await stage.villain(receiver, f"villain{number}") for number in range(20)]
            for villain in villains:
                await villain.seem_good()
            await asyncio.sleep(4)
            assert [villain.gone.is_set() for villain in villains].count(False) == MOST_OF_A_PAIR

    stage.play(act)


async def test_a_partner_who_stops_in_the_middle_of_a_piece_is_dropped(
    direct: DirectHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(misbehaviour, "STALL_TIMEOUT", 4.0)
    monkeypatch.setattr(pipeline, "SNUB_S", 1.0)  # then others would be asked
    info, magnet = await described(tmp_path)

    async def half(span: SpanRequest) -> None:
        if span.first == 0:
            await villain.bulk(span, CONTENT[: info.shape.piece_length // 2])

    async with node(tmp_path) as receiver:
        await receiver.engine.add(magnet, folder=tmp_path / "out")
        villain = Script(await direct.intrude(info.info_hash), info, half)
        living = asyncio.create_task(keep_alive(villain))
        await receiver.until(lambda: receiver.of(e.PeerDropped), 20)
        assert receiver.of(e.PeerDropped)[0].reason == "stalled"
        living.cancel()
        await villain.task


async def keep_alive(script: Script) -> None:
    while True:
        await asyncio.sleep(0.2)
        script.wire.send(m.KeepAlive())
        await script.flush()


async def test_asking_for_pieces_that_are_not_here_without_end_is_a_flood(
    direct: DirectHub, tmp_path: Path
) -> None:
    info, magnet = await described(tmp_path)
    async with node(tmp_path) as receiver:
        await receiver.engine.add(magnet, folder=tmp_path / "out")
        villain = Script(await direct.intrude(info.info_hash), info, lambda _span: None)
        await villain.until(lambda: any(isinstance(h, SpanRequest) for h in villain.heard))
        villain.wire.send(m.Interested())
        await villain.flush()
        await villain.until(lambda: any(isinstance(h, m.Unchoke) for h in villain.heard))
        asking = asyncio.create_task(ask_on(villain))
        await receiver.until(lambda: receiver.of(e.PeerDropped))
        assert receiver.of(e.PeerDropped)[0].reason == "messageFlood"
        asking.cancel()
        await villain.task


async def ask_on(script: Script) -> None:
    while True:
        for _ in range(500):
            script.wire.send_span(SpanRequest(0, 1))
        await script.flush()
        await asyncio.sleep(0)


def test_taking_back_that_one_describes_brings_no_fault_to_light(hub: Hub, tmp_path: Path) -> None:
    stage = Stage(hub, tmp_path, empty_files=3000)  # its description has more pieces than a window

    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        villain.describe()
        describe = villain.on[m.Extended]
        takes_back = m.Extended(HANDSHAKE_ID, encode_handshake(ExtendedHandshake(ut_metadata=0)))
        villain.on[m.Extended] = lambda message: [
            said for piece in describe(message) for said in (piece, takes_back)
        ]
        await villain.hello(m.HaveAll(), villain.says_it_describes())
        await asyncio.sleep(10)
        assert not receiver.of(e.PeerDropped)
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


async def test_taking_back_that_one_speaks_of_spans_brings_no_fault_to_light(
    direct: DirectHub, tmp_path: Path
) -> None:
    async with node(tmp_path, upload_limit=64 * 1024) as seeder:
        script = await leech(direct, tmp_path, seeder)
        script.channel.take_bulk(_Nowhere())
        script.wire.send(m.Interested())
        await script.flush()
        await script.until(lambda: any(isinstance(h, m.Unchoke) for h in script.heard))
        for _ in range(200):  # more than goes before it is choked
            script.wire.send_span(SpanRequest(0, 1))
        said = encode_handshake(ExtendedHandshake(fs_span=0))
        script.wire.send(m.Extended(HANDSHAKE_ID, said))
        script.wire.send(m.NotInterested())  # it is choked, and what it asked for refused
        await script.flush()
        await script.until(lambda: isinstance(script.heard[-1], m.Choke))
        script.wire.send(m.Interested())
        await script.flush()
        await script.until(lambda: isinstance(script.heard[-1], m.Unchoke))
        assert not any(isinstance(h, SpanReject) for h in script.heard)
        assert not seeder.of(e.Error)  # by which all that it serves would end
        await script.channel.close()
