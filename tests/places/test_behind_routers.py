"""Two homes behind routers, and nothing that both reach but a tracker of strangers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.processes import fill
from tests.interop import deps
from tests.interop.trackers import npm_tracker
from tests.nat.lab import Lab, why_none
from tests.nat.routers import Kind
from tests.places.people import Person, code_of, finish, met_at, roads

pytestmark = [
    pytest.mark.slow,
    pytest.mark.webrtc,
    pytest.mark.skipif(why_none() is not None, reason=why_none() or ""),
]

SIZE = 2_000_000


@pytest.fixture(autouse=True, scope="module")
def _node() -> None:
    """Node and its modules, installed where they were missing."""
    try:
        if shutil.which("node") is None or not deps.MODULES.exists():
            deps.ensure(system=False)
    except deps.Missing as missing:
        pytest.fail(str(missing), pytrace=False)


def test_a_tracker_is_all_that_both_reach(tmp_path: Path) -> None:
    film = fill(tmp_path / "film.bin", SIZE)
    with Lab(tmp_path, Kind.CONE, Kind.CONE) as lab:
        # As one of Google's is out there: it says which address one has, and nothing else.
        stun = lab.world.start(
            *("relay", "--host", "0.0.0.0", "--port", "3478", "--no-announce"),
            inside=lab.server(4).inside,
        )
        stun.wait_for_line("ready at")
        with npm_tracker(tmp_path, lab.server(3).inside, "10.99.0.3") as tracker:
            settings = {
                "FILESEND_TRACKERS": tracker.url,
                "FILESEND_ICE_SERVERS": "stun:10.99.0.4:3478",
            }
            ann = Person(lab.world, lab.homes[0], "Ann", **settings)
            bob = Person(lab.world, lab.homes[1], "Bob", **settings)
            sender = ann.send(film)
            code = code_of(sender)
            receiver = bob.receive(code)
            finish(sender, receiver)
        assert bob.got(film)
        assert tracker.url in met_at(receiver)
        assert roads(receiver)[-1] in ("direct", "webrtc")
