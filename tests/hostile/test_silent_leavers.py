"""Peers that leave without a word, or right behind one: it is known why, and what they had."""

from __future__ import annotations

import asyncio

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.wire import messages as m
from filesend_tui.core.wire.shape import BLOCK
from tests.hostile.stage import Stage


def blocks(stage: Stage) -> list[m.Request]:
    shape = stage.info.shape
    return [
        m.Request(index, begin, min(BLOCK, shape.piece_size(index) - begin))
        for index in range(shape.piece_count)
        for begin in range(0, shape.piece_size(index), BLOCK)
    ]


@pytest.mark.parametrize(("left_out", "complete"), [(0, True), (1, False)])
def test_who_was_sent_everything_has_it(stage: Stage, left_out: int, complete: bool) -> None:
    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder)
        await villain.hello(m.HaveNone(), m.Interested())
        await villain.until(m.Unchoke)
        wanted = blocks(stage)[left_out:]
        # What it told of need not be sent.
        await villain.say(m.Have(wanted.pop().index), *wanted)
        await seeder.until(
            lambda: sum(isinstance(said, m.Piece) for said in villain.heard) == len(wanted), 60
        )
        await villain.close()
        await stage.drops(seeder)
        (dropped,) = seeder.of(e.PeerDropped)
        assert (dropped.reason, dropped.complete) == ("closed", complete)

    stage.play(act)


@pytest.mark.parametrize(
    ("left_out", "hangs_up", "reason"),
    [(0, True, "bothComplete"), (1, True, "closed"), (1, False, "channelFailed")],
)
def test_what_was_said_before_a_channel_took_nothing_more_is_heard(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, left_out: int, hangs_up: bool, reason: str
) -> None:
    """Who sends may notice the end of a channel before who reads has come to it."""

    async def act() -> None:
        seeder = await stage.seeder()
        villain = await stage.villain(seeder)
        await villain.hello(m.HaveNone(), m.Interested())
        await villain.until(m.Unchoke)
        broken = asyncio.Event()

        async def breaks(_data: bytes) -> None:
            broken.set()
            raise ChannelFailed("The connection to a peer is closed.")

        monkeypatch.setattr(villain.channel.other, "send", breaks)
        await villain.say(blocks(stage)[0])
        await broken.wait()
        await asyncio.sleep(0.1)  # virtual: long enough to give up for whoever hears no more
        await villain.say(*map(m.Have, range(stage.info.shape.piece_count - left_out)))
        if hangs_up:
            await villain.close()
        await stage.drops(seeder)
        (dropped,) = seeder.of(e.PeerDropped)
        assert (dropped.reason, dropped.complete) == (reason, left_out == 0)

    stage.play(act)
