"""People who are seen by mDNS, on a network of real hosts, and what of an announcement counts."""

from __future__ import annotations

import pytest

from filesend_tui.core.nearby.announced import Announced
from filesend_tui.core.nearby.interfaces import here
from filesend_tui.core.nearby.people import MAX_NAME, NearbyPerson, person_in
from tests.chaos.network import Host, why_none
from tests.e2e.processes import Filesend
from tests.nearby.lan import Lan, ask
from tests.nearby.test_table import HERE

NOW = "0000000a"


def said(**facts: str | bytes) -> Announced:
    raw = {
        key.encode(): value.encode() if isinstance(value, str) else value
        for key, value in facts.items()
    }
    return Announced(("192.168.7.9",), 0, raw)


def test_a_name_and_whom_they_call() -> None:
    assert person_in(NOW, said(v="1", n="Ana"), HERE) == NearbyPerson("Ana", NOW, "")
    assert person_in(NOW, said(v="1", n="Ana", c="00c0ffee"), HERE) == NearbyPerson(
        "Ana", NOW, "00c0ffee"
    )


@pytest.mark.parametrize(
    "announced",
    [
        said(n="Ana"),
        said(v="2", n="Ana"),
        said(v="1"),
        said(v="1", n=""),
        said(v="1", n="\u200b\u202e\x1b"),
        said(v="1", n="Ana")._replace(addresses=("10.0.0.1",)),
        said(v="1", n="Ana")._replace(addresses=()),
    ],
    ids=["no version", "another", "no name", "empty", "invisible", "elsewhere", "nowhere"],
)
def test_what_is_nobody(announced: Announced) -> None:
    assert person_in(NOW, announced, HERE) is None


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"Ana\x1b[31m\nBen", "Ana[31m Ben"),
        ("Ana\u202eneB".encode(), "AnaneB"),
        (b"\xff\xfeAna", "\ufffd\ufffdAna"),
        (b"x" * 255, "x" * (MAX_NAME - 1) + "…"),
    ],
    ids=["escape", "bidi", "no UTF-8", "long"],
)
def test_a_name_is_harmless(raw: bytes, name: str) -> None:
    person = person_in(NOW, said(v="1", n=raw), HERE)
    assert person is not None
    assert person.name == name


@pytest.mark.parametrize("calls", ["Ana", "x" * 200, "\x1b[0m", "0000000a0"])
def test_a_call_to_no_announcement_is_none(calls: str) -> None:
    person = person_in(NOW, said(v="1", n="Ana", c=calls), HERE)
    assert person is not None
    assert person.calls == ""


def test_the_longest_name_fits_into_a_record() -> None:
    assert len(f"n={'😀' * MAX_NAME}".encode()) <= 255


def test_this_machine_is_told_by_addresses_of_its_networks() -> None:
    place = here()
    assert len(place.told) <= 16
    assert all(any(each in network for network in place.networks) for each in place.told)


def me(looker: Filesend) -> str:
    return str(looker.wait_for("me")["instance"])


def say(looker: Filesend, line: str) -> None:
    assert looker.process.stdin is not None
    looker.process.stdin.write(f"{line}\n")
    looker.process.stdin.flush()


@pytest.mark.slow
@pytest.mark.skipif(why_none() is not None, reason=why_none() or "")
def test_two_see_each_other_call_and_go(lan: Lan, one: Host, other: Host) -> None:
    ana = lan.looker(one, "--as", "Ana")
    ben = lan.looker(other, "--as", "Ben 😀")
    seen = ana.wait_for("found")
    assert (seen["name"], seen["instance"], seen["calls"]) == ("Ben 😀", me(ben), "")
    assert ben.wait_for("found")["instance"] == me(ana)
    say(ana, f"call {me(ben)}")
    ben.wait_for("found", lambda event: event["calls"] == me(ben))
    assert ana.process.stdin is not None
    ana.process.stdin.close()
    assert ana.end() == 0
    ben.wait_for("gone", lambda event: event["calls"] == me(ben))
    assert ask(ben)["relays"] == 0


@pytest.mark.slow
@pytest.mark.skipif(why_none() is not None, reason=why_none() or "")
def test_a_call_is_taken_back_and_they_stay(lan: Lan, one: Host, other: Host) -> None:
    ana = lan.looker(one, "--as", "Ana")
    ben = lan.looker(other, "--as", "Ben")
    ben.wait_for("found")
    say(ana, f"call {me(ben)}")
    ben.wait_for("found", lambda event: event["calls"] == me(ben))
    say(ana, "call")
    ben.wait_for("gone", lambda event: event["calls"] == me(ben))
    assert ask(ben)["relays"] == 1


@pytest.mark.slow
@pytest.mark.skipif(why_none() is not None, reason=why_none() or "")
def test_relays_and_people_are_different_things(lan: Lan, one: Host, other: Host) -> None:
    relays = lan.looker(other)
    ana = lan.looker(one, "--as", "Ana")
    ben = lan.looker(other, "--as", "Ben")
    lan.relay(one, "--host", "0.0.0.0", "--announce")
    relays.wait_for("found")
    ana.wait_for("found")
    ben.wait_for("found")
    assert [each["event"] for each in relays.events].count("found") == 1
    assert {each["name"] for each in ben.events if each["event"] == "found"} == {"Ana"}
