"""What earlier runs did not finish: told, gone on with, forgotten, and shown while it waits."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace
from textual.pilot import Pilot

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import Direction, TransferPhase
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.boxes.unfinished import UnfinishedScreen
from filesend_tui.widgets.bars.key_bar import KeyBar
from filesend_tui.widgets.fields.code_field import CodeField
from filesend_tui.widgets.unfinished_list import UnfinishedList
from tests.tui.moments import ANA, ANAS, BENS, asked, coming_back, left, paired, phase
from tests.tui.scripted import CODE, URL, Stage
from tests.tui.test_app import notice

ELSEWHERE = "https://relay.example"


async def opened(stage: Stage, pilot: Pilot[None]) -> UnfinishedScreen:
    await stage.settle(pilot)
    await pilot.press("U")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, UnfinishedScreen)
    return stage.app.screen


def shown(screen: UnfinishedScreen) -> list[str]:
    return [each.transfer for each in screen.query_one(UnfinishedList).rows]


def hints(stage: Stage) -> str:
    return stage.app.screen.query_one(KeyBar).render_line(0).text


def resumed(stage: Stage) -> list[Any]:
    return [transfer for _, transfer in stage.client.named("resume")]


async def test_nothing_is_told_where_nothing_is_unfinished(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        assert notice(stage) == ""
        assert "F3" not in hints(stage)
        await pilot.press("f3")
        await stage.settle(pilot)
        assert resumed(stage) == []


async def test_what_is_unfinished_is_told_with_the_key_that_goes_on(stage: Stage) -> None:
    stage.client.left = left()
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        assert "3 transfers are unfinished" in notice(stage)
        assert "F3 goes on with them, U shows them" in notice(stage)
        assert "F3 Go on" in hints(stage)
        assert resumed(stage) == [], "nothing goes on unasked"


async def test_of_one_its_name_is_told(stage: Stage) -> None:
    stage.client.left = [left()[0], replace(left()[1], running=True)]
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        assert "the long way home.mp4 is unfinished" in notice(stage)


async def test_one_that_another_window_is_at_is_not_told_of(stage: Stage) -> None:
    stage.client.left = [replace(left()[0], running=True)]
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        assert notice(stage) == ""
        screen = await opened(stage, pilot)
        assert shown(screen) == ["left1"]
        for word in ("Go on", "Forget"):
            assert word not in hints(stage)
        await pilot.press("enter", "f3", "x")
        await stage.settle(pilot)
        assert stage.app.screen is screen
        assert stage.client.named("resume") + stage.client.named("forget") == []


async def test_one_key_goes_on_with_all(stage: Stage) -> None:
    stage.client.left = left()
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        await pilot.press("f3")
        await stage.settle(pilot)
        assert resumed(stage) == ["left1", "left2", "left3"]
        assert stage.app.current_mode == "transfers"
        assert "Going on with 3 transfers" in notice(stage)
        assert "until Ana and Ben are there, too" in notice(stage)
        assert "F3" not in hints(stage)
        await pilot.press("f3")
        await stage.settle(pilot)
        assert len(resumed(stage)) == 3, "what goes on is not gone on with again"


async def test_the_chosen_one_alone_goes_on(stage: Stage) -> None:
    stage.client.left = left()
    async with stage.app.run_test(size=(120, 40)) as pilot:
        screen = await opened(stage, pilot)
        assert shown(screen) == ["left1", "left2", "left3"]
        await pilot.press("down", "enter")
        await stage.settle(pilot)
        assert resumed(stage) == ["left2"]
        assert "Going on with holiday" in notice(stage)
        assert "F3 Go on" in hints(stage), "the others are still there"


async def test_all_go_on_from_the_list_by_the_same_key(stage: Stage) -> None:
    stage.client.left = left()
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await opened(stage, pilot)
        await pilot.press("f3")
        await stage.settle(pilot)
        assert resumed(stage) == ["left1", "left2", "left3"]


async def test_one_is_forgotten_after_a_question(stage: Stage) -> None:
    stage.client.left = left()
    async with stage.app.run_test(size=(120, 40)) as pilot:
        screen = await opened(stage, pilot)
        for answer, stay in (("n", ["left1", "left2", "left3"]), ("y", ["left2", "left3"])):
            await pilot.press("x")
            await stage.settle(pilot)
            assert isinstance(stage.app.screen, ConfirmScreen)
            await pilot.press(answer)
            await stage.settle(pilot)
            assert stage.app.screen is screen
            assert shown(screen) == stay
        assert stage.client.named("forget") == [(ANAS, "left1")]
        await pilot.press("U")
        await stage.settle(pilot)
        assert "unfinished" in notice(stage)


async def test_the_notice_goes_with_the_last_that_is_forgotten(stage: Stage) -> None:
    stage.client.left = left()[:1]
    async with stage.app.run_test(size=(120, 40)) as pilot:
        screen = await opened(stage, pilot)
        await pilot.press("x", "y")
        await stage.settle(pilot)
        assert "Nothing is unfinished" in screen.query_one(UnfinishedList).render_line(0).text
        await pilot.press("escape")
        await stage.settle(pilot)
        assert notice(stage) == ""


async def test_settings_make_it_go_on_by_itself_once_there_is_a_relay(stage: Stage) -> None:
    stage.app._resume = True
    stage.client.left = left()
    stage.relay = asyncio.Event()
    stage.stuck = {"relay"}
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        assert resumed(stage) == []
        stage.relay.set()
        stage.stuck = set()
        await stage.settle(pilot)
        assert resumed(stage) == ["left1", "left2", "left3"]
        assert "Going on with 3 transfers" in notice(stage)
        for each in left():
            await stage.play(pilot, *coming_back(each))
        assert stage.app.current_mode == "pair", "the person stays where they are"


async def test_a_key_before_there_is_a_relay_counts_once_there_is(stage: Stage) -> None:
    stage.client.left = left()
    stage.relay = asyncio.Event()
    stage.stuck = {"relay"}
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        await pilot.press("f3")
        await stage.settle(pilot)
        assert resumed(stage) == []
        assert "once there is a relay" in notice(stage)
        stage.relay.set()
        stage.stuck = set()
        await stage.settle(pilot)
        assert resumed(stage) == ["left1", "left2", "left3"]
        assert "Going on with 3 transfers" in notice(stage)


async def test_one_that_cannot_go_on_stops_none_of_the_others(stage: Stage) -> None:
    stage.client.left = left()[:2]
    stage.client.fails["resume"] = FileSendError("It is of another version.", "Forget it.")
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        await pilot.press("f3")
        await stage.settle(pilot)
        assert resumed(stage) == ["left1", "left2"]
        assert "It is of another version" in notice(stage)


async def test_what_was_at_another_relay_goes_on_there(stage: Stage) -> None:
    stage.client.left = [replace(left()[0], relay=ELSEWHERE)]
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        await pilot.press("f3")
        await stage.settle(pilot)
        assert stage.client.named("connect") == [(URL,), (ELSEWHERE,)]
        assert resumed(stage) == ["left1"]
        assert stage.client.places == [URL, ELSEWHERE]


async def test_nobody_goes_to_another_relay_by_itself(stage: Stage) -> None:
    stage.app._resume = True
    stage.client.left = [replace(left()[0], relay=ELSEWHERE)]
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        assert f"at another relay, {ELSEWHERE}" in notice(stage)
        assert stage.client.named("connect") == [(URL,)]
        assert resumed(stage) == []
        await stage.play(pilot, paired("Carl"))
        await pilot.press("f3")
        await stage.settle(pilot)
        assert resumed(stage) == ["left1"]
        assert stage.client.places == [URL, ELSEWHERE]


async def going_on(stage: Stage, pilot: Pilot[None]) -> None:
    """Have all go on, with both partners away."""
    stage.client.left = left()
    await stage.settle(pilot)
    await pilot.press("f3")
    for each in left():
        await stage.play(pilot, *coming_back(each))


def words(stage: Stage, transfer: str) -> str:
    table = stage.app.screen.query_one("#table")
    at = next(n for n, each in enumerate(table.rows) if each.id == transfer)  # type: ignore[attr-defined]
    lines = table.draw_row(table.rows[at], 100)  # type: ignore[attr-defined]
    return "".join(text for line in lines for text, _ in line)


async def test_it_is_told_while_they_are_away(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await going_on(stage, pilot)
        assert "… waiting" in words(stage, "left1")
        assert "62% · Ana is away" in words(stage, "left1")
        assert "Ben is away" in words(stage, "left3")
        await stage.play(pilot, events.PartnerBack(session=ANAS, partner=ANA))
        assert "waiting" not in words(stage, "left1")
        assert "Ben is away" in words(stage, "left3")


async def test_somebody_else_is_paired_with_meanwhile(stage: Stage) -> None:
    """Both partners are away: the code, the field and who comes by them are as ever."""
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await going_on(stage, pilot)
        await pilot.press("p")
        await stage.settle(pilot)
        assert stage.app.store.code is not None and stage.app.store.code.code == CODE
        assert stage.app.screen.query_one(CodeField).display
        await stage.play(pilot, events.Paired(session=events.SessionId("c" * 16), partner="Carl"))
        assert stage.app.store.partner == "Carl"
        await stage.play(pilot, events.PartnerBack(session=ANAS, partner=ANA))
        assert stage.app.store.partner == "Carl"
        assert stage.client.named("leave") == []


async def test_who_is_back_is_the_partner_where_there_is_none(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await going_on(stage, pilot)
        await stage.play(pilot, events.PartnerBack(session=ANAS, partner=ANA))
        assert (stage.app.store.partner, stage.app.store.session) == (ANA, ANAS)
        assert "Ana is here" in notice(stage)
        await stage.play(pilot, events.PartnerAway(session=ANAS, partner=ANA, reason="lost"))
        assert stage.app.store.absence
        await stage.play(pilot, events.PartnerBack(session=ANAS, partner=ANA))
        assert not stage.app.store.absence


async def test_nobody_appears_while_a_code_is_typed(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await going_on(stage, pilot)
        await pilot.press("p", *"7-app")
        await stage.settle(pilot)
        await stage.play(pilot, events.PartnerBack(session=ANAS, partner=ANA))
        assert stage.app.store.partner is None
        assert stage.app.screen.query_one(CodeField).value == "7-app"
        await pilot.press("escape")
        stage.app._sample()
        await stage.settle(pilot)
        assert stage.app.store.partner == ANA


async def test_who_comes_by_the_code_is_shown_instead_and_both_go_on(stage: Stage) -> None:
    """The code was given away while nobody was there: it is not theirs to lose."""
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await going_on(stage, pilot)
        await stage.play(pilot, events.PartnerBack(session=ANAS, partner=ANA))
        carls = events.SessionId("c" * 16)
        await stage.play(pilot, events.Paired(session=carls, partner="Carl"))
        assert (stage.app.store.partner, stage.app.store.session) == ("Carl", carls)
        assert stage.client.named("leave") == []
        assert "left1" in {row.id for row in stage.app.store.running}


async def test_a_session_beside_is_left_once_all_of_it_is_over(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await going_on(stage, pilot)
        await stage.play(pilot, events.Paired(session=events.SessionId("c" * 16), partner="Carl"))
        await stage.play(pilot, events.PartnerBack(session=ANAS, partner=ANA))
        done = phase("left1", TransferPhase.DONE)
        await stage.play(pilot, replace(done, session=ANAS))
        assert stage.client.named("leave") == [], "there is another with her"
        done = phase("left2", TransferPhase.DONE, Direction.SEND)
        await stage.play(pilot, replace(done, session=ANAS))
        stage.app._sample()
        await stage.settle(pilot)
        assert stage.client.named("leave") == [(ANAS,)]
        assert "left3" in {row.id for row in stage.app.store.running}


async def test_what_they_ask_then_is_asked(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await going_on(stage, pilot)
        await stage.play(pilot, events.PartnerBack(session=ANAS, partner=ANA))
        await stage.play(pilot, *(replace(each, session=ANAS) for each in asked("new")[:1]))
        assert [row.id for row in stage.app.store.requests] == ["new"]


async def test_disconnecting_asks_only_for_what_goes_on_with_them(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await going_on(stage, pilot)
        await stage.play(pilot, events.Paired(session=events.SessionId("c" * 16), partner="Carl"))
        await pilot.press("D")
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, ConfirmScreen)
        assert stage.client.named("leave") == [("c" * 16,)]
        assert {row.session for row in stage.app.store.running} == {ANAS, BENS}


async def test_what_was_given_up_as_they_were_away_too_long_is_offered_again(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await going_on(stage, pilot)
        stage.client.left = left()
        await stage.play(pilot, events.PartnerGone(session=ANAS, partner=ANA, reason="lost"))
        assert "F3 Go on" in hints(stage)
