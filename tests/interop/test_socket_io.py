"""socket.io's JavaScript client against our relay: it pairs, and its words go to its partner."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.kinds import PEERS
from tests.interop.line_process import Line, LineProcess
from tests.interop.trackers import Tracker

_WAIT = 20.0
#: As everything that is routed looks to the relay: sixteen bytes or more, as base64.
ONE, TWO, THREE = ("AAAAAAAAAAAAAAAAAAAAAA==", "AQ" * 11 + "==", "c2VhbGVk" * 4)


class Clients:
    """Any number of JavaScript clients in one process."""

    def __init__(self, process: LineProcess) -> None:
        self._process = process

    def connect(self, peer: str) -> None:
        """Connect by WebSocket."""
        self._process.tell(peer=peer, do="connect", transports=["websocket"])
        assert self._wait(peer, "connected")["transport"] == "websocket"

    def is_refused(self, peer: str, *transports: str) -> tuple[int, str]:
        """Try to connect; the status and the text of the answer."""
        self._process.tell(peer=peer, do="connect", transports=transports)
        refused = self._wait(peer, "refused")
        return refused["status"], refused["body"]

    def call(self, peer: str, word: str, **payload: object) -> dict[str, Any]:
        """Emit a word; return its acknowledgement."""
        start = len(self._process.lines)
        self._process.tell(peer=peer, do="call", word=word, payload=payload)
        reply: dict[str, Any] = self._wait(peer, "acknowledged", start)["reply"]
        return reply

    def hears(self, peer: str, word: str) -> Any:
        """Wait for a word; return its payload."""
        heard = self._process.wait(
            lambda line: (
                line.get("peer") == peer and line.get("word") == word and line["event"] == "heard"
            ),
            _WAIT,
        )
        return heard["payload"]

    def heard(self, peer: str) -> list[str]:
        """Return all the words that came so far."""
        return [
            line["word"]
            for line in self._process.lines
            if line.get("peer") == peer and line["event"] == "heard"
        ]

    def close(self, peer: str) -> None:
        self._process.tell(peer=peer, do="close")
        self._wait(peer, "disconnected")

    def _wait(self, peer: str, event: str, after: int = 0) -> Line:
        return self._process.wait(
            lambda line: line.get("peer") == peer and line["event"] == event, _WAIT, after=after
        )


@pytest.fixture
def clients(tracker: Tracker, tmp_path: Path) -> Iterator[Clients]:
    process = LineProcess(
        "socket.io-client",
        ["node", PEERS / "socket_clients.mjs", tracker.relay],
        log=tmp_path / "clients.log",
    )
    process.wait("ready", _WAIT)
    yield Clients(process)
    process.close()


def pair(clients: Clients, one: str, other: str) -> str:
    nameplate = clients.call(one, "allocate")["nameplate"]
    room: str = clients.call(other, "claim", nameplate=nameplate)["room"]
    assert clients.hears(one, "claimed") == {"nameplate": nameplate, "room": room}
    return room


@pytest.mark.parametrize("transports", [("polling",), ("polling", "websocket")])
def test_by_polling_it_is_told_at_once_that_there_is_none(
    clients: Clients, transports: tuple[str, ...]
) -> None:
    status, body = clients.is_refused("alice", *transports)
    assert (status, json.loads(body)) == (400, {"code": 0, "message": "Transport unknown"})


def test_it_pairs_and_routes_to_the_partner_alone(clients: Clients) -> None:
    for peer in ("alice", "bob", "eve"):
        clients.connect(peer)
    room = pair(clients, "alice", "bob")

    clients.call("alice", "fileReady", room=room, body=ONE)
    assert clients.hears("bob", "addTorrent") == {"room": room, "body": ONE}
    clients.call("bob", "downloadComplete", room=room, body=TWO)
    assert clients.hears("alice", "torrentDone") == {"room": room, "body": TWO}
    clients.call("alice", "message", room=room, body=THREE)
    assert clients.hears("bob", "message") == {"room": room, "body": THREE}
    assert clients.call("eve", "message", room=room, body=ONE)["error"]["code"] == "notPaired"
    assert clients.heard("eve") == []


def test_it_is_told_what_is_wrong_and_when_the_partner_goes(clients: Clients) -> None:
    clients.connect("alice")
    clients.connect("bob")
    assert clients.call("bob", "claim", nameplate=999)["error"]["code"] == "unknownCode"
    room = pair(clients, "alice", "bob")

    assert (
        clients.call("alice", "fileReady", room=room, body="?")["error"]["code"] == "invalidPayload"
    )
    assert clients.call("alice", "selfDestruct")["error"]["code"] == "unknownEvent"
    clients.close("bob")

    assert clients.hears("alice", "partnerGone") == {"room": room, "reason": "lost"}
