"""Somebody stops for a while, or the relay is gone: everything goes on by itself."""

from __future__ import annotations

import signal
import sys
import time

import pytest

from tests.chaos.chance import Chance
from tests.chaos.figures import Figures
from tests.chaos.stage import Recovery, Stage
from tests.e2e.processes import digest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("chaos"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to stop these with"),
]

SIZE = 12_000_000
RATE = "4M"


def long(*values: object) -> list[object]:
    """Parameters of the long form alone."""
    return [pytest.param(value, marks=pytest.mark.long) for value in values]


@pytest.mark.parametrize("who", ["sender", "receiver"])
@pytest.mark.parametrize("seconds", [1, 5, *long(30, 120)])
def test_stopped_for_a_while(
    stage: Stage, chance: Chance, figures: Figures, who: str, seconds: int
) -> None:
    # What was on its way to whoever is given up is sent again: as much, however large the file.
    size = SIZE if seconds < 30 else 3 * SIZE
    path = chance.fill(stage.folder / "from" / "film.mkv", size)
    output = stage.folder / "to"
    ann, bob = stage.side("Ann", None, "--upload-limit", RATE), stage.side("Bob")
    recovery = Recovery(bob, figures)
    stage.begin(ann, bob, path, output)
    recovery.wait(chance.uniform(0.05, 0.6) * size)
    stopped = ann.process if who == "sender" else bob.process
    stopped.signal(signal.SIGSTOP)
    time.sleep(seconds)
    stopped.signal(signal.SIGCONT)
    recovery.begin()
    recovery.recovered()
    stage.finish(ann, bob)
    figures.end(size, stage.host.carried() if stage.host else ann.uploaded())
    stage.all_well({output: {path.name: digest(path)}})
    assert figures.sent is not None
    assert figures.sent <= 1.1 * size


@pytest.mark.parametrize("seconds", [10, *long(600)])
def test_the_relay_is_gone_and_comes_back_with_nothing_in_its_memory(
    stage: Stage, chance: Chance, figures: Figures, seconds: int
) -> None:
    """What is under way does not need it, and who is killed then meets the other there again."""
    # So fast that pieces come every few seconds, and so much that there is some left.
    size = max(SIZE, 500_000 * seconds)
    path = chance.fill(stage.folder / "from" / "film.mkv", size)
    output = stage.folder / "to"
    rate = str(round(size / seconds * (0.6 if size == SIZE else 0.9)))
    ann, bob = stage.side("Ann", None, "--upload-limit", rate), stage.side("Bob")
    recovery = Recovery(bob, figures)
    stage.begin(ann, bob, path, output)
    stage.kill_relay()
    had = bob.has
    time.sleep(seconds)
    assert bob.has > had, stage.report()
    stage.start_relay()
    killed = chance.choice([ann, bob])
    killed.kill()
    killed.resume()
    recovery.begin()
    recovery.recovered(killed)
    stage.finish(ann, bob)
    figures.end(size, stage.host.carried() if stage.host else ann.uploaded())
    stage.all_well({output: {path.name: digest(path)}})
