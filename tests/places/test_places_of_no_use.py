"""Places that hang, are full, or let everybody in: they delay nobody who meets at another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.network import Host, why_none
from tests.e2e.processes import fill
from tests.nearby.lan import Lan
from tests.places.people import Person, code_of, finish, met_at, start_rogue

pytestmark = [
    pytest.mark.slow,
    pytest.mark.webrtc,
    pytest.mark.skipif(why_none() is not None, reason=why_none() or ""),
]

SIZE = 500_000
ROGUE = "192.168.7.66"


@pytest.fixture
def rogue(lan: Lan) -> Host:
    return lan.host(f"{ROGUE}/24")


@pytest.mark.parametrize(
    ("nearby", "tracker"),
    [("hang", "hang"), ("full-relay", "full-tracker")],
    ids=["hang", "full"],
)
def test_what_hangs_or_is_full_delays_nobody(
    lan: Lan, rogue: Host, tmp_path: Path, nearby: str, tracker: str
) -> None:
    film = fill(tmp_path / "film.bin", SIZE)
    start_rogue(lan.world, rogue, ROGUE, nearby, 8421)
    start_rogue(lan.world, rogue, ROGUE, tracker, 8422)
    settings = {"FILESEND_TRACKERS": f"ws://{ROGUE}:8422/announce"}
    one = lan.host("192.168.7.1/24")
    ann = Person(lan.world, one, "Ann", **settings)
    bob = Person(lan.world, lan.host("192.168.7.2/24"), "Bob", **settings)
    sender = ann.send(film)
    code = code_of(sender)
    # What is found, and is of no use, keeps nobody from having a relay for this network.
    assert "*:8421" in one.run("ss", "-ltnH")
    receiver = bob.receive(code)
    finish(sender, receiver)
    assert bob.got(film)


def test_who_is_let_in_to_nobody_pairs_elsewhere(lan: Lan, rogue: Host, tmp_path: Path) -> None:
    film = fill(tmp_path / "film.bin", SIZE)
    start_rogue(lan.world, rogue, ROGUE, "silent-relay", 8421)
    ann = Person(lan.world, lan.host("192.168.7.1/24"), "Ann")
    there = f"http://{ROGUE}:8421"
    bob = Person(lan.world, lan.host("192.168.7.2/24"), "Bob", FILESEND_RELAY=there)
    sender = ann.send(film)
    receiver = bob.receive(code_of(sender))
    finish(sender, receiver)
    assert bob.got(film)
    assert there in met_at(receiver)
