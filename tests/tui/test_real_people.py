"""Several people at once, with real Clients at a real relay: one is paired with, one is met."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from filesend_tui.app import FileSendApp
from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.journal.journal import Journal
from filesend_tui.runtime import known_people
from filesend_tui.runtime.local_relay import Ask
from filesend_tui.screens.boxes import people
from filesend_tui.screens.boxes.people import PeopleScreen
from filesend_tui.state.people.everybody import Standing
from filesend_tui.widgets.people_list import PeopleList
from filesend_tui.widgets.picker.picker_list import PickerList
from tests.conftest import RunningRelay
from tests.contacts.friends import Friend, befriend, friends
from tests.tui.scripted import ScriptedPlaces
from tests.tui.test_real_code import shown_code, until

pytestmark = pytest.mark.slow


def screens_of(friend: Friend, url: str, start: Path) -> FileSendApp:
    async def here(_: Ask) -> str:
        return url

    config = ClientConfig(name=friend.name, output=friend.output)
    return FileSendApp(
        lambda: Client(config, Journal.open(friend.state)),
        places=ScriptedPlaces(here),
        output=friend.output,
        start=start,
        state=friend.state,
        draws_per_second=20,
        settle=0.0,
    )


def listing(app: FileSendApp) -> bool:
    """Whether the picker has the focus, and shows the folder."""
    return isinstance(app.focused, PickerList) and bool(app.focused.rows)


async def take(friend: Friend) -> events.FileRequest:
    asked = await friend.told(events.FileRequest, direction=events.Direction.RECEIVE)
    await friend.client.answer(asked.transfer, [True])
    return asked


async def test_one_choice_goes_to_who_is_there_and_to_who_comes_later_and_both_ask_back(
    relay: RunningRelay, tmp_path: Path
) -> None:
    sent = tmp_path / "chosen" / "film.bin"
    sent.parent.mkdir()
    sent.write_bytes(b"film" * 50_000)
    async with asyncio.timeout(100), friends(tmp_path, "Ann", "Bob", "Carl") as (ann, bob, carl):
        for each in (ann, bob, carl):
            await each.start(relay.url)
        await befriend(ann, bob)
        await ann.end()
        await bob.end()
        app = screens_of(ann, relay.url, sent.parent)
        async with app.run_test(size=(80, 24)) as pilot:
            await carl.client.join(await shown_code(app, pilot))
            await until(pilot, lambda: listing(app))
            await pilot.press("space", "P")
            await until(pilot, lambda: isinstance(app.screen, PeopleScreen))
            await until(pilot, lambda: len(app.screen.query_one(PeopleList).rows) == 2)
            assert app.store.picked
            await pilot.press("space", "space", "enter")
            assert (await take(carl)).others == 1
            await until(pilot, lambda: app.store.everybody[-1].standing is Standing.CALLED)
            await bob.start(relay.url)
            bob.client.wait_for_contacts(None)
            asked = await take(bob)
            assert asked.others == 1

            def both_have_it() -> bool:
                rows = app.store.transfers
                return [row.phase for row in rows] == [TransferPhase.DONE] * 2

            await until(pilot, both_have_it)
            assert {row.partner for row in app.store.transfers} == {"Carl", "Bob"}
            assert app.store.partner == "Carl"
            await bob.client.request([sent])
            await until(pilot, lambda: app.store.requests)
            await carl.client.request([sent])
            await until(pilot, lambda: len(app.store.requests) == 2)
            assert [row.partner for row in app.store.requests] == ["Bob", "Carl"]
        for friend in (bob, carl):
            assert (friend.output / "film.bin").read_bytes() == sent.read_bytes()


async def test_a_contact_calls_while_a_code_is_shown_and_the_code_still_works(
    relay: RunningRelay, tmp_path: Path
) -> None:
    async with asyncio.timeout(100), friends(tmp_path, "Ann", "Bob", "Carl") as (ann, bob, carl):
        for each in (ann, bob, carl):
            await each.start(relay.url)
        await befriend(ann, bob)
        await ann.end()
        app = screens_of(ann, relay.url, tmp_path)
        async with app.run_test(size=(80, 24)) as pilot:
            code = await shown_code(app, pilot)
            await bob.call("Ann")
            await until(pilot, lambda: app.store.others == 1)
            assert app.store.partner is None
            assert await shown_code(app, pilot) == code
            await carl.client.join(code)
            await until(pilot, lambda: app.store.partner == "Carl")
            assert [each.name for each in app.store.everybody] == ["Bob", "Carl"]
            await until(pilot, lambda: listing(app))


async def test_two_who_only_wait_see_each_other_come_and_go(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_people, "_LOOK", 1.0)

    def bobs(app: FileSendApp) -> Standing:
        (only,) = app.store.everybody
        return only.standing

    async with asyncio.timeout(100), friends(tmp_path, "Ann", "Bob") as (ann, bob):
        for each in (ann, bob):
            await each.start(relay.url)
        await befriend(ann, bob)
        for each in (ann, bob):
            await each.end()
        app, his = (screens_of(each, relay.url, tmp_path) for each in (ann, bob))
        async with app.run_test(size=(80, 24)) as pilot:
            await shown_code(app, pilot)
            await pilot.press("P")
            await until(pilot, lambda: app.store.everybody)
            assert bobs(app) is Standing.KNOWN
            before = time.time()
            async with his.run_test(size=(80, 24)) as other:
                # Nobody presses anything: his program is there, and so hers knows.
                await until(pilot, lambda: bobs(app) is Standing.ONLINE)
                await until(other, lambda: his.store.everybody)
                await until(other, lambda: bobs(his) is Standing.ONLINE)
            monkeypatch.setattr(people, "_LOOK_AGAIN", 2.0)
            await pilot.press("P", "P")
            await until(pilot, lambda: bobs(app) is Standing.KNOWN)
            assert before <= (app.store.everybody[0].last_seen or 0.0) <= time.time()
            # And while her box stays open, he is seen to come back.
            async with screens_of(bob, relay.url, tmp_path).run_test(size=(80, 24)):
                await until(pilot, lambda: bobs(app) is Standing.ONLINE)
            await until(pilot, lambda: bobs(app) is Standing.KNOWN)
