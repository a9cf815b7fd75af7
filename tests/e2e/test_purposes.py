"""Two who are there for the same, and a sender who is asked: nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.events import Direction, TransferPhase, Wants
from tests.e2e.processes import Filesend, World, contents, fill
from tests.torrent.small_disk import mounted

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("transfers")]


@asynccontextmanager
async def somebody(world: World, folder: Path) -> AsyncIterator[tuple[Client, Subscription]]:
    """A person at the screens, in so far as they differ from a command."""
    client = Client(ClientConfig(name="Bob", output=folder))
    try:
        stream = client.subscribe()
        await client.connect(world.environment["FILESEND_RELAY"])
        yield client, stream
    finally:
        await client.destroy()


def only_error(process: Filesend) -> str:
    """Wait for the end; return what the one error says."""
    assert process.end() == 1, process.report()
    assert process.error_codes() == ["samePurpose"]
    error = process.wait_for("error")
    return f"{error['message']} {error['hint']}"


def test_two_senders_hear_at_once_that_both_send(world: World, tmp_path: Path) -> None:
    first, code = world.send(fill(tmp_path / "a", 1000))
    second = world.start(
        "send", "--json", "--name", "Bob", fill(tmp_path / "b", 1000), "--code", code
    )
    assert only_error(first).startswith("Bob wants to send, too")
    assert only_error(second).startswith("Ann wants to send, too")
    assert "fileRequest" not in first.names() + second.names()
    assert first.wait_for("paired")["wants"] == "send"


async def test_two_receivers_hear_that_nobody_sends(world: World, tmp_path: Path) -> None:
    async with somebody(world, tmp_path / "to") as (client, stream):
        client.intend(Wants.RECEIVE)
        receiver = world.receive(await client.create_code(), tmp_path / "to")
        said = await asyncio.to_thread(only_error, receiver)
        assert said.startswith("Bob waits to receive, too")
        assert "filesend send" in said
        async for event in stream:
            if isinstance(event, events.Paired):
                assert event.wants is Wants.RECEIVE
                break


@pytest.mark.webrtc  # where the direct road takes its time
async def test_a_sender_who_is_asked_declines_and_says_why(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a", 1000)
    async with somebody(world, tmp_path / "to") as (client, stream):
        sender = world.start("send", "--json", sent, "--code", await client.create_code())
        asked: list[str] = []
        declined: list[str] = []
        async with asyncio.timeout(60):
            async for event in stream:
                match event:
                    case events.Paired():
                        assert event.wants is Wants.SEND
                        await client.request([fill(tmp_path / "mine", 10)])
                    case events.FileRequest(direction=Direction.RECEIVE):
                        asked.append(event.transfer)
                    case events.TransferState(phase=TransferPhase.DECLINED):
                        declined.append(event.reason)
                    case events.TransferState(phase=TransferPhase.DONE):
                        break
                if asked and declined:
                    await client.answer(asked.pop(), [True])
        assert "only sends" in declined[0]
        assert await asyncio.to_thread(sender.end) == 0, sender.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_a_full_disk_is_told_to_the_sender(world: World, tmp_path: Path) -> None:
    with mounted(tmp_path / "to", 1_000_000) as small:
        sender, code = world.send(fill(tmp_path / "from" / "large", 3_000_000))
        receiver = world.receive(code, small)
        assert receiver.end() == 1, receiver.report()
        assert sender.end() == 3, sender.report()
    assert receiver.error_codes() == ["noSpace"]
    assert "no room" in sender.wait_for("error")["message"]
