"""What the card shows, with a real Client at a real relay: a code by which somebody can pair."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from filesend_tui.app import FileSendApp
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.runtime.local_relay import Ask
from filesend_tui.widgets.code_card import CodeCard
from tests.conftest import RunningRelay, running_relay
from tests.core.test_client import Person
from tests.sessions.test_manager import other_words
from tests.tui.scripted import ScriptedPlaces

CHANGED = "Your code changed, the old one no longer works"


@asynccontextmanager
async def opened(url: str, home: Path) -> AsyncIterator[tuple[FileSendApp, Pilot[None]]]:
    async def here(_: Ask) -> str:
        return url

    client = Client(ClientConfig(name="Bob", output=home))
    app = FileSendApp(
        lambda: client, places=ScriptedPlaces(here), output=home, start=home, draws_per_second=20
    )
    async with app.run_test(size=(80, 24)) as pilot, asyncio.timeout(60):
        yield app, pilot


def card(app: FileSendApp) -> str:
    return str(app.screen.query_one(CodeCard).render()).replace("\n", " ")


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    while not holds():
        await pilot.pause()


async def shown_code(app: FileSendApp, pilot: Pilot[None]) -> str:
    found: list[re.Match[str]] = []

    def shows() -> bool:
        match = re.match(r"(\d(?: ?[\da-z-])+?) +works once", card(app))
        found.extend([match] if match else [])
        return match is not None

    await until(pilot, shows)
    return found[-1][1].replace(" ", "")


async def paired_by_what_is_shown(
    app: FileSendApp, pilot: Pilot[None], url: str, folder: Path
) -> None:
    ann = Person("Ann", folder)
    try:
        await ann.client.connect(url)
        await ann.client.join(await shown_code(app, pilot))
        await until(pilot, lambda: app.store.partner == "Ann")
    finally:
        await ann.close()


async def test_after_a_wrong_try_at_anothers_code(
    relay: RunningRelay, home: Path, tmp_path: Path
) -> None:
    eve = Person("Eve", tmp_path / "eve")
    try:
        async with opened(relay.url, home) as (app, pilot):
            before = await shown_code(app, pilot)
            await eve.client.connect(relay.url)
            wrong = other_words(await eve.client.create_code())
            await pilot.press(*wrong, "enter")
            await until(pilot, lambda: CHANGED in card(app))
            assert await shown_code(app, pilot) != before
            await paired_by_what_is_shown(app, pilot, relay.url, tmp_path / "ann")
    finally:
        await eve.close()


async def test_after_the_relay_began_anew(home: Path, tmp_path: Path) -> None:
    with running_relay() as first:
        port = int(first.url.rpartition(":")[2])
        async with opened(first.url, home) as (app, pilot):
            before = await shown_code(app, pilot)
            await asyncio.to_thread(first.stop)
            await until(pilot, lambda: "no longer works" in card(app))
            assert before not in card(app).replace(" ", "")
            with running_relay(port=port) as second:
                await until(pilot, lambda: CHANGED in card(app))
                await paired_by_what_is_shown(app, pilot, second.url, tmp_path / "ann")
