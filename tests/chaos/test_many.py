"""Many transfers at once among a few people: some are cancelled, and somebody is killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chaos.chance import Chance
from tests.chaos.circle import Circle, Friend
from tests.chaos.figures import Figures
from tests.chaos.stage import Stage, wait_until
from tests.e2e.processes import Event, digest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("chaos"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to end these with"),
]

NAMES = ("Ann", "Bob", "Cyd", "Dan")


class Form(NamedTuple):
    """How many transfers, of up to how many bytes, how often somebody is killed, in what time."""

    transfers: int
    size: int
    kills: int
    seconds: float


class Sent(NamedTuple):
    """One transfer."""

    id: str
    sender: Friend
    receiver: Friend
    name: str
    sha: str

    def is_told_of(self, event: Event) -> bool:
        """Whether an event is about it."""
        return bool(event["transfer"] == self.id)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(Form(8, 3_000_000, 1, 4.0), id="short"),
        pytest.param(Form(40, 20_000_000, 3, 60.0), id="long", marks=pytest.mark.long),
    ],
)
def test_many_at_once_cancelled_and_killed(
    stage: Stage, chance: Chance, figures: Figures, form: Form
) -> None:
    circle = Circle.of(stage, *NAMES)
    sent: list[Sent] = []
    for number in range(form.transfers):
        path = stage.folder / "from" / f"{number}.bin"
        chance.fill(path, chance.randint(form.size // 10, form.size))
        sender, receiver = chance.sample(circle.friends, 2)
        id = circle.send(sender, receiver, path)
        sent.append(Sent(id, sender, receiver, path.name, digest(path)))
    for each in sent:  # from here on it is under way on both sides
        each.sender.process.wait_for("fileAnswer", each.is_told_of)
    cancelled = chance.sample(sent, form.transfers // 2)
    killed = [chance.choice(circle.friends) for _ in range(form.kills)]
    struck: list[Friend | Sent] = [*cancelled, *killed]
    faults = [(chance.uniform(0, form.seconds), what) for what in struck]
    began = time.monotonic()
    for moment, what in sorted(faults, key=lambda fault: fault[0]):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        if isinstance(what, Friend):
            what.again()
        else:
            chance.choice([what.sender, what.receiver]).order("cancel", transfer=what.id)
        figures.faults += 1
    wait_until(circle.at_rest, stage.report)
    circle.part()
    arrived: dict[Path, dict[str, str]] = {friend.folder: {} for friend in circle.friends}
    for each in sent:
        there = each.receiver.folder / each.name
        if each not in cancelled or there.exists():
            arrived[each.receiver.folder][each.name] = each.sha
    stage.all_well(arrived)
