"""`--link` where there is no page, and a link's own pairing, against a real relay."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ExpiredCode, RelayUnreachable
from filesend_tui.core.events import Wants
from filesend_tui.core.sessions import manager
from filesend_tui.core.sessions.places.links import link_to
from filesend_tui.headless.asking import Asker
from filesend_tui.headless.exit_codes import ExitCode, for_error
from filesend_tui.headless.paired import NoPage, Places, meet
from tests.conftest import RunningRelay


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    client = Client(ClientConfig(name="Me", output=tmp_path))
    yield client
    await client.destroy()


async def test_a_link_needs_a_relay_that_has_a_page(client: Client, relay: RunningRelay) -> None:
    async def page() -> str | None:
        return None

    places = Places(lambda client: client.connect(relay.url), relay.url, beyond=False, page=page)
    with pytest.raises(NoPage) as told:
        await meet(client, places, Wants.SEND, None, Asker.on_standard_input(), link=True)
    assert for_error(told.value.code) is ExitCode.FAILED
    assert "--relay" in told.value.hint


async def test_a_link_is_told_and_pairs_whoever_holds_its_secret(
    client: Client, relay: RunningRelay, tmp_path: Path
) -> None:
    await client.connect(relay.url)
    told = client.subscribe()
    made = client.create_link("http://me.example/r", relay.url)
    pairing = asyncio.create_task(client.meet(made, relay.url))
    link = await anext(each async for each in told if isinstance(each, events.Link))
    page, _, secret = link.url.partition("#")
    assert page == "http://me.example/r"
    assert len(secret) == 43
    assert secret not in repr(link)
    other = Client(ClientConfig(name="Other", output=tmp_path))
    try:
        await other.connect(relay.url)
        by = base64.urlsafe_b64decode(f"{secret}=")
        assert link_to(page, by) == link.url
        mine, theirs = await asyncio.wait_for(asyncio.gather(pairing, other.meet(by)), 60)
        assert client.verification(mine) == other.verification(theirs)
    finally:
        await other.destroy()


async def test_two_who_open_one_link_at_once_both_meet_its_maker(
    client: Client, relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "PARTED", 0.05)
    await client.connect(relay.url)
    secret = client.create_link("http://me.example/r", relay.url, 2)
    others = [Client(ClientConfig(name=name, output=tmp_path)) for name in ("Bob", "Cid")]
    try:
        for other in others:
            await other.connect(relay.url)
        opening = [asyncio.create_task(other.open_link(secret, relay.url)) for other in others]
        mine = set()
        for _ in others:  # it is there last, and looks for one after the other
            session = await asyncio.wait_for(client.meet(secret, relay.url), 60)
            mine.add(client.verification(session))
        theirs = [(other, await each) for other, each in zip(others, opening, strict=True)]
        assert {other.verification(session) for other, session in theirs} == mine
        assert len(mine) == 2
    finally:
        for other in others:
            await other.destroy()


async def test_a_link_by_which_nobody_waits_is_given_up(
    client: Client, relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "LINK_PATIENCE", 0.3)
    await client.connect(relay.url)
    code = await client.create_code()
    with pytest.raises(ExpiredCode) as told:
        await client.open_link(bytes(32), relay.url)
    assert "ask for another one" in told.value.hint
    other = Client(ClientConfig(name="Other", output=Path("nowhere")))
    try:  # this side's own code is as good as before
        await other.connect(relay.url)
        await other.join(code)
    finally:
        await other.destroy()


async def test_a_link_is_of_a_relay_that_this_side_is_at(
    client: Client, relay: RunningRelay
) -> None:
    await client.connect(relay.url)
    told = client.subscribe()
    with pytest.raises(RelayUnreachable):
        client.create_link("http://me.example/r", "http://127.0.0.1:9")
    await client.destroy()
    assert not [each async for each in told if isinstance(each, events.Link)]
