"""Everybody is killed, over and over, at any moment: one transfer arrives all the same."""

from __future__ import annotations

import signal
import sys
import time
from typing import NamedTuple

import pytest

from tests.chaos.chance import Chance
from tests.chaos.figures import Figures
from tests.chaos.stage import Recovery, Stage
from tests.e2e.processes import digest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("chaos"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to end these with"),
]


class Form(NamedTuple):
    """How much is sent, at most how fast, and how often somebody is killed."""

    size: int
    rate: str
    kills: int


@pytest.mark.parametrize(
    "form",
    [
        # What is in flight at a kill goes again, some 0.9 MB: four of these are within the bound.
        pytest.param(Form(40_000_000, "4M", 4), id="short"),
        pytest.param(Form(500_000_000, "5M", 50), id="long", marks=pytest.mark.long),
    ],
)
def test_killed_over_and_over(stage: Stage, chance: Chance, figures: Figures, form: Form) -> None:
    path = chance.fill(stage.folder / "from" / "film.mkv", form.size)
    output = stage.folder / "to"
    ann, bob = stage.side("Ann", None, "--upload-limit", form.rate), stage.side("Bob")
    recovery = Recovery(bob, figures)
    stage.begin(ann, bob, path, output)
    # Close to each other some strike while somebody only starts, or comes back.
    moments = sorted(chance.uniform(0.02, 0.9) * form.size for _ in range(form.kills))
    for victim in chance.shuffled("Ann", "Bob", "relay", times=form.kills):
        recovery.wait(moments.pop(0), ann, bob)
        time.sleep(chance.uniform(0, 0.5))
        print(f"{bob.has / form.size:.0%}: {victim}")
        if victim == "relay":
            stage.kill_relay()
            stage.start_relay()
        else:
            side = ann if victim == "Ann" else bob
            side.kill()
            side.resume()
        recovery.begin()
    stage.finish(ann, bob)
    figures.end(form.size, stage.host.carried() if stage.host else ann.uploaded())
    stage.all_well({output: {path.name: digest(path)}})
    assert figures.sent is not None
    assert figures.sent <= 1.1 * form.size
    assert figures.faults == form.kills


def test_the_sender_is_killed_just_before_hearing_that_all_arrived(
    stage: Stage, chance: Chance
) -> None:
    """The receiver has nothing more to do, and stays until the sender is back and heard it."""
    path = chance.fill(stage.folder / "from" / "film.mkv", 6_000_000)
    output = stage.folder / "to"
    ann, bob = stage.side("Ann", None, "--upload-limit", "4M"), stage.side("Bob")
    stage.begin(ann, bob, path, output)
    stage.relay.signal(signal.SIGSTOP)  # which has the word that everything arrived, and keeps it
    bob.process.wait_for("transferState", lambda event: event["phase"] == "done")
    ann.kill()
    time.sleep(5)
    stage.relay.signal(signal.SIGCONT)
    ann.resume()
    stage.finish(ann, bob)
    stage.all_well({output: {path.name: digest(path)}})
