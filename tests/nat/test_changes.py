"""What happens to networks in mid-transfer, behind real routers: the file arrives all the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.processes import Filesend
from tests.nat.lab import Lab, why_none
from tests.nat.routers import Kind

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_none() is not None, reason=why_none() or ""),
]

SIZE = 12_000_000
RATE = ("--upload-limit", "1M")
#: Seconds for which a cable is cut: longer than TCP waits for before it sends again.
CUT = 4.0


def cut(lab: Lab, _relay: Filesend) -> None:
    lab.cut(1)
    time.sleep(CUT)  # what is tested
    lab.mend(1)


def restart(lab: Lab, relay: Filesend) -> None:
    relay.kill()
    lab.start_relay()


def renumber(lab: Lab, _relay: Filesend) -> None:
    lab.renumber(1)


@pytest.mark.parametrize(
    ("kind", "road", "change"),
    [
        (Kind.CONE, "direct", cut),
        (Kind.SYMMETRIC, "relayed", cut),
        (Kind.SYMMETRIC, "relayed", restart),
        # A minute each: TCP notices late that nobody has the old address any more.
        pytest.param(Kind.CONE, "direct", renumber, marks=pytest.mark.long),
        pytest.param(Kind.SYMMETRIC, "relayed", renumber, marks=pytest.mark.long),
    ],
)
def test_it_goes_on(
    tmp_path: Path, kind: Kind, road: str, change: Callable[[Lab, Filesend], None]
) -> None:
    with Lab(tmp_path, kind, kind) as lab:
        relay = lab.start_relay()
        # On a busy machine the relay may carry all of it, before another road stands.
        chosen = ("--road", road) if change is cut else ()
        sender, receiver = lab.begin(SIZE, *RATE, *chosen)
        receiver.wait_for("download", lambda event: event["downloadedBytes"] > 1_000_000)
        receiver.wait_for("peerConnected", lambda event: event["road"] == road)
        change(lab, relay)
        outcome = lab.end(sender, receiver)
        assert outcome.same, (sender.report(), receiver.report())
        assert not outcome.told
        if change is not renumber:  # then by whatever gets through first
            assert outcome.roads[-1] == road, outcome
