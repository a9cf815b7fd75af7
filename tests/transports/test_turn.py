"""Which of several TURN servers is used; what a real one says is tested in tests/turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from filesend_tui.core.config import IceServer
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.webrtc import turn
from filesend_tui.core.transports.webrtc.turn import Server, TurnChoice, server_of
from tests import virtual_time

UDP, UDP2 = "turn:a.example:1?transport=udp", "turn:b.example:1?transport=udp"
TCP, TLS = "turn:a.example:1?transport=tcp", "turns:a.example"
NEVER = 1e9


def servers(*urls: str, credential: str = "x") -> list[Server]:
    made = [server_of(IceServer(urls=u, username="u", credential=credential)) for u in urls]
    return [each for each in made if each is not None]


class World:
    """Stands in for the servers. takes: seconds of each; negative: refuses after so many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **takes: float) -> None:
        self.takes = {globals()[name]: seconds for name, seconds in takes.items()}
        self.asked: list[tuple[str, float]] = []
        self.running = 0
        self.network = "192.0.2.1"
        monkeypatch.setattr(turn, "allocate", self._allocate)
        monkeypatch.setattr(turn, "_own_network", lambda: frozenset({self.network}))

    async def _allocate(self, server: Server) -> None:
        loop = asyncio.get_running_loop()
        self.asked.append((server.ice.urls, loop.time() - 1000))
        self.running += 1
        try:
            seconds = self.takes[server.ice.urls]
            await asyncio.sleep(abs(seconds))
            if seconds < 0:
                raise ChannelFailed(f"{server.ice.urls} refuses.")
        finally:
            self.running -= 1


def play(act: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await act()

    virtual_time.run(main())


@pytest.mark.parametrize(
    ("takes", "chosen", "after"),
    [
        ({"UDP": 0.6, "TCP": 0.1, "TLS": 0.1}, UDP, 0.6),
        ({"UDP": NEVER, "TCP": 0.1, "TLS": 0.1}, TCP, 1.1),
        ({"UDP": NEVER, "TCP": NEVER, "TLS": 0.1}, TLS, 2.1),
        ({"UDP": -0.2, "TCP": -0.2, "TLS": 0.1}, TLS, 0.5),
        ({"UDP": 1.2, "TCP": 0.5, "TLS": 0.1}, UDP, 1.2),
        ({"UDP": NEVER, "UDP2": 0.3, "TCP": 0.1}, UDP2, 0.3),
        ({"TLS": 0.1, "TCP": 0.2, "UDP": 0.3}, UDP, 0.3),
        ({"TCP": 0.4}, TCP, 0.4),
    ],
    ids=[
        *("all work", "UDP is blocked", "TLS alone", "refused at once", "UDP is late"),
        *("another host", "named the other way about", "one"),
    ],
)
def test_the_best_that_works_is_chosen(
    monkeypatch: pytest.MonkeyPatch, takes: dict[str, float], chosen: str, after: float
) -> None:
    world = World(monkeypatch, **takes)

    async def act() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await TurnChoice().choose(servers(*world.takes))
        assert found.urls == chosen
        assert loop.time() - began == pytest.approx(after, abs=0.05)
        assert world.running == 0, "the others are let go"

    play(act)


def test_where_none_works_it_is_told_why_and_not_asked_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, UDP=NEVER, TCP=-0.1)

    async def act() -> None:
        loop = asyncio.get_running_loop()
        choice = TurnChoice(loop.time)
        began = loop.time()
        for _ in range(3):
            with pytest.raises(ChannelFailed, match="transport=tcp refuses"):
                await choice.choose(servers(UDP, TCP))
        assert loop.time() - began <= turn.TIMEOUT + 0.1
        assert len(world.asked) == 2
        world.takes[UDP] = 0.1
        await asyncio.sleep(turn.FAILURE_LIFETIME)
        assert (await choice.choose(servers(UDP, TCP))).urls == UDP

    play(act)


def test_a_choice_holds_with_the_login_of_now_until_something_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, UDP=0.1, TCP=0.1)

    async def act() -> None:
        choice = TurnChoice(asyncio.get_running_loop().time)

        async def asked_anew(*urls: str) -> int:
            before = len(world.asked)
            assert (await choice.choose(servers(*urls))).urls == UDP
            return len(world.asked) - before

        assert await asked_anew(UDP, TCP) == 1
        assert await asked_anew(UDP, TCP) == 0
        fresh = await choice.choose(servers(UDP, TCP, credential="fresh"))
        assert fresh.credential == "fresh"
        world.network = "192.0.2.99"
        assert await asked_anew(UDP, TCP) == 1, "another network"
        choice.forget()
        assert await asked_anew(UDP, TCP) == 1, "it did not work"
        assert await asked_anew(UDP) == 1, "others to choose from"
        assert await asked_anew(UDP) == 0
        assert await asked_anew(UDP, TCP) == 0, "each relay's servers have a choice of their own"
        await asyncio.sleep(turn.CHOICE_LIFETIME)
        assert await asked_anew(UDP) == 1, "some minutes"

    play(act)


def test_several_attempts_at_once_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, UDP=0.1)

    async def act() -> None:
        choice = TurnChoice()
        found = await asyncio.gather(*(choice.choose(servers(UDP)) for _ in range(8)))
        assert {each.urls for each in found} == {UDP}
        assert len(world.asked) == 1

    play(act)


@pytest.mark.parametrize("url", ["stun:a:1", "turns:a?transport=udp", "nonsense", ""])
def test_what_is_no_turn_server_is_none_to_ask(url: str) -> None:
    assert server_of(IceServer(urls=url)) is None
