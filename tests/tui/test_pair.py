"""The pairing screen's keys."""

from __future__ import annotations

import asyncio

import pytest
from textual import events as textual_events
from textual.widgets import Static

from filesend_tui.core import events
from filesend_tui.core.errors import RelayUnreachable, UnknownCode
from filesend_tui.core.sessions.places.links import link_to
from filesend_tui.screens.pair import PairScreen
from filesend_tui.state.qr import half_blocks
from filesend_tui.widgets.bars.notice_bar import NoticeBar
from filesend_tui.widgets.bars.top_bar import TopBar
from filesend_tui.widgets.code_card import CodeCard, QrCode
from filesend_tui.widgets.fields.code_field import CodeField
from tests.security.test_terminal import screen_text
from tests.tui.moments import ANA, paired
from tests.tui.scripted import CODE, URL, Stage
from tests.tui.test_app import notice


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


LONG = "123456-blacksmith-wheelbarrow"
SIZES = [(40, 12), (50, 16), (60, 18), (80, 24), (120, 40), (200, 60)]


def in_view(stage: Stage, code: str) -> None:
    """A code in one piece with its time, and the field for the other's, are on the screen."""
    drawn = screen_text(stage.app)
    assert any(code in line.replace(" ", "") for line in drawn), "\n".join(drawn)
    assert any("10:00 left" in line for line in drawn)
    field = screen(stage).query_one(CodeField)
    above, below = screen(stage).query_one(TopBar), screen(stage).query_one(NoticeBar)
    floor = below.region.y if below.display else stage.app.size.height - 1
    assert above.region.bottom <= field.region.y < field.region.bottom <= floor
    assert field.content_region.size.area >= len(code)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("code", [CODE, LONG])
async def test_code_and_field_have_the_first_claim_to_the_room(
    stage: Stage, size: tuple[int, int], code: str
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.CodeGone(reason="relay"))
        await stage.play(pilot, events.Code(code=code, expires_seconds=600))
        in_view(stage, code)  # with the word that it changed, below it and on it
        await pilot.press("escape")
        in_view(stage, code)
        await stage.play(pilot, events.Error(code="x", message="It broke. " * 9, hint="Mend it."))
        in_view(stage, code)


async def test_the_field_is_there_in_the_smallest_terminal(stage: Stage) -> None:
    async with stage.app.run_test(size=(34, 6)) as pilot:
        await stage.settle(pilot)
        in_view(stage, CODE)


async def test_a_code_that_is_too_long_breaks_between_its_words(stage: Stage) -> None:
    async with stage.app.run_test(size=(26, 14)) as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.Code(code=LONG, expires_seconds=600))
        words = {word.strip("│ ") for word in screen_text(stage.app)}
        assert {"123456-", "blacksmith-", "wheelbarrow"} <= words


async def test_c_copies_the_code(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("c")
        assert stage.app.clipboard == CODE


COMMAND = f"filesend receive {CODE}"


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (200, 60)], ids=str)
async def test_the_command_for_the_other_person_and_where_it_works(
    stage: Stage, size: tuple[int, int]
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        await stage.settle(pilot)
        drawn = screen_text(stage.app)
        assert any(COMMAND in line for line in drawn), "\n".join(drawn)
        assert any("It works on this network." in line for line in drawn)
        in_view(stage, CODE)
        await stage.play(pilot, events.CodeGone(reason="expired"))
        assert not any(COMMAND in line for line in screen_text(stage.app))


async def test_the_command_gives_way_where_there_is_no_room(stage: Stage) -> None:
    async with stage.app.run_test(size=(40, 12)) as pilot:
        await stage.settle(pilot)
        assert not any("filesend receive" in line for line in screen_text(stage.app))
        in_view(stage, CODE)


async def test_the_picture_is_the_command(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        picture = screen(stage).query_one(QrCode)
        assert picture.display
        assert picture._lines == half_blocks(COMMAND)


@pytest.mark.parametrize("how", ["typed", "pasted"])
async def test_a_code_with_a_relay_is_joined_there_too(stage: Stage, how: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        if how == "typed":
            await pilot.press(*"7-apple-violin@192.168.1.7", "enter")
        else:
            text = "filesend receive 7-apple-violin@192.168.1.7 -o inbox"
            screen(stage).on_paste(textual_events.Paste(text))
            await stage.settle(pilot)
            assert screen(stage).query_one(CodeField).value == "7-apple-violin@192.168.1.7"
            await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("connect") == [(URL,), ("http://192.168.1.7:8421",)]
        assert stage.client.named("join") == [("7-apple-violin",)]


async def test_a_link_that_is_pasted_is_opened(stage: Stage) -> None:
    secret = bytes(range(32))
    link = link_to("https://relay.example/r", secret)
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        screen(stage).on_paste(textual_events.Paste(f"Ann: {link} \n"))
        await stage.settle(pilot)
        assert screen(stage).query_one(CodeField).value == link
        await pilot.press("enter")
        await stage.settle(pilot)
        assert stage.client.named("connect") == [(URL,), ("https://relay.example",)]
        assert stage.client.named("open_link") == [(secret, "https://relay.example")]
        assert stage.client.named("join") == []


async def test_a_relay_of_a_code_that_does_not_answer_is_named(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.client.fails["connect"] = RelayUnreachable("No relay answers at http://x:1.")
        await pilot.press(*"7-apple-violin@x:1", "enter")
        await stage.settle(pilot)
        assert "No relay answers at http://x:1." in notice(stage)
        assert stage.client.named("join") == []


async def test_n_asks_for_a_new_code(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("N")
        await stage.settle(pilot)
        assert len(stage.client.named("create_code")) == 2


@pytest.mark.parametrize(
    ("reason", "says"), [("expired", "time is over"), ("burned", "used up by a wrong try")]
)
async def test_a_code_that_is_gone_says_why(stage: Stage, reason: str, says: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.CodeGone(reason=reason))
        assert says in card(stage)
        assert "Press N" in card(stage)
        assert not screen(stage).query_one(QrCode).display
        await pilot.press("c")
        assert stage.app.clipboard == ""


@pytest.mark.parametrize("why", ["relay", "joined"])
async def test_another_code_than_before_is_called_that(stage: Stage, why: str) -> None:
    """Whoever was told the old one must hear of it, for as long as the new one is shown."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        if why == "relay":
            await stage.play(pilot, events.Relay(state="lost", url=URL))
            assert CODE not in card(stage)
            assert "no longer works" in card(stage)
            await stage.play(pilot, events.Relay(state="connected", url=URL))
        else:
            stage.client.fails["join"] = UnknownCode("It was wrong.")
            await pilot.press(*"7-apple-violin", "enter")
            await stage.settle(pilot)
            await pilot.press("escape", "escape")  # out of the field, and the error is read
            await stage.play(pilot, events.CodeGone(reason="joined"))
        assert len(stage.client.named("create_code")) == 2
        says = "Your code changed, the old one no longer works: "
        says += {"relay": "the connection to the relay", "joined": "you typed another"}[why]
        assert says in card(stage).replace("\n", " ")
        assert says in notice(stage).replace("\n", " ")
        await pilot.press("escape")
        await stage.later(pilot, 60)
        assert says in card(stage).replace("\n", " ")
        await pilot.press("N")  # whoever asks for another knows why
        await stage.settle(pilot)
        assert says not in card(stage).replace("\n", " ")


async def test_while_somebody_tries_a_code_it_is_nobody_elses(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.CodeClaimed())
        assert CODE not in card(stage)
        assert "left" not in card(stage)
        assert "Somebody typed it" in card(stage)
        assert not screen(stage).query_one(QrCode).display
        await pilot.press("c")
        assert stage.app.clipboard == ""
        await stage.play(pilot, events.CodeGone(reason="burned"))
        assert "used up by a wrong try" in card(stage)
        assert len(stage.client.named("create_code")) == 1  # that another is wanted is a person's


async def test_ones_own_code_is_not_shown_while_anothers_is_tried(stage: Stage) -> None:
    stage.client.hangs["join"] = asyncio.Event()
    stage.client.fails["join"] = UnknownCode("It was wrong.")
    stage.stuck = {"join"}
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press(*"7-apple-violin", "enter")
        await stage.settle(pilot)
        await stage.play(pilot, events.CodeGone(reason="joined"))
        assert "Pairing" in card(stage)
        assert len(stage.client.named("create_code")) == 1
        stage.client.hangs["join"].set()
        stage.stuck = set()
        await stage.settle(pilot)
        assert len(stage.client.named("create_code")) == 2
        assert " ".join(CODE) in card(stage)
        # What went wrong is said below, what came of it on the card.
        assert "It was wrong." in notice(stage)
        assert "Your code changed" in card(stage)


async def test_news_of_a_pairing_that_come_late_ask_for_no_code(stage: Stage) -> None:
    """The command may be over before its events are read."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press(*"7-apple-violin", "enter")
        await stage.settle(pilot)
        await stage.play(pilot, events.CodeGone(reason="joined"))
        await stage.play(pilot, paired())
        assert stage.client.named("join") == [("7-apple-violin",)]
        assert len(stage.client.named("create_code")) == 1


async def test_a_code_whose_time_is_over_is_not_shown(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.now += 601
        screen(stage).draw()
        await pilot.pause()
        assert CODE not in card(stage)
        assert "Press N" in card(stage)


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
            stage.app.screen.post_message(textual_events.Paste(f"  {CODE} \n"))
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
        await pilot.press("c", "enter", "7")
        await stage.settle(pilot)
        assert stage.app.clipboard == ""
        assert len(stage.client.named("create_code")) == 1


async def test_a_code_for_somebody_else_is_there_until_they_come(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("p", "N")
        await stage.settle(pilot)
        assert CODE in card(stage)
        assert screen(stage).query_one(CodeField).display
        await pilot.press("c")
        assert stage.app.clipboard == CODE
        await pilot.press(*"7-app")
        await stage.settle(pilot)
        assert screen(stage).query_one(CodeField).value == "7-app"
        newcomer = events.SessionId("b" * 16)
        await stage.play(pilot, events.Paired(session=newcomer, partner="Ben"))
        assert f"You are paired with {ANA} and Ben." in card(stage)
        assert not screen(stage).query_one(CodeField).display
        assert stage.app.store.partner == ANA
        assert stage.client.named("leave") == []


async def test_somebody_elses_code_is_typed_while_paired(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("p", "N")
        await stage.settle(pilot)
        await pilot.press(*"9-acorn-acid", "enter")
        await stage.settle(pilot)
        assert stage.client.named("join") == [("9-acorn-acid",)]


async def test_a_code_that_comes_all_at_once_is_typed_into_the_field(stage: Stage) -> None:
    """As over a slow line: no key may be taken for a command."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        for character in "12-squid-cactus":
            key = {"-": "minus"}.get(character, character)
            stage.app.post_message(textual_events.Key(key, character))
        await stage.settle(pilot)
        assert screen(stage).query_one(CodeField).value == "12-squid-cactus"
