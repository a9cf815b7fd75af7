"""The pairing screen's keys."""

from __future__ import annotations

import asyncio

import pytest
from textual import events as textual_events
from textual.widgets import Static

from filesend_tui.core import events
from filesend_tui.core.errors import UnknownCode
from filesend_tui.screens.pair import PairScreen
from filesend_tui.widgets.code_card import CodeCard, QrCode
from filesend_tui.widgets.code_field import CodeField
from tests.tui.moments import ANA, paired
from tests.tui.scripted import CODE, Stage


def screen(stage: Stage) -> PairScreen:
    assert isinstance(stage.app.screen, PairScreen)
    return stage.app.screen


def card(stage: Stage) -> str:
    return str(screen(stage).query_one(CodeCard).render())


async def test_the_code_is_shown_large_with_its_time_and_a_picture(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        assert " ".join(CODE) in card(stage)
        assert "10:00 left" in card(stage)
        qr = screen(stage).query_one(QrCode)
        assert qr.size.height * 2 >= qr.size.width > 20
        stage.now += 61
        screen(stage).draw()
        await pilot.pause()
        assert "8:59 left" in card(stage)


async def test_a_code_too_long_for_the_card_is_shown_unspaced(stage: Stage) -> None:
    long = "123456-blacksmith-wheelbarrow"
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.Code(code=long, expires_seconds=9))
        assert long in card(stage)


async def test_c_copies_the_code(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("c")
        assert stage.app.clipboard == CODE


async def test_n_asks_for_a_new_code(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("n")
        await stage.settle(pilot)
        assert len(stage.client.named("create_code")) == 2


@pytest.mark.parametrize(("reason", "says"), [("expired", "time is over"), ("burned", "burned")])
async def test_a_code_that_is_gone_says_why(stage: Stage, reason: str, says: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.CodeGone(reason=reason))
        assert says in card(stage)
        assert "Press n" in card(stage)
        assert screen(stage).query_one(QrCode).size.width == 0
        await pilot.press("c")
        assert stage.app.clipboard == ""


async def test_a_code_whose_time_is_over_is_not_shown(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.now += 601
        screen(stage).draw()
        await pilot.pause()
        assert CODE not in card(stage)
        assert "Press n" in card(stage)


async def test_typing_a_digit_starts_the_field_and_enter_pairs(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press(*"12-APPLE violin")
        assert screen(stage).query_one(CodeField).value == "12-APPLE violin"
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("join") == [("12-APPLE violin",)]


async def test_tab_completes_a_word(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press(*"12-a")
        await stage.settle(pilot)
        await pilot.press("tab")
        assert screen(stage).query_one(CodeField).value == "12-apple-violin"


async def test_escape_leaves_the_field_and_keys_are_keys_again(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("enter", "s", "escape", "s")
        assert stage.app.current_mode == "send"


async def test_a_code_pasted_anywhere_lands_in_the_field(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        for _ in range(2):  # without and with the keys in the field
            stage.app.screen.post_message(textual_events.Paste("  7-apple-violin \n"))
            await stage.settle(pilot)
            assert screen(stage).query_one(CodeField).value == CODE


@pytest.mark.parametrize(
    "text",
    [
        "Code: 4711-acrobat-violin\nTell it to the other person.",
        "[12:04] Ann: it is 4711-acrobat-violin, quick, before 12:14! " + "And more talk. " * 40,
        "filesend receive 4711-acrobat-violin\n",
    ],
    ids=["printed", "talk", "command"],
)
async def test_of_a_pasted_text_the_one_code_is_taken(stage: Stage, text: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.app.screen.post_message(textual_events.Paste(text))
        await stage.settle(pilot)
        assert screen(stage).query_one(CodeField).value == "4711-acrobat-violin"
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("join") == [("4711-acrobat-violin",)]


@pytest.mark.parametrize("left", [False, True])
async def test_after_a_refused_code_the_next_one_replaces_it(stage: Stage, left: bool) -> None:
    stage.client.fails["join"] = UnknownCode("No code with this number is open.")
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press(*"7-apple-violin", "enter")
        await stage.settle(pilot)
        assert screen(stage).query_one(CodeField).value == "7-apple-violin"  # to be corrected
        if left:
            await pilot.press("escape")
        await pilot.press(*"12-acorn-acid", "enter")
        await stage.settle(pilot)
        assert stage.client.named("join") == [("7-apple-violin",), ("12-acorn-acid",)]


async def test_a_pasted_beginning_can_be_finished_by_hand(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.app.screen.post_message(textual_events.Paste("4711-"))
        await stage.settle(pilot)
        await pilot.press(*"acorn-acid")
        assert screen(stage).query_one(CodeField).value == "4711-acorn-acid"


async def test_pairing_is_shown_while_it_goes_on_and_asked_once(stage: Stage) -> None:
    stage.client.hangs["join"] = asyncio.Event()
    stage.stuck = {"join"}
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press(*"7-apple-violin", "enter", "enter")
        await stage.settle(pilot)
        advice = str(screen(stage).query_one("#advice", Static).render())
        assert "Pairing…" in advice
        assert len(stage.client.named("join")) == 1
        stage.client.hangs["join"].set()


async def test_while_paired_there_is_no_code_and_no_field(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("7")
        await stage.play(pilot, paired())
        await pilot.press("p")
        await stage.settle(pilot)
        assert f"You are paired with {ANA}." in card(stage)
        assert not screen(stage).query_one(CodeField).display
        await pilot.press("n", "c", "enter", "7")
        await stage.settle(pilot)
        assert len(stage.client.named("create_code")) == 1
        assert stage.app.clipboard == ""


async def test_a_code_that_comes_all_at_once_is_typed_into_the_field(stage: Stage) -> None:
    """As over a slow line: no key may be taken for a command."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        for character in "12-squid-cactus":
            key = {"-": "minus"}.get(character, character)
            stage.app.post_message(textual_events.Key(key, character))
        await stage.settle(pilot)
        assert screen(stage).query_one(CodeField).value == "12-squid-cactus"
