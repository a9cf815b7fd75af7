"""Two machines on one network, where nobody configured anything, or one of them did."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.network import Host, why_none
from tests.e2e.processes import fill
from tests.nearby.lan import Lan
from tests.places.people import Person, code_of, finish, met_at

pytestmark = [
    pytest.mark.slow,
    pytest.mark.webrtc,
    pytest.mark.skipif(why_none() is not None, reason=why_none() or ""),
]

SIZE = 3_000_000
SLOWLY = ("--upload-limit", "300k")
Record = Callable[[str, object], None]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return fill(tmp_path / "film.bin", SIZE)


def test_with_nothing_configured(
    lan: Lan, one: Host, other: Host, film: Path, record_property: Record
) -> None:
    ann, bob = Person(lan.world, one, "Ann"), Person(lan.world, other, "Bob")
    began = time.monotonic()
    sender = ann.send(film, in_full=True)
    code = code_of(sender)
    coded = time.monotonic()
    receiver = bob.receive(code, in_full=True)
    finish(sender, receiver)
    ended = time.monotonic()
    assert bob.got(film)
    for what, seconds in (
        ("start to code", coded - began),
        ("receive", ended - coded),
        ("start to end", ended - began),
    ):
        print(f"places: {what}: {seconds:.2f} s")
        record_property(f"places: {what}", f"{seconds:.2f} s")
    assert ended - began < 100, "so slow is no machine"


def test_two_of_one_machine_use_one_relay(lan: Lan, one: Host, film: Path) -> None:
    """Under two addresses it would take the number of a code twice, and have none for its maker."""
    ann, bob = Person(lan.world, one, "Ann"), Person(lan.world, one, "Bob")
    sender = ann.send(film)
    code = code_of(sender)
    receiver = bob.receive(code)
    finish(sender, receiver)
    assert bob.got(film)
    assert met_at(sender) == met_at(receiver) == {"http://127.0.0.1:8421"}


@pytest.mark.parametrize("configured", ["sender", "receiver"])
@pytest.mark.parametrize("announced", ["--announce", "--no-announce"])
def test_one_has_a_relay_configured(
    lan: Lan, one: Host, other: Host, film: Path, configured: str, announced: str
) -> None:
    lan.relay(lan.host("192.168.7.3/24"), "--host", "0.0.0.0", announced)
    named = {"FILESEND_RELAY": "http://192.168.7.3:8421"}
    ann = Person(lan.world, one, "Ann", **(named if configured == "sender" else {}))
    bob = Person(lan.world, other, "Bob", **(named if configured == "receiver" else {}))
    sender = ann.send(film)
    receiver = bob.receive(code_of(sender))
    finish(sender, receiver)
    assert bob.got(film)


@pytest.mark.parametrize("says_goodbye", [False, True], ids=["killed", "ended"])
def test_a_relay_nearby_that_vanishes_in_mid_transfer(
    lan: Lan, one: Host, other: Host, film: Path, says_goodbye: bool
) -> None:
    relay = lan.relay(lan.host("192.168.7.3/24"), "--host", "0.0.0.0", "--announce")
    there = "http://192.168.7.3:8421"
    # They meet there alone: Bob's own relay is for his machine, and Ann has none.
    ann = Person(lan.world, one, "Ann", FILESEND_RELAY=there)
    bob = Person(lan.world, other, "Bob")
    sender = ann.send(film, *SLOWLY)
    receiver = bob.receive(code_of(sender))
    receiver.wait_for("download", lambda event: event["downloadedBytes"] > 0)
    assert there in met_at(receiver)
    if says_goodbye:
        relay.signal(signal.SIGTERM)
        # Bob's takes its place on the network.
        sender.wait_for("relay", lambda event: event["url"] == "http://192.168.7.2:8421")
    else:
        relay.kill()
    finish(sender, receiver)
    assert bob.got(film)
    for process in (sender, receiver):
        assert "partnerGone" not in process.names(), process.report()
