"""Trackers that mean harm, beside one that does not: the download comes all the same.

Everything is real: engines, relay, WebSockets, data channels.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.meeting.dialer import MAX_ANSWERING
from filesend_tui.core.transports.base import no_relay
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from relay.protocol.tracker_json import (
    Announce,
    AnnounceReply,
    AnswerFrame,
    Description,
    Failure,
    OfferFrame,
    encode,
    parse_client_frame,
)
from tests.conftest import RunningRelay
from tests.torrent.lab import Node
from tests.transports.pairs import soon

pytestmark = pytest.mark.webrtc

CONTENT = random.Random(2).randbytes(1_000_000)
Spew = Callable[[Announce, Description], Iterator[str | bytes]]


def accepted(announce: Announce) -> str:
    return encode(AnnounceReply(info_hash=announce.info_hash, interval=120))


def garbage(announce: Announce, _: Description) -> Iterator[str | bytes]:
    yield from ["", "null", "[]", "{", '"announce"', "{}", '{"action": 7}']
    yield from [b"\xff\xfe", b"{}"]
    yield "[" * 100_000
    yield '{"action":"announce","failure reason":' + "[" * 900 + "]" * 900 + "}"
    yield json.dumps({"action": "announce", "info_hash": "x" * 20, "interval": 1})
    yield json.dumps({"action": "announce", "info_hash": "\u2603" * 20, "interval": 1})
    intervals: list[Any] = [-1, 1e308, "soon", None, [], {}]
    for interval in intervals:
        reply = {"action": "announce", "info_hash": announce.info_hash.decode("latin-1")}
        yield json.dumps(reply | {"interval": interval})
    yield '{"action":"announce","interval":NaN}'
    yield accepted(announce)
    for size in range(2000):
        yield os.urandom(size % 100)


def oversized(announce: Announce, _: Description) -> Iterator[str | bytes]:
    yield accepted(announce)
    yield " " * (1024 * 1024)


def refuses_in_bad_words(_: Announce, __: Description) -> Iterator[str | bytes]:
    yield encode(Failure(reason="\x1b[2Jno\u202e " + "x" * 400, action="announce"))


def offers_that_make_no_sense(announce: Announce, _: Description) -> Iterator[str | bytes]:
    yield accepted(announce)
    for n in range(5000):
        yield encode(
            OfferFrame(
                info_hash=announce.info_hash,
                peer_id=b"%020d" % n,
                offer_id=b"%020d" % n,
                offer={"type": "offer", "sdp": "v=0\r\n" * (n % 50)},
            )
        )


def offers_that_lead_nowhere(announce: Announce, offer: Description) -> Iterator[str | bytes]:
    """Each looks right, and nobody is there."""
    yield accepted(announce)
    for n in range(3000):
        yield encode(
            OfferFrame(
                info_hash=announce.info_hash,
                peer_id=b"%020d" % n,
                offer_id=b"%020d" % n,
                offer=offer,
            )
        )


def answers_to_nothing(announce: Announce, offer: Description) -> Iterator[str | bytes]:
    yield accepted(announce)
    known = [each.offer_id for each in announce.offers]
    for n in range(3000):
        yield encode(
            AnswerFrame(
                info_hash=announce.info_hash,
                peer_id=b"%020d" % n,
                offer_id=known[n] if n < len(known) else b"%020d" % n,
                answer={"type": "answer", "sdp": offer["sdp"].replace("actpass", "active")},
            )
        )


def hangs_up(_: Announce, __: Description) -> Iterator[str | bytes]:
    yield from ()


@asynccontextmanager
async def hostile_tracker(spew: Spew, offer: Description) -> AsyncIterator[str]:
    sockets: list[ServerConnection] = []

    async def talk(socket: ServerConnection) -> None:
        sockets.append(socket)
        async for text in socket:
            frame = parse_client_frame(text)
            if isinstance(frame, Announce):
                try:
                    for words in spew(frame, offer):
                        await socket.send(words)
                except ConnectionClosed:
                    return
                if spew is hangs_up:
                    return

    async with serve(talk, "127.0.0.1", 0, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/announce"
        for socket in sockets:
            socket.transport.abort()  # a polite closing takes as long as the other side likes


@pytest.mark.parametrize(
    "spew",
    [
        garbage,
        oversized,
        refuses_in_bad_words,
        offers_that_make_no_sense,
        offers_that_lead_nowhere,
        answers_to_nothing,
        hangs_up,
    ],
)
async def test_the_download_comes_through_the_good_one(
    relay: RunningRelay, tmp_path: Path, spew: Spew
) -> None:
    (tmp_path / "file.bin").write_bytes(CONTENT)
    dead = await WebRtcTransport(ClientConfig()).offer(no_relay)
    await dead.close()
    before = len(psutil.Process().net_connections(kind="udp"))
    async with (
        hostile_tracker(spew, {"type": "offer", "sdp": dead.text}) as bad,
        Node(ClientConfig(output=tmp_path)) as seeder,
        Node(ClientConfig(output=tmp_path)) as receiver,
    ):
        torrent = await soon(
            seeder.engine.seed([tmp_path / "file.bin"], trackers=[bad, relay.tracker])
        )
        magnet = seeder.engine.magnet(torrent)
        await receiver.engine.add(magnet, folder=tmp_path / "out")
        path = await soon(receiver.engine.wait_done(torrent), 60)
        assert path is not None
        assert path.read_bytes() == CONTENT
        sockets = len(psutil.Process().net_connections(kind="udp")) - before
        addresses = dead.text.count("typ host")
        assert sockets <= 2 * addresses * (MAX_ANSWERING + 2 * 2 * ClientConfig().offers + 2)
        for node in (seeder, receiver):
            assert len(node.of(e.Error)) <= 1, "each tracker's failure is told once"
            for error in node.of(e.Error):
                assert error.code == "trackerFailed"
                assert error.message.isprintable()
                assert len(error.message) < 300
