"""Peers that leave without a word of what they have: a seeder still knows who took everything."""

from __future__ import annotations

import pytest

from filesend_tui.core import events as e
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
