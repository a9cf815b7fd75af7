"""Transfers one after the other, for a long time: at the end nothing has grown."""

from __future__ import annotations

import statistics
import time
from typing import NamedTuple

import pytest

from tests.chaos.chance import Chance
from tests.chaos.circle import Circle
from tests.chaos.figures import Figures
from tests.chaos.stage import Stage, wait_until
from tests.e2e.processes import digest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]

NAMES = ("Ann", "Bob", "Cyd")
MB = 1_000_000
#: Bytes of memory that a process may have grown by in the whole second half.
MAY_GROW = 8 * MB


class Form(NamedTuple):
    """For how many rounds of transfers, or for how many seconds, of up to how many bytes."""

    rounds: int
    seconds: float
    size: int


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(Form(6, 0, 2_000_000), id="short"),
        pytest.param(Form(40, 1800, 20_000_000), id="long", marks=pytest.mark.long),
    ],
)
def test_nothing_grows(stage: Stage, chance: Chance, figures: Figures, form: Form) -> None:
    """A few transfers at once in each round; one of them may be cancelled."""
    circle = Circle.of(stage, *NAMES)
    memory: list[int] = []
    began = time.monotonic()
    transfers = 0
    while len(memory) < form.rounds or time.monotonic() - began < form.seconds:
        under_way = []
        for _ in range(chance.randint(1, 4)):
            path = chance.fill(
                stage.folder / "from" / f"{transfers}.bin", chance.randint(1, form.size)
            )
            sender, receiver = chance.sample(circle.friends, 2)
            under_way.append((circle.send(sender, receiver, path), sender, receiver, path))
            transfers += 1
        cancelled = ""
        if chance.random() < 0.3:
            cancelled, *pair, _ = chance.choice(under_way)
            chance.choice(pair).order("cancel", transfer=cancelled)
            figures.faults += 1
        wait_until(circle.at_rest, stage.report)
        for id, _, receiver, path in under_way:
            there = receiver.folder / path.name
            if id != cancelled or there.exists():
                assert digest(there) == digest(path)
                figures.size += path.stat().st_size
                there.unlink()
            path.unlink()
        memory.append(max(friend.memory() for friend in circle.friends))
    half = len(memory) // 2
    middle, last = (statistics.median(part) for part in (memory[half : half + 3], memory[-3:]))
    grown = ", ".join(f"{bytes / MB:.0f}" for bytes in (min(memory), middle, last))
    figures.note = (
        f"{transfers} transfers, {figures.size / MB:.0f} MB in {time.monotonic() - began:.0f} s; "
        f"memory at first, half-way and at last: {grown} MB"
    )
    circle.part()
    stage.all_well({friend.folder: {} for friend in circle.friends})
    if form.seconds:
        assert last - middle < MAY_GROW, memory
