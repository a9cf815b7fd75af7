"""Everybody in one box: sent to at once or once they are met, turned to, and parted from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from filesend_tui.core import events
from filesend_tui.core.errors import BadSource, NotPaired, Offender
from filesend_tui.core.events import Allowance, Contact, SessionId
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.screens.boxes.allowing import AllowingScreen, _kinds, _typed
from filesend_tui.screens.boxes.approval import ApprovalScreen
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.boxes.naming import NamingScreen
from filesend_tui.screens.boxes.people import PeopleScreen
from filesend_tui.widgets.bars.key_bar import KeyBar
from filesend_tui.widgets.bars.request_bar import RequestBar
from filesend_tui.widgets.people_list import PeopleList
from filesend_tui.widgets.turning import Turning
from tests.tui.moments import asked, receiving
from tests.tui.scripted import Stage
from tests.tui.test_app import notice

ANAS, BENS, CARLS = SessionId("a" * 16), SessionId("b" * 16), SessionId("c" * 16)


def contact(id: str, name: str) -> Contact:
    return Contact(contact=id, name=name, their_name=name, created=0.0, last_seen=1e9)


async def with_both(stage: Stage, pilot: Pilot[None]) -> None:
    """Be paired with Ana, who is shown, and with Ben; know Carl."""
    stage.client.known = [contact("carl", "Carl")]
    stage.client.coming = {"carl": CARLS}
    await stage.settle(pilot)
    await stage.play(
        pilot,
        events.Paired(session=ANAS, partner="Ana"),
        events.Paired(session=BENS, partner="Ben"),
    )


async def opened(stage: Stage, pilot: Pilot[None]) -> PeopleScreen:
    await pilot.press("P")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, PeopleScreen)
    return stage.app.screen


def names(screen: PeopleScreen) -> list[str]:
    return [each.name for each in screen.query_one(PeopleList).rows]


def plan(screen: PeopleScreen) -> str:
    return str(screen.query_one("#plan", Static).render())


def hints(stage: Stage) -> str:
    return stage.app.screen.query_one(KeyBar).render_line(0).text


async def test_everybody_is_listed_and_who_is_online_is_looked_for(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await with_both(stage, pilot)
        stage.client.known.append(contact("dora", "Dora"))
        stage.client.online = {"dora"}
        screen = await opened(stage, pilot)
        assert names(screen) == ["Ana", "Ben", "Dora", "Carl"]
        assert stage.client.waited_for is None, "contacts who call are waited for"
        await stage.play(pilot, events.PartnerGone(session=BENS, partner="Ben", reason="left"))
        assert names(screen) == ["Ana", "Dora", "Carl"]
        await pilot.press("P")
        assert not isinstance(stage.app.screen, PeopleScreen)


async def test_what_is_chosen_goes_to_one_who_is_not_the_partner(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        await pilot.press("space")
        screen = await opened(stage, pilot)
        await pilot.press("down")
        assert plan(screen) == "Enter sends what is chosen to Ben."
        await pilot.press("enter")
        await stage.settle(pilot)
        assert (stage.client.meant, stage.client.groups) == ([BENS], [None])
        assert stage.app.store.recipients == ()
        assert stage.app.current_mode == "transfers"
        assert stage.app.store.partner == "Ana"


async def test_several_are_asked_for_the_same_as_a_group(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        await pilot.press("space")
        await stage.settle(pilot)
        screen = await opened(stage, pilot)
        await pilot.press("space", "space")
        assert plan(screen) == "Enter sends what is chosen to Ana and Ben."
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("new_group") == [(2,)]
        assert stage.client.meant == [ANAS, BENS]
        assert set(stage.client.groups) == {"group of 2"}
        assert all(isinstance(each, Found) for each in stage.client.chosen), "it is read once"
        assert not stage.app.store.picked


async def test_people_may_be_chosen_before_files(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        await opened(stage, pilot)
        await pilot.press("down", "space", "enter")
        await stage.settle(pilot)
        assert stage.app.current_mode == "send"
        assert stage.client.meant == []
        chosen = stage.app.screen.query_one("#chosen", Static)
        assert str(chosen.render()).startswith("For Ben. Nothing chosen yet.")
        await pilot.press("space")
        await stage.settle(pilot)
        assert "For Ben: press S to send." in str(chosen.render())
        await pilot.press("S")
        await stage.settle(pilot)
        assert stage.client.meant == [BENS]
        assert stage.app.store.recipients == ()


async def test_nobody_gets_what_was_for_somebody_who_left(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        await opened(stage, pilot)
        await pilot.press("down", "enter")
        await stage.settle(pilot)
        await pilot.press("space")
        await stage.play(pilot, events.PartnerGone(session=BENS, partner="Ben", reason="left"))
        await pilot.press("S")
        await stage.settle(pilot)
        assert stage.client.meant == []
        assert "Press P to say to whom; your choice stays." in notice(stage)
        assert stage.app.store.picked


async def test_marks_without_a_yes_mean_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        await pilot.press("space")
        await opened(stage, pilot)
        await pilot.press("down", "space", "escape")
        await stage.settle(pilot)
        await pilot.press("S")
        await stage.settle(pilot)
        assert stage.client.meant == [ANAS]


async def test_who_is_not_here_is_met_first_and_the_others_do_not_wait(stage: Stage) -> None:
    stage.client.hangs["call"] = asyncio.Event()
    stage.stuck = {"call carl"}
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await with_both(stage, pilot)
        await pilot.press("space")
        await stage.settle(pilot)
        screen = await opened(stage, pilot)
        await pilot.press("space", "end", "space")
        assert plan(screen).endswith("to Ana and Carl. Who is not here is waited for.")
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.meant == [ANAS]
        assert "It goes to Carl once they are here." in notice(stage)
        screen = await opened(stage, pilot)
        assert stage.app.store.everybody[-1].waited == "0:00"
        await pilot.press("end")
        assert "Stop waiting" in hints(stage)
        assert "Forget" not in hints(stage)
        stage.stuck = set()
        stage.client.hangs["call"].set()
        await stage.settle(pilot)
        assert stage.client.meant == [ANAS, CARLS]
        assert set(stage.client.groups) == {"group of 2"}
        assert names(screen) == ["Ana", "Ben", "Carl"]
        assert stage.app.store.partner == "Ana"


async def test_who_comes_by_themselves_meanwhile_gets_it(stage: Stage) -> None:
    stage.client.hangs["call"] = asyncio.Event()
    stage.stuck = {"call carl"}
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        await pilot.press("space")
        await opened(stage, pilot)
        await pilot.press("end", "enter")
        await stage.settle(pilot)
        stage.stuck = set()
        theirs = SessionId("d" * 16)
        await stage.play(pilot, events.Paired(session=theirs, partner="Carl", contact="carl"))
        assert stage.client.meant == [theirs]


async def test_waiting_can_be_given_up(stage: Stage) -> None:
    stage.client.hangs["call"] = asyncio.Event()
    stage.stuck = {"call carl"}
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        await pilot.press("space")
        await opened(stage, pilot)
        await pilot.press("end", "enter")
        await stage.settle(pilot)
        await pilot.press("q")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, ConfirmScreen), "it would be lost"
        await pilot.press("n")
        screen = await opened(stage, pilot)
        await pilot.press("end", "x")
        stage.stuck = set()
        await stage.settle(pilot)
        assert stage.app.screen is screen, "no question: nothing was sent yet"
        await pilot.press("escape")
        assert "Nothing is sent to Carl" in stage.app.store.notice.message  # type: ignore[union-attr]
        assert stage.app.store.everybody[-1].waited == ""
        assert stage.client.meant == []


async def test_one_who_is_gone_costs_nobody_else_theirs(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        request = stage.client.request

        async def refuse(*paths: object, **how: object) -> str:
            if how["to"] == ANAS:
                raise NotPaired("Ana is gone.")
            return await request(*paths, **how)  # type: ignore[arg-type]

        stage.client.request = refuse  # type: ignore[method-assign]
        await pilot.press("space")
        await opened(stage, pilot)
        await pilot.press("space", "space", "enter")
        await stage.settle(pilot)
        assert stage.client.meant == [BENS]
        assert "Ana is gone." in notice(stage)
        assert not stage.app.store.picked


async def test_what_cannot_be_sent_stays_chosen_and_so_do_the_people(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        home = stage.home / "Documents"
        stage.client.fails["look_through"] = BadSource("No.", offenders=[Offender(home, "no")])
        await pilot.press("space")
        await opened(stage, pilot)
        await pilot.press("space", "space", "enter")
        await stage.settle(pilot)
        assert stage.client.meant == []
        assert stage.app.store.picked
        assert stage.app.store.recipients == (ANAS, BENS)


async def test_more_people_than_one_torrent_serves_are_refused_before_anything(
    stage: Stage,
) -> None:
    stage.client.known = [contact(f"c{n}", f"Carl {n}") for n in range(65)]
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("s")
        await stage.settle(pilot)
        await pilot.press("space")
        screen = await opened(stage, pilot)
        marks = screen.query_one(PeopleList)
        marks.marked = frozenset(each.key for each in marks.rows)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "At most 64 people at once." in notice(stage)
        assert stage.app.store.picked
        assert not stage.client.named("look_through") + stage.client.named("call")


async def test_turning_to_somebody_makes_the_keys_mean_them(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        await opened(stage, pilot)
        assert "Turn to" not in hints(stage)
        await pilot.press("down")
        assert "Turn to" in hints(stage)
        await pilot.press("T", "escape")
        await stage.settle(pilot)
        assert stage.app.store.partner == "Ben"
        await pilot.press("m", *"hi", "enter")
        await stage.settle(pilot)
        assert stage.client.meant == [BENS]
        placeholder = stage.app.screen.query_one("TalkField", Input).placeholder
        assert placeholder == "Write a line to Ben"


async def test_a_contact_is_renamed(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        screen = await opened(stage, pilot)
        await pilot.press("R")  # Ana is not remembered
        assert stage.app.screen is screen
        await pilot.press("end", "R")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, NamingScreen)
        await pilot.press("end", *" K", "enter")
        await stage.settle(pilot)
        assert stage.client.named("rename_contact") == [("carl", "Carl K")]
        assert names(screen) == ["Ana", "Ben", "Carl K"]
        for key in ("enter", "escape"):
            await pilot.press("R", key)
            await stage.settle(pilot)
        assert len(stage.client.named("rename_contact")) == 1, "the same name is none"


async def allowing(stage: Stage, pilot: Pilot[None]) -> AllowingScreen:
    """Be asked what of Carl's is taken."""
    await with_both(stage, pilot)
    await opened(stage, pilot)
    await pilot.press("Y")  # Ana is not remembered
    assert isinstance(stage.app.screen, PeopleScreen)
    await pilot.press("end", "Y")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, AllowingScreen)
    return stage.app.screen


async def test_what_is_taken_of_a_contact_without_asking_is_set_and_taken_back(
    stage: Stage, home: Path
) -> None:
    async with stage.app.run_test() as pilot:
        screen = await allowing(stage, pilot)
        assert screen.query_one(Turning).value == "ask first", "nothing is, at first"
        await pilot.press("tab", *"20M", "tab", *"*.jpg, my *.png", "tab", *"~/Photos", "enter")
        await stage.settle(pilot)
        allowed = Allowance(
            folder=str(home / "Photos"), size=20_000_000, kinds=("*.jpg", "my *.png")
        )
        assert stage.client.named("allow_contact") == [("carl", allowed)]
        await pilot.press("Y")
        await stage.settle(pilot)
        now = [each.value for each in stage.app.screen.query(Input)]
        assert now == ["20M", "*.jpg, my *.png", str(home / "Photos")]
        assert stage.app.screen.query_one(Turning).value == "take it"
        await pilot.press("right", "enter")
        await stage.settle(pilot)
        assert stage.client.named("allow_contact")[1:] == [("carl", None)]
        assert stage.app.store.everybody[-1].allowed is None


async def test_what_is_no_size_allows_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await allowing(stage, pilot)
        await pilot.press("tab", *"many", "enter")
        await stage.settle(pilot)
        assert stage.app.screen is screen
        problem = str(screen.query_one("#problem", Static).render())
        assert problem.startswith("✗ Up to: write a size")
        await pilot.press("tab", "tab", "escape")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, PeopleScreen)
        assert stage.client.named("allow_contact") == []


@pytest.mark.parametrize(
    ("kinds", "typed"),
    [
        ((), ""),
        (("*.jpg",), "*.jpg"),
        (("my *.jpg",), "my *.jpg,"),
        (("my *.jpg", "*.png"), "my *.jpg, *.png"),
    ],
    ids=["none", "one", "one with a space", "two"],
)
def test_kinds_that_were_allowed_are_read_back_as_they_were(
    kinds: tuple[str, ...], typed: str
) -> None:
    assert _typed(kinds) == typed
    assert _kinds(typed) == kinds
    assert _kinds("*.jpg *.png") == ("*.jpg", "*.png")


async def test_a_contact_is_forgotten_after_a_question(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        screen = await opened(stage, pilot)
        await pilot.press("end")
        for answer, stay in (("n", ["Ana", "Ben", "Carl"]), ("y", ["Ana", "Ben"])):
            await pilot.press("x")
            await stage.settle(pilot)
            assert isinstance(stage.app.screen, ConfirmScreen)
            await pilot.press(answer)
            await stage.settle(pilot)
            assert names(screen) == stay
        assert stage.client.named("forget_contact") == [("carl",)]


async def test_one_is_parted_from_and_the_others_stay(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await with_both(stage, pilot)
        for event in receiving("r1"):
            await stage.play(pilot, events.of_session(event, BENS))
        screen = await opened(stage, pilot)
        await pilot.press("end", "D")  # nobody who is not paired with
        assert stage.app.screen is screen
        await pilot.press("home", "down", "D")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, ConfirmScreen), "something of his is running"
        await pilot.press("y")
        await stage.settle(pilot)
        assert stage.client.named("leave") == [(BENS,)]
        assert names(screen) == ["Ana", "Carl"]
        assert stage.app.store.partner == "Ana"


async def test_requests_of_several_wait_in_one_bar_and_open_one_after_another(
    stage: Stage,
) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await with_both(stage, pilot)
        for number, (session, who) in enumerate(((BENS, "Ben"), (ANAS, "Ana"), (BENS, "Ben"))):
            for event in asked(f"r{number}", partner=who):
                await stage.play(pilot, events.of_session(event, session))
        line = stage.app.screen.query_one(RequestBar).render_line(0).text
        assert "Ben asks: 6 files" in line
        assert "2 more, of Ana and Ben" in line
        for who in ("r0", "r1", "r2"):
            await pilot.press("f2")
            await stage.settle(pilot)
            assert isinstance(stage.app.screen, ApprovalScreen)
            assert stage.app.screen.request.id == who
            await pilot.press("d")
            await stage.settle(pilot)
            declined = events.TransferState(
                transfer=who,
                direction=events.Direction.RECEIVE,
                phase=events.TransferPhase.DECLINED,
            )
            await pilot.press("escape")
            await stage.play(pilot, declined)
            await pilot.press("escape")
            await stage.settle(pilot)


async def test_the_key_is_named_below_and_by_the_top_where_there_are_several(stage: Stage) -> None:
    async with stage.app.run_test(size=(160, 40)) as pilot:
        await with_both(stage, pilot)
        assert "P People" in hints(stage)
        link = stage.app.screen.query_one("#link", Static)
        assert "⇄ Ana +1" in str(link.render())
        await stage.play(pilot, events.PartnerGone(session=ANAS, partner="Ana", reason="left"))
        assert "1 here: P" in str(link.render())
