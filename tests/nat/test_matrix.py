"""What gets through between two networks, with no server but the relay. The whole: `make nat`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nat.lab import Lab, goes_by, knows_why, says, why_none
from tests.nat.routers import Kind

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_none() is not None, reason=why_none() or ""),
]

#: Seconds from the yes to the first byte, at most.
PATIENCE = 10.0
SIZE = 4_000_000

#: By which road at last. Through both routers TCP is punched; where that cannot be, the relay
#: carries the bytes.
PAIRS = [
    (Kind.PUBLIC, Kind.CONE, "direct"),
    (Kind.CONE, Kind.CONE, "direct"),
    (Kind.FULL_CONE, Kind.NO_UDP, "direct"),
    (Kind.CGNAT, Kind.CGNAT, "direct"),
    (Kind.V6, Kind.V6, "direct"),
    (Kind.DUAL, Kind.DUAL, "direct"),
    (Kind.LAN, Kind.LAN, "direct"),
    (Kind.COUNTING, Kind.CONE, "direct"),
    (Kind.SYMMETRIC, Kind.SYMMETRIC, "relayed"),
    (Kind.ONLY_443, Kind.NO_UDP, "relayed"),
    (Kind.V6, Kind.CONE, "relayed"),
    (Kind.PROXY, Kind.CONE, "relayed"),
]


@pytest.mark.parametrize(("one", "other", "road"), PAIRS)
def test_a_file_gets_through(tmp_path: Path, one: Kind, other: Kind, road: str) -> None:
    with Lab(tmp_path, one, other) as lab:
        lab.start_relay()
        # Where the relay is not the best, a busy machine may need it first.
        outcome = lab.send(SIZE, slow_until=goes_by(road))
        assert outcome.same, outcome
        assert outcome.road == road, outcome
        assert outcome.first_byte is not None
        assert outcome.first_byte < PATIENCE, outcome
        assert not outcome.told


@pytest.mark.parametrize("scheme", ["http", "socks5h"], ids=str)
def test_no_packet_goes_around_a_proxy(tmp_path: Path, scheme: str) -> None:
    with Lab(tmp_path, Kind.PROXY, Kind.PROXY) as lab:
        lab.start_relay()
        lab.proxy_url = lab.proxy_url.replace("http", scheme)
        outcome = lab.send(SIZE, ice=None)  # with STUN, as nobody chose none
        assert outcome.same, outcome
        assert set(outcome.roads) == {"relayed"}
        assert not outcome.told
        assert "by a proxy, and nothing goes around that" in outcome.why
        assert (lab.around(0), lab.around(1)) == (0, 0)
        assert lab.proxy is not None
        asked = {line for line in lab.proxy.lines if line.startswith("asked for")}
        assert asked == {"asked for 10.99.0.1:443"}


def test_a_road_that_was_chosen_goes_around_the_proxy(tmp_path: Path) -> None:
    """The proof of the one above: what it counts is there where somebody wanted it."""
    with Lab(tmp_path, Kind.PROXY, Kind.PROXY) as lab:
        lab.start_relay()
        sender, receiver = lab.begin(SIZE, "--road", "direct")
        sender.wait_for("fileAnswer")
        receiver.wait_for("waiting")
        for process in (sender, receiver):
            process.kill()
        assert lab.around(0) + lab.around(1) > 0


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        pytest.param(
            Kind.SYMMETRIC, Kind.SYMMETRIC, "Both routers give a new port to everyone", id="both"
        ),
        pytest.param(Kind.SYMMETRIC, Kind.CONE, "Their router gives a new port", id="theirs"),
        pytest.param(Kind.CONE, Kind.SYMMETRIC, "Your router gives a new port", id="ones own"),
        pytest.param(Kind.V6, Kind.CONE, "IPv4 only, and the other one IPv6 only", id="families"),
        pytest.param(Kind.CONE, Kind.CONE, "", id="the best road"),
    ],
)
def test_it_is_said_why_it_goes_no_better_way(
    tmp_path: Path, one: Kind, other: Kind, why: str
) -> None:
    with Lab(tmp_path, one, other) as lab:
        lab.start_relay()
        outcome = lab.send(SIZE, slow_until=says(why) if why else knows_why)
        assert outcome.same, outcome
        assert why in outcome.why, outcome
        assert bool(outcome.why) is bool(why), outcome


def test_a_forwarded_port_makes_it_direct_as_people_are_told(tmp_path: Path) -> None:
    with Lab(tmp_path, Kind.SYMMETRIC, Kind.SYMMETRIC) as lab:
        lab.start_relay()
        lab.forward(0, 4040)
        lab.world.environment["FILESEND_DIRECT_PORT"] = "4040"
        outcome = lab.send(SIZE, slow_until=goes_by("direct"))
        assert outcome.same, outcome
        assert outcome.road == "direct", outcome


def test_webrtc_gets_through_by_the_relays_stun_alone(tmp_path: Path) -> None:
    with Lab(tmp_path, Kind.CONE, Kind.CONE) as lab:
        lab.start_relay("--transit", "off")
        outcome = lab.send(SIZE // 4, "--road", "webrtc", ice=None)
        assert outcome.same, outcome
        assert outcome.road == "webrtc"


def test_a_relay_without_a_transit_is_in_nobodys_way(tmp_path: Path) -> None:
    with Lab(tmp_path, Kind.CONE, Kind.CONE) as lab:
        lab.start_relay("--transit", "off")
        outcome = lab.send(SIZE)
        assert outcome.same, outcome
        assert outcome.road == "direct"
        assert not outcome.told
