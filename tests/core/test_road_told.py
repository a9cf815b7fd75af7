"""People are told which road a transfer takes, why no better one, and what holds it back.

Two real clients, a real relay and its transit.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import RoadChoice
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.exchange import patience
from filesend_tui.core.transports.direct import road
from filesend_tui.core.transports.direct.offer import Endpoint
from filesend_tui.state.store import Store
from relay.guard.limits import Limits, Rate
from tests.conftest import RunningRelay, running_relay
from tests.core.test_client import BIG, SLOW, Person, pair, yes
from tests.core.test_taking_over import Gate, gate  # noqa: F401 - a fixture
from tests.torrent.lab import write_tree

pytestmark = pytest.mark.webrtc

KIB = 1024


def shown(person: Person, transfer: str) -> Store:
    """What the screens show of all that a person was told."""
    store = Store()
    for event in person.log:
        store.apply(event, 0.0)
    assert transfer in store.rows
    return store


async def test_why_and_what_was_tried_and_that_it_is_over(
    relay: RunningRelay,
    tmp_path: Path,
    gate: Gate,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    defaults = road.DirectRoad.meet.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "timeout", 3.0)
    write_tree(tmp_path, {"src/big.bin": BIG})
    gate.open = False
    async with pair(relay, tmp_path, upload_limit=SLOW // 2) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        for person in (ann, bob):
            (met,) = await person.until(partial(person.of, e.PeerConnected))
            assert met.road == "relayed"
            assert [each.road for each in met.tried] == ["direct", "relayed"]
            assert [each.outcome for each in met.tried] == ["goingOn", "taken"]
            assert met.why == "Better roads are still tried, and meanwhile the relay carries it."
            # Once the direct attempt has ended, more is known.
            told = (await person.until(partial(person.of, e.PeerRoads)))[0]
            assert told.tried[0].outcome == "failed"
            assert told.tried[0].clues == ("noRoute",)
            assert "no way from here" in told.why
            assert "4040" in told.hint
            row = shown(person, transfer).rows[transfer]
            assert (row.why, row.why_hint) == (told.why, told.hint)
            assert shown(person, transfer).detail(transfer).tried == told.tried
        gate.open = True
        for person in (ann, bob):
            (direct,) = await person.until(partial(person.of, e.PeerConnected, road="direct"))
            assert (direct.why, direct.hint) == ("", "")
            assert [each.outcome for each in direct.tried] == ["taken"]
            row = shown(person, transfer).rows[transfer]
            assert (row.road, row.why) == ("direct", "")
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE


async def test_routers_that_give_everyone_a_new_port_are_named(
    relay: RunningRelay,
    tmp_path: Path,
    gate: Gate,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def reflected(_url: str, _family: object, _port: int) -> Endpoint:
        return Endpoint("203.0.113.1", 9)

    monkeypatch.setattr(road, "reflected", reflected)
    write_tree(tmp_path, {"src/big.bin": BIG})
    gate.open = False
    async with pair(relay, tmp_path, upload_limit=SLOW) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/big.bin"])
        await yes(bob)
        for person in (ann, bob):
            (met,) = await person.until(partial(person.of, e.PeerConnected))
            assert met.why == "Both routers give a new port to everyone, so the relay carries it."
            assert "portsChangeHere" in met.tried[0].clues
        for person in (ann, bob):
            assert await person.ended(transfer) is TransferPhase.DONE


async def test_a_road_that_the_settings_force_says_so(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path, {"src/a": b"a"})
    async with pair(relay, tmp_path, road=RoadChoice.RELAYED) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src/a"])
        await yes(bob)
        assert await bob.ended(transfer) is TransferPhase.DONE
        (met,) = bob.of(e.PeerConnected)
        assert met.why == "Your settings leave better roads out, so the relay carries it."
        assert [each.outcome for each in met.tried] == ["leftOut", "leftOut", "taken"]


async def test_a_relay_that_holds_it_back_is_named_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day's worth that is used up at once: both are told, nothing fails, and it arrives."""
    soon = patience.SLOWED._replace(tells=1.0)
    waits = {key: soon if w is patience.SLOWED else w for key, w in patience.WAITS.items()}
    monkeypatch.setattr(patience, "WAITS", waits)
    write_tree(tmp_path, {"src/some.bin": BIG[: 400 * KIB]})
    limits = Limits(transit_day=Rate(200 * KIB, 40 * KIB))
    with running_relay(limits) as relay:
        async with pair(relay, tmp_path, road=RoadChoice.RELAYED) as (ann, bob):
            transfer = await ann.client.request([tmp_path / "src/some.bin"])
            await yes(bob)
            for person in (ann, bob):
                (slowed,) = await person.until(partial(person.of, e.PeerSlowed))
                assert (slowed.reason, slowed.transfer) == ("day", transfer)
                assert slowed.bytes_per_second == 40 * KIB
                assert "used up" in slowed.message
                assert "goes on by itself" in slowed.hint
                assert shown(person, transfer).rows[transfer].slowed == slowed.message
            for person in (ann, bob):
                assert await person.ended(transfer) is TransferPhase.DONE
                assert not person.of(e.Error)
                assert {wait.what for wait in person.of(e.Waiting)} <= {"relaySlows"}
            assert not shown(bob, transfer).rows[transfer].slowed
