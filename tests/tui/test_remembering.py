"""The key by which two remember each other, and the box that answers who asks."""

from __future__ import annotations

import pytest

from filesend_tui.core import events
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from tests.tui.moments import paired
from tests.tui.scripted import Stage

ASKED = events.RememberAsked(partner="Bob")


async def test_the_key_asks_the_partner(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("M")  # nobody is there to ask
        await stage.play(pilot, paired())
        await pilot.press("M")
        await stage.settle(pilot)
        assert stage.client.named("remember") == [(None,)]
        await stage.play(pilot, events.RememberAsked(partner="Bob", outgoing=True))
        assert "Asked Bob" in stage.app.store.notice.message  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("key", "call"),
    [
        pytest.param("y", "remember", id="yes"),
        pytest.param("n", "decline_remembering", id="no"),
    ],
)
async def test_who_asks_is_answered_in_a_box(stage: Stage, key: str, call: str) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), ASKED)
        assert "M answers" in stage.app.store.notice.hint  # type: ignore[union-attr]
        assert not isinstance(stage.app.screen, ConfirmScreen)  # it takes no key by itself
        await pilot.press("M")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, ConfirmScreen)
        await stage.later(pilot, 1)
        await pilot.press(key)
        await stage.settle(pilot)
        calls = [name for name, *_ in stage.client.calls if "rememb" in str(name)]
        assert calls == [call]
        assert not stage.app.store.asks_to_remember


async def test_what_becomes_of_it_is_told(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), ASKED)
        for event, said in (
            (events.Remembered(partner="Bob", contact="c", name="Bob 2"), "--to Bob 2"),
            (events.RememberDeclined(partner="Bob"), "does not want"),
            (
                events.ContactForgotten(contact="c", name="Bob", by=events.Who.PARTNER),
                "has forgotten you",
            ),
            (
                events.ContactDoubted(contact="c", name="Bob", message="A copy.", hint="Forget."),
                "A copy.",
            ),
        ):
            await stage.play(pilot, event)
            notice = stage.app.store.notice
            assert notice is not None
            assert said in notice.message + notice.hint
        assert not stage.app.store.asks_to_remember
