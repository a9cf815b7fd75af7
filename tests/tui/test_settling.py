"""Keys that were meant for something else: dropped where the screen changed by itself."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from textual import events as textual_events
from textual.widgets import Button, Input, Static

from filesend_tui.core import events
from filesend_tui.core.events import TransferPhase
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.state.settling import SETTLE, Settling
from tests.tui.moments import ANA, asked, paired, phase, sending
from tests.tui.scripted import Stage
from tests.tui.test_app import notice


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_keys_count_after_a_moment_without_one() -> None:
    clock = Clock()
    settling = Settling(clock)
    assert settling.take_key()  # nothing changed
    settling.changed()
    for _ in range(20):
        clock.now += SETTLE * 0.9
        assert not settling.take_key()  # each one too soon begins the moment anew
    clock.now += SETTLE / 2
    assert settling.wait == pytest.approx(SETTLE / 2)
    clock.now += SETTLE
    assert settling.wait == 0
    assert settling.take_key()
    assert settling.take_key()  # from then on they all do


async def test_who_types_a_code_while_the_other_is_quicker_runs_no_command(stage: Stage) -> None:
    """The rest of `7-dquit⏎` would disconnect, and quit."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.app.settling.seconds = 0.5
        await pilot.press(*"7-ap")
        await stage.play(pilot, paired())
        assert stage.app.current_mode == "send"
        for key in (*"Dquit", "enter"):
            await pilot.press(key)
            await stage.later(pilot, 0.2)
        assert stage.app.current_mode == "send"
        assert stage.client.named("leave") == []
        assert not stage.app._exit
        await stage.later(pilot, 1)
        await pilot.press("s")
        assert stage.app.current_mode == "send"


async def test_a_key_that_is_lost_with_its_holder_holds_up_no_other(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        app = stage.app
        gone = Input()
        app._out, app._out_since = (
            (textual_events.Key("x", "x"), app.screen, gone),
            time.monotonic(),
        )
        app.post_message(textual_events.Key("s", "s"))
        async with asyncio.timeout(10):
            while app.current_mode != "send":
                await pilot.pause()


async def test_who_is_slow_with_a_key_is_waited_for(stage: Stage) -> None:
    """On a busy machine a place takes its time: what follows its key is not for who was before."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        app = stage.app
        slow = textual_events.Key("m", "m"), app.screen, None
        app._out, app._out_since = slow, time.monotonic() - 3
        app._waiting.append(textual_events.Key("q", "q"))
        await app._go_on()
        assert app.keys_wait
        assert app._out is slow


async def test_a_paste_meant_for_what_is_gone_goes_nowhere(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), *asked("r1"))
        await pilot.press("s")
        await stage.settle(pilot)
        await pilot.press("f2", "f")
        stage.app.settling.seconds = 0.5
        await stage.play(pilot, phase("r1", TransferPhase.CANCELLED))
        stage.app.post_message(textual_events.Paste(str(home / "letter.odt")))
        await stage.settle(pilot)
        assert stage.app.current_mode == "send"
        assert "Nothing chosen yet" in str(stage.app.screen.query_one("#chosen", Static).render())


@pytest.mark.parametrize("writes", [True, False])
async def test_pairing_takes_nobody_away_from_what_they_do(stage: Stage, writes: bool) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("s")
        await stage.settle(pilot)
        if writes:
            await pilot.press("tilde", *"~/Do")
        await stage.play(pilot, paired())
        assert stage.app.current_mode == "send"
        assert "Ana is here." in notice(stage)
        if writes:
            await pilot.press(*"cD")
            assert stage.app.screen.query_one("#path", Input).value.endswith("~/DocD")


async def test_pairing_leaves_a_box_where_it_is(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("question_mark")
        box = stage.app.screen
        await stage.play(pilot, paired())
        assert stage.app.screen is box
        assert stage.app.current_mode == "pair"


async def test_a_yes_counts_once_there_was_time_to_read_the_question(stage: Stage) -> None:
    """Somebody types `xylophone, yes⏎` where no field is."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("t")
        await stage.play(pilot, *sending("s1"))
        stage.app.settling.seconds = 0.5
        for key in "xyox":
            await pilot.press(key)
            await stage.later(pilot, 0.2)
        assert isinstance(stage.app.screen, ConfirmScreen)
        stage.app.screen.query_one("#yes", Button).press()
        await pilot.press("left", "enter")
        await stage.settle(pilot)
        assert stage.client.named("cancel") == []
        assert isinstance(stage.app.screen, ConfirmScreen)
        await stage.later(pilot, 0.6)
        await pilot.press("y")
        await stage.settle(pilot)
        assert stage.client.named("cancel") == [("s1",)]


@pytest.mark.parametrize("key", ["n", "escape", "enter"])
async def test_a_no_counts_at_once(stage: Stage, key: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("t")
        await stage.play(pilot, *sending("s1"))
        stage.app.settling.seconds = 0.5
        await pilot.press("x", key)
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, ConfirmScreen)
        assert stage.client.named("cancel") == []


async def test_the_second_of_two_answers_in_the_air_reaches_nothing(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        await pilot.press("t")
        await stage.play(pilot, *sending("s1"))
        await pilot.press("x")
        for key in ("n", "n", "N", "n"):
            stage.app.post_message(textual_events.Key(key, key))
        await stage.settle(pilot)
        await stage.settle(pilot)
        assert not isinstance(stage.app.screen, ConfirmScreen)
        assert stage.app.current_mode == "transfers"


async def test_an_enter_handled_late_is_not_the_new_places(stage: Stage) -> None:
    """It was dealt to the field; before it was handled, the screen changed."""
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("7")
        field, place = stage.app.focused, stage.app.screen
        assert field is not None
        late = textual_events.Key("D", "D")
        stage.app._out = late, place, field
        await stage.play(pilot, paired())
        late._set_forwarded()
        stage.app.post_message(late)
        await stage.settle(pilot)
        assert stage.client.named("leave") == []
        assert stage.app.store.partner == ANA


async def test_a_line_typed_ahead_is_not_lost_when_it_is_pasted_into(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), events.Message(partner=ANA, text="hi"))
        for event in (
            textual_events.Key("m", "m"),
            textual_events.Key("a", "a"),
            textual_events.Paste("b c"),
            textual_events.Key("d", "d"),
        ):
            stage.app.post_message(event)
        await stage.settle(pilot)
        await stage.settle(pilot)
        assert stage.app.screen.query_one("#talk Input", Input).value == "ab cd"
