"""A tracker with aquatic's rules and default bounds: nothing that is sent to it breaks one.

By the source of aquatic_ws (crates/ws and crates/ws_protocol of greatest-ape/aquatic): frames of
16 KiB, one peer id of a connection in a swarm, no peer id of another connection's, whoever says
nothing of `left` is no seeder, and an answer only from the peer to whom its offer was handed, once.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from filesend_tui.core.relay_client.messages import RoomMessage, SealedMessage
from relay.protocol import words
from tests.tracker_place.people import Person
from tests.tracker_place.test_meeting import NUMBER, PLACE, paired

MAX_FRAME = 16 * 1024


class StrictTracker:
    """What it complains of, and the swarms: of each peer its connection, whether it is a seeder,
    and the answers that are expected for it.
    """

    def __init__(self) -> None:
        self.url = ""
        self.complaints: list[str] = []
        self.swarms: dict[str, dict[str, tuple[ServerConnection, bool, set[tuple[str, str]]]]] = {}

    async def talk(self, socket: ServerConnection) -> None:
        own: dict[str, str] = {}
        async for text in socket:
            assert isinstance(text, str)
            if len(text.encode()) > MAX_FRAME:
                self.complaints.append("a frame is too long")
            await self._announce(socket, own, json.loads(text))
        for swarm, peer in own.items():
            self.swarms[swarm].pop(peer, None)

    async def _announce(
        self, socket: ServerConnection, own: dict[str, str], frame: dict[str, Any]
    ) -> None:
        assert frame["action"] == "announce"
        name, peer = frame["info_hash"], frame["peer_id"]
        for each in (name, peer, *(offer["offer_id"] for offer in frame.get("offers") or ())):
            if len(each) != 20 or max(each) > "\xff":
                self.complaints.append("an id is not 20 bytes")
        if own.setdefault(name, peer) != peer:
            self.complaints.append("a second peer id in one swarm")
        swarm = self.swarms.setdefault(name, {})
        if peer in swarm and swarm[peer][0] is not socket:
            self.complaints.append("a peer id of somebody else's")
            return
        if frame.get("event") == "stopped":
            del own[name]
            swarm.pop(peer, None)
            return
        expected = swarm[peer][2] if peer in swarm else set()
        swarm[peer] = socket, frame.get("left") == 0, expected
        others = [each for each in swarm if each != peer]
        for offer, other in zip(frame.get("offers") or (), others, strict=False):
            assert set(offer["offer"]) == {"type", "sdp"}
            expected.add((other, offer["offer_id"]))
            out = {"offer": offer["offer"], "offer_id": offer["offer_id"]}
            await self._send(swarm[other][0], name, peer, out)
        if (answer := frame.get("answer")) and (to := swarm.get(frame["to_peer_id"])):
            if (peer, frame["offer_id"]) not in to[2]:
                self.complaints.append("an answer to no offer")
            to[2].discard((peer, frame["offer_id"]))
            await self._send(to[0], name, peer, {"answer": answer, "offer_id": frame["offer_id"]})
        complete = sum(seeder for _, seeder, _ in swarm.values())
        counts = {"complete": complete, "incomplete": len(swarm) - complete, "interval": 120}
        await self._send(socket, name, None, counts)

    async def _send(
        self, socket: ServerConnection, swarm: str, peer: str | None, fields: dict[str, Any]
    ) -> None:
        frame = {"action": "announce", "info_hash": swarm, **fields}
        if peer is not None:
            frame["peer_id"] = peer
        await socket.send(json.dumps(frame))


@asynccontextmanager
async def strict() -> AsyncIterator[tuple[StrictTracker, Person, Person]]:
    tracker = StrictTracker()
    async with serve(tracker.talk, "127.0.0.1", 0) as server:
        tracker.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        people = Person(), Person()
        for person in people:
            await person.connect(tracker.url)
        yield tracker, *people
        for person in people:
            await person.close()
    assert tracker.complaints == []
    assert not any(tracker.swarms.values())


async def test_meeting_by_a_number_and_all_that_follows_breaks_no_rule() -> None:
    async with strict() as (_, one, two):
        room = await paired(one, two)
        word = SealedMessage(event="fileRequest", body=os.urandom(300_000))
        await asyncio.gather(one.send(room, word), two.send(room, word))
        assert one.said == two.said == [RoomMessage(room, word)]
        await two.leave(room)
        assert (await one.notice(words.PartnerGone)).reason == "left"
        assert await paired(two, one) != room


async def test_meeting_at_a_place_breaks_no_rule() -> None:
    async with strict() as (_, one, two):
        rooms = await asyncio.gather(one.meet(PLACE), two.meet(PLACE))
        (room,) = [each for each in rooms if each is not None]
        for side in (one, two):
            await side.send(room, words.Pake(body=bytes([NUMBER % 256])))
        assert len(one.said) == len(two.said) == 1
