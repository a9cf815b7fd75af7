"""Peers that send what is not true: pieces and descriptions that do not hash."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.extensions import (
    METADATA_PIECE,
    UT_METADATA_ID,
    MetadataData,
    MetadataRequest,
    decode_metadata,
    encode_metadata,
)
from tests.hostile.stage import Stage
from tests.hostile.villain import ITS_METADATA_ID, Villain


def serve(stage: Stage, villain: Villain, corrupt: Callable[[m.Request], bool]) -> None:
    """Let it serve blocks, some of them false."""

    def answer(r: m.Request) -> list[m.Message]:
        start = r.index * stage.info.shape.piece_length + r.begin
        block = stage.content[start : start + r.length]
        if corrupt(r):
            block = bytes([block[0] ^ 1]) + block[1:]
        return [m.Piece(r.index, r.begin, block)]

    villain.on[m.Request] = answer


def test_alone(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        serve(stage, villain, lambda _: True)
        await villain.seem_good()
        assert await stage.drops(receiver) == "badPiece"
        again = await stage.villain(receiver, "again", peer_id=villain.peer_id)
        await again.hello()
        assert await stage.drops(receiver, "again") == "banned"
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


def test_one_false_block_in_the_whole_torrent(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        serve(stage, villain, lambda r: r.index == 17)
        await villain.seem_good()
        assert await stage.drops(receiver) == "badPiece"
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


@pytest.mark.parametrize("share", [0.02, 0.2, 1.0])
@pytest.mark.parametrize("blocks", [1, 8])
def test_among_honest_peers_the_culprit_is_found(
    wide_stage: Callable[[int], Stage], share: float, blocks: int
) -> None:
    """Pieces of several blocks, mixed from many peers: parole finds who spoils them."""
    stage = wide_stage(blocks)
    chance = random.Random(5)

    async def act() -> None:
        receiver = await stage.receiver()
        culprit = await stage.villain(receiver)
        honest = [await stage.villain(receiver, f"honest{n}") for n in range(3)]
        for peer in honest:
            serve(stage, peer, lambda _: False)
        serve(stage, culprit, lambda _: chance.random() < share)
        for peer in (culprit, *honest):
            await peer.seem_good()
        await stage.arrived(receiver)
        dropped = {event.address: event.reason for event in receiver.of(e.PeerDropped)}
        assert all(dropped.get(f"honest{n}") in (None, "bothComplete") for n in range(3))
        assert dropped.get("villain") in (None, "badPiece", "bothComplete")
        if share == 1.0:
            assert dropped["villain"] == "badPiece"

    stage.play(act)


def test_a_crowd_of_liars_around_one_honest_peer(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        for n in range(6):
            liar = await stage.villain(receiver, f"liar{n}")
            serve(stage, liar, lambda r: r.index % 2 == 0)
            await liar.seem_good()
        await stage.seeder()
        await stage.arrived(receiver)
        reasons = {d.address: d.reason for d in receiver.of(e.PeerDropped)}
        assert all(reason == "badPiece" for who, reason in reasons.items() if "liar" in who)

    stage.play(act)


# -- descriptions


def false(raw: bytes) -> bytes:
    """Return as many bytes that are something else."""
    return raw[:-2] + b"!e"


def test_a_description_of_the_right_size_that_is_false(stage: Stage) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        villain.describe(false(stage.info.raw))
        await villain.hello(villain.says_it_describes())
        assert await stage.drops(receiver) == "badMetadata"
        again = await stage.villain(receiver, "again", peer_id=villain.peer_id)
        await again.hello()
        assert await stage.drops(receiver, "again") == "banned"
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


@pytest.mark.parametrize("size", [1, 100, 5 * 16384 + 3])
def test_a_description_of_another_size(stage: Stage, size: int) -> None:
    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        villain.describe(bytes(size))
        await villain.hello(villain.says_it_describes(size))
        assert await stage.drops(receiver) == "badMetadata"
        await stage.seeder()
        await stage.arrived(receiver)

    stage.play(act)


@pytest.mark.parametrize("size", [1, 100, 16 * 1024 * 1024])
def test_a_size_that_is_only_claimed(stage: Stage, size: int) -> None:
    """Nothing is proven until the true description is here; then the lie shows."""

    async def act() -> None:
        receiver = await stage.receiver()
        villain = await stage.villain(receiver)
        await villain.hello(villain.says_it_describes(size))
        await villain.until(m.Extended)
        await stage.seeder()
        await stage.arrived(receiver)
        assert await stage.drops(receiver) == "badMetadata"

    stage.play(act)


def test_a_seeder_knows_the_size(stage: Stage) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder)
        await villain.hello(villain.says_it_describes(5))
        assert await stage.drops(seeder) == "badMetadata"
        await stage.arrived(await stage.receiver())

    stage.play(act)


def test_many_sizes_that_are_only_claimed(stage: Stage) -> None:
    """They take every place that sizes are tried in, and have to make room."""

    async def act() -> None:
        receiver = await stage.receiver()
        for n in range(8):
            villain = await stage.villain(receiver, f"villain{n}")
            await villain.hello(villain.says_it_describes(1000 + n))
            await villain.until(m.Extended)
        began = asyncio.get_running_loop().time()
        await stage.seeder()
        await stage.arrived(receiver)
        assert asyncio.get_running_loop().time() - began < 120
        for n in range(8):
            assert await stage.drops(receiver, f"villain{n}") == "badMetadata"

    stage.play(act)


def test_many_sizes_served_a_piece_at_a_time(stage: Stage) -> None:
    """Each keeps its place by sending a piece of a long lie now and then."""

    async def act() -> None:
        receiver = await stage.receiver()
        tasks = []
        for n in range(6):
            villain = await stage.villain(receiver, f"villain{n}")
            size = 16 * 1024 * 1024 - n
            await villain.hello(villain.says_it_describes(size))
            tasks.append(asyncio.create_task(dribble(villain, size)))
        began = asyncio.get_running_loop().time()
        await stage.seeder()
        await stage.arrived(receiver)
        assert asyncio.get_running_loop().time() - began < 300
        for task in tasks:
            task.cancel()

    stage.play(act)


async def dribble(villain: Villain, size: int) -> None:
    """Send a piece of a lie every ten seconds, and never the last of them."""
    answered = set()
    while not villain.gone.is_set():
        for message in tuple(villain.heard):
            if isinstance(message, m.Extended) and message.ext_id == ITS_METADATA_ID:
                said = decode_metadata(message.payload, None)
                assert isinstance(said, MetadataRequest)
                if said.piece not in answered and said.piece < 1000:
                    answered.add(said.piece)
                    data = MetadataData(said.piece, size, bytes(METADATA_PIECE))
                    await villain.say(m.Extended(UT_METADATA_ID, encode_metadata(data)))
                    break
        await asyncio.sleep(10)


@pytest.mark.parametrize("names", [("honest", "villain"), ("villain", "honest")])
@pytest.mark.parametrize("false_piece", [0, 3])
def test_a_false_piece_of_a_description_among_true_ones(
    long_stage: Stage, names: tuple[str, str], false_piece: int
) -> None:
    """A description of several pieces, from an honest peer and a liar: who lied is found out."""
    stage = long_stage

    async def act() -> None:
        receiver = await stage.receiver()
        raw = bytearray(stage.info.raw)
        raw[false_piece * 16384] ^= 1
        for name in names:
            peer = await stage.villain(receiver, name)
            peer.describe(bytes(raw) if name == "villain" else None)
            await peer.hello(peer.says_it_describes())
        assert await stage.drops(receiver) == "badMetadata"
        await stage.seeder()
        await stage.arrived(receiver)
        reasons = {d.address: d.reason for d in receiver.of(e.PeerDropped)}
        assert reasons.get("honest") is None

    stage.play(act)
