"""People nearby in the box of everybody: seen where one is seen, and asked to pair by a code."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from filesend_tui.core import events
from filesend_tui.core.events import SessionId
from filesend_tui.core.nearby.people import NearbyPerson
from filesend_tui.runtime import near_people
from filesend_tui.widgets.people_list import PeopleList
from tests.tui.scripted import Stage
from tests.tui.scripted_nearby import ME, Network
from tests.tui.test_app import notice
from tests.tui.test_people import hints, names, opened, plan

ANA = NearbyPerson("Ana", "000000aa", "")
BEN = NearbyPerson("Ben", "000000bb", "")


async def test_nobody_is_seen_unless_one_wants_to_be_seen(stage: Stage) -> None:
    network = Network(stage, visible=False)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        screen = await opened(stage, pilot)
        assert network.here == []
        await pilot.press("V")
        await stage.settle(pilot)
        assert (network.now.name, network.now.open) == ("You", True)
        network.now.found(ANA)
        await stage.settle(pilot)
        assert names(screen) == ["Ana"]
        await pilot.press("V")
        await stage.settle(pilot)
        assert names(screen) == []
        assert not network.now.open
        network.now.found(BEN)  # what comes late
        await stage.settle(pilot)
        assert names(screen) == []
    assert len(network.here) == 1


async def test_where_the_network_is_left_alone_the_key_does_nothing(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await opened(stage, pilot)
        assert "Nearby" not in hints(stage)
        await pilot.press("V")
        await stage.settle(pilot)
        assert stage.app.store.people.visible is None


async def test_one_nearby_is_asked_to_pair_and_sent_nothing(stage: Stage) -> None:
    network = Network(stage, visible=True)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        network.now.found(ANA)
        network.now.found(BEN)
        screen = await opened(stage, pilot)
        assert names(screen) == ["Ana", "Ben"]
        await pilot.press("space")  # nobody nearby can be marked
        assert not screen.query_one(PeopleList).marked
        await pilot.press("down")
        await stage.settle(pilot)
        assert plan(screen) == "Enter asks Ben to type the code on your screen."
        assert "Ask to pair" in hints(stage)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.app.current_mode == "pair"
        assert network.now.called == [BEN.instance]
        assert stage.client.meant == []
        assert "Tell them your code" in notice(stage)
        await stage.play(pilot, events.Paired(session=SessionId("b" * 16), partner="Ben"))
        assert network.now.called == [BEN.instance, ""], "nobody is asked once somebody came"
        assert names(await opened(stage, pilot)) == ["Ben", "Ana"], "who was met is one line"


async def test_one_who_asks_is_told_of_and_a_crowd_of_them_is_not(stage: Stage) -> None:
    network = Network(stage, visible=True)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        network.now.found(ANA._replace(calls="000000bb"))
        await stage.settle(pilot)
        assert "would like to pair" not in notice(stage)
        network.now.gone(ANA)
        network.now.found(ANA._replace(calls=ME))
        await stage.settle(pilot)
        assert "Ana, nearby, would like to pair." in notice(stage)
        told: list[str] = []
        for number in range(100):
            stage.app.store.notice = None
            network.now.found(NearbyPerson("Mallory", f"{number:08x}", ME))
            if stage.app.store.notice is not None:
                told.append(f"{number}")
        assert len(told) <= 3


async def test_asking_ends_by_itself(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_people, "ASKING", 0.0)
    network = Network(stage, visible=True)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        network.now.found(ANA)
        await opened(stage, pilot)
        await pilot.press("enter")
        await stage.wait_until(pilot, lambda: network.now.called == [ANA.instance, ""])


async def test_another_name_is_seen_from_then_on(stage: Stage) -> None:
    network = Network(stage, visible=True)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        await rename(stage, pilot, "Zoe")
        assert [each.name for each in network.here] == ["You", "Zoe"]
        assert [each.open for each in network.here] == [False, True]


async def rename(stage: Stage, pilot: Pilot[None], name: str) -> None:
    """Have the settings say another name."""
    await stage.app._prefer({"name": name})
    await stage.settle(pilot)


async def test_keeping_to_this_machine_hides_this_side(stage: Stage) -> None:
    network = Network(stage, visible=True)
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        network.now.found(ANA)
        stage.app.action_narrow()
        await stage.settle(pilot)
        assert not network.now.open
        assert stage.app.store.people.visible is None
        assert names(await opened(stage, pilot)) == []
