"""Requests that hide another one, at the relay itself; test_behind_proxies.py has them behind some.

What a proxy passes on may be less strict than what it reads: the relay takes one plain request a
connection and refuses the rest, whoever sends it.
"""

from __future__ import annotations

import pytest

from tests.conftest import RunningRelay, running_relay
from tests.security.raw import TEXT, announce, frame, town
from tests.security.smuggled import ATTACKS, FIGURES, HIDDEN, LAST, PATHS, answers, handshake
from tests.security.test_relay_floods import HASTY


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "head alone"])
async def test_what_can_be_read_in_two_ways_is_refused_and_is_the_last(
    relay: RunningRelay, name: str, at_once: bool
):
    head, behind = ATTACKS[name]
    async with town(relay.url) as here:
        heard = await answers(await here.connect(), head + behind + LAST if at_once else head)
        assert FIGURES not in heard.said
        # A handshake that websockets cannot read ends without an answer.
        assert len(heard.statuses) <= 1
        assert all(400 <= status < 500 for status in heard.statuses)


async def test_an_answer_is_the_last(relay: RunningRelay):
    """Nothing stays open for whoever uses the connection next."""
    async with town(relay.url) as here:
        raw = await here.connect()
        heard = await answers(raw, b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert heard.statuses == [404]
        assert b"connection: close" in heard.said.lower()
        hidden = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" + HIDDEN.encode()
        assert (await answers(await here.connect(), hidden)).statuses == [400]
        assert (await answers(await here.connect(), LAST.replace(b"GET", b"HEAD"))).statuses == [
            404
        ]


@pytest.mark.parametrize("path", PATHS[2:])
async def test_a_path_is_written_in_one_way(relay: RunningRelay, path: str):
    async with town(relay.url) as here:
        assert FIGURES in (await answers(await here.connect(), HIDDEN.encode())).said
        for host in ("localhost", "evil.example"):
            heard = await answers(
                await here.connect(), f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            )
            # Nor is anybody sent elsewhere.
            assert heard.statuses in ([400], [404], [421])


@pytest.mark.parametrize(
    "head",
    [
        b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 150 + b"\r\n",
        b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["fields", "field", "target"],
)
async def test_a_head_that_is_too_long(relay: RunningRelay, head: bytes):
    async with town(relay.url) as here:
        assert (await answers(await here.connect(), head)).statuses == [400]


@pytest.mark.parametrize("name", [name for name in ATTACKS if name.startswith("WebSocket")])
async def test_a_handshake_that_is_none_is_ended(name: str):
    with running_relay(HASTY) as relay:
        async with town(relay.url) as here:
            raw = await here.connect()
            await raw.send(ATTACKS[name][0])
            await raw.ended()


async def test_a_long_handshake_as_browsers_have_it_is_taken(relay: RunningRelay):
    fields = f"Cookie: {'x' * 4096}\r\nUser-Agent: {'y' * 2000}\r\n" + "a: b\r\n" * 60
    head = f"GET /announce?x=%20y HTTP/1.1\r\nHost: localhost\r\n{fields}{handshake()}\r\n"
    async with town(relay.url) as here:
        raw = await here.connect()
        await raw.send(head.encode())
        assert b" 101 " in await raw.reader.readuntil(b"\r\n\r\n")
        await raw.send(frame(TEXT, announce("peer")))
        assert b'"interval"' in await raw.hear()
