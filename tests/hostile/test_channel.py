"""Peers that abuse a real data channel, and a real torrent at the other end of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiortc import rtcsctptransport

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig, WebRtcStack
from filesend_tui.core.transports.webrtc.aiortc import channel
from filesend_tui.core.wire.handshake import Handshake
from tests.torrent.lab import TRACKERS, Hub, Node
from tests.transports.pairs import AIORTC, STACKS, connect

CONTENT = random.Random(1).randbytes(500_000)
#: What it gets is an aiortc channel, and it reaches into that.
Attack = Callable[[Any], Awaitable[None]]


async def endless_message(channel: Any) -> None:
    sctp = channel._connection.sctp
    await sctp._send(channel._data_channel.id, 53, bytes(2_000_000))
    sctp._outbound_queue.pop()  # the fragment that says it is the last (RFC 9260, section 3.3.1)


async def crumbs(channel: Any) -> None:
    sctp = channel._connection.sctp
    await sctp._send(channel._data_channel.id, 53, bytes(1000))
    sctp._outbound_queue.pop()


async def text(channel: Any) -> None:
    channel._data_channel.send("hello")


async def second_channel(channel: Any) -> None:
    channel._connection.createDataChannel("more")


async def hang_up(channel: Any) -> None:
    await channel.close()


#: What one stack notices, and the other cuts short and goes on: nothing, until they hang up.
NOTICED = {WebRtcStack.AIORTC: "endlessMessage", WebRtcStack.NATIVE: "closed"}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(
    ("attack", "reasons"),
    [
        (endless_message, NOTICED),
        (crumbs, NOTICED),
        (text, dict.fromkeys(WebRtcStack, "textMessage")),
        (second_channel, dict.fromkeys(WebRtcStack, "secondChannel")),
        (hang_up, dict.fromkeys(WebRtcStack, "closed")),
    ],
)
async def test_it_costs_that_peer_its_connection(
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stack: WebRtcStack,
    attack: Attack,
    reasons: dict[WebRtcStack, str],
) -> None:
    monkeypatch.setattr(channel, "WATCH_INTERVAL", 0.02)
    monkeypatch.setattr(channel, "UNFINISHED_LIMIT", 200_000)
    monkeypatch.setattr(channel, "UNFINISHED_CHUNKS", 200)
    (tmp_path / "file.bin").write_bytes(CONTENT)
    async with (
        Node(ClientConfig(output=tmp_path)) as seeder,
        Node(ClientConfig(output=tmp_path)) as receiver,
    ):
        torrent = await seeder.engine.seed([tmp_path / "file.bin"], trackers=TRACKERS)
        victims = ClientConfig(webrtc=stack)
        ours, theirs = await connect(config=AIORTC, answerer_config=victims)
        address = theirs.address
        assert address
        (member,) = hub.members[bytes.fromhex(torrent)]
        peer_id = b"-XX0001-villain-----"
        member.meet(theirs)

        def dropped() -> list[e.PeerDropped]:
            return [event for event in seeder.of(e.PeerDropped) if event.address == address]

        await ours.send(Handshake(bytes.fromhex(torrent), peer_id).encode())
        await seeder.until(lambda: seeder.of(e.PeerConnected))
        if attack is crumbs:
            monkeypatch.setattr(rtcsctptransport, "USERDATA_MAX_LENGTH", 1)
        await attack(ours)
        if reasons[stack] != "closed":
            await seeder.until(dropped)
        monkeypatch.setattr(rtcsctptransport, "USERDATA_MAX_LENGTH", 1200)
        added = await receiver.engine.add(seeder.engine.magnet(torrent), folder=tmp_path / "out")
        path = await asyncio.wait_for(receiver.engine.wait_done(added), 30)
        assert path is not None
        assert path.read_bytes() == CONTENT
        await ours.close()

        await seeder.until(dropped)
        assert [event.reason for event in dropped()] == [reasons[stack]]
