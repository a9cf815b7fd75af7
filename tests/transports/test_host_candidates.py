from __future__ import annotations

import asyncio

import pytest

from filesend_tui.core.transports.base import no_relay
from filesend_tui.core.transports.webrtc.host_candidates import LOOPBACK, with_loopback_when_alone
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from tests.transports.pairs import AIORTC, read_exactly, soon


@pytest.mark.parametrize(
    ("found", "use_ipv4", "offered"),
    [
        ([], True, [LOOPBACK]),
        ([], False, []),
        (["192.0.2.1"], True, ["192.0.2.1"]),
        (["2001:db8::1"], True, ["2001:db8::1"]),
    ],
)
def test_loopback_is_offered_only_where_there_is_nothing_else(
    found: list[str], use_ipv4: bool, offered: list[str]
) -> None:
    choose = with_loopback_when_alone(lambda _v4, _v6: list(found))
    assert choose(use_ipv4=use_ipv4, use_ipv6=True) == offered


async def test_two_peers_connect_on_a_machine_with_loopback_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from aioice import ice

    await WebRtcTransport(AIORTC).warm()
    assert ice.get_host_addresses(use_ipv4=True, use_ipv6=True)
    alone = with_loopback_when_alone(lambda _v4, _v6: [])
    monkeypatch.setattr(ice, "get_host_addresses", alone)
    offerer = await WebRtcTransport(AIORTC).offer(no_relay)
    answerer = await WebRtcTransport(AIORTC).answer(offerer.text, no_relay)
    await offerer.accept(answerer.text)
    ours, theirs = await soon(asyncio.gather(offerer.opened(), answerer.opened()))
    await ours.send(b"hello")
    assert await read_exactly(theirs, 5) == b"hello"
    assert ours.address.startswith("127.0.0.1:")
    await soon(asyncio.gather(ours.close(), theirs.close()))
