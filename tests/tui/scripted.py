"""A Client that does what a test says: commands are recorded, events are pushed by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from textual.pilot import Pilot

from filesend_tui.app import FileSendApp
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import EventStream, Subscription
from filesend_tui.core.events import Code, Event, Relay, TorrentDestroyed

URL = "http://127.0.0.1:8421"
CODE = "4711-apple-violin"
WORDS = ("7-apple-violin", "12-apple-violin", "3-acorn-acid")


class ScriptedClient:
    """A ClientDoor. `calls` has (name, *arguments); `fails` maps a name to the error it raises."""

    def __init__(self) -> None:
        self.stream = EventStream()
        self.readers: list[Subscription] = []
        self.calls: list[tuple[object, ...]] = []
        self.fails: dict[str, Exception] = {}
        self.hangs: dict[str, asyncio.Event] = {}
        self.destroyed = asyncio.Event()
        self.code = CODE
        self.transfer = "ab" * 8
        self.verification = "acorn violin umbrella"

    def named(self, name: str) -> list[tuple[object, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]

    async def _do(self, name: str, *arguments: object) -> None:
        self.calls.append((name, *arguments))
        if name in self.hangs:
            await self.hangs[name].wait()
        if (error := self.fails.get(name)) is not None:
            raise error

    def subscribe(self) -> Subscription:
        self.readers.append(self.stream.subscribe())
        return self.readers[-1]

    async def connect(self, relay_url: str) -> None:
        self.stream.publish(Relay(state="connecting", url=relay_url))
        await self._do("connect", relay_url)
        self.stream.publish(Relay(state="connected", url=relay_url))

    async def create_code(self) -> str:
        await self._do("create_code")
        self.stream.publish(Code(code=self.code, expires_seconds=600))
        return self.code

    async def join(self, code: str) -> None:
        await self._do("join", code)

    async def leave(self) -> None:
        await self._do("leave")

    async def request(self, paths: Sequence[Path]) -> str:
        await self._do("request", tuple(paths))
        return self.transfer

    async def answer(
        self, transfer: str, accepted: Sequence[bool], *, output: Path | None = None
    ) -> None:
        await self._do("answer", transfer, tuple(accepted), output)

    async def cancel(self, transfer: str) -> None:
        await self._do("cancel", transfer)

    async def seed(self, paths: Sequence[Path], *, trackers: Sequence[str]) -> str:
        await self._do("seed", tuple(paths), tuple(trackers))
        return "c" * 40

    async def remove(self, torrent: str) -> None:
        await self._do("remove", torrent)
        self.stream.publish(TorrentDestroyed(torrent=torrent))

    async def say(self, text: str) -> None:
        await self._do("say", text)

    async def destroy(self) -> None:
        self.destroyed.set()
        await self._do("destroy")
        self.stream.close()


def fill_home(home: Path) -> Path:
    """Make a home folder with a few things in it."""
    for name in ("Documents", "Downloads", "Music", "Pictures/holiday"):
        (home / name).mkdir(parents=True)
    for name, size in (
        ("cat on a sofa.jpg", 2_300_000),
        ("letter.odt", 24_000),
        ("taxes 2025.pdf", 811_000),
        (".secret", 10),
        ("Pictures/beach.jpg", 4_812_331),
        ("Pictures/holiday/boat.jpg", 3_000),
        ("Pictures/holiday/notes.txt", 12),
    ):
        with (home / name).open("wb") as file:
            file.truncate(size)
    return home


class Stage:
    """The app with a scripted client, a clock that is moved by hand, and a relay that answers."""

    def __init__(self, home: Path, disk: dict[str, int] | None = None) -> None:
        self.disk = disk if disk is not None else {}
        self.client = ScriptedClient()
        self.now = 1000.0
        self.relay: FileSendError | asyncio.Event | None = None
        self.relay_calls = 0
        #: Workers that a test keeps from ending.
        self.stuck: set[str] = set()
        self.app = FileSendApp(
            lambda: self.client,
            relay=self._find_relay,
            output=home / "Downloads",
            start=home,
            draws_per_second=1000,
            complete=lambda prefix: [each for each in WORDS if each.startswith(prefix)],
            clock=lambda: self.now,
        )
        # Tests take samples by hand: the app's own timer finds that none is due.
        self.app.store._sampled_at = self.now

    async def _find_relay(self) -> str:
        self.relay_calls += 1
        if isinstance(self.relay, asyncio.Event):
            await self.relay.wait()
        elif self.relay is not None:
            raise self.relay
        return URL

    async def play(self, pilot: Pilot[None], *events: Event) -> None:
        """Publish events and wait until the screen shows them."""
        for event in events:
            self.client.stream.publish(event)
        await self.settle(pilot)

    async def settle(self, pilot: Pilot[None]) -> None:
        """Wait until the app has nothing left to do."""
        await pilot.pause()
        while pending := self._pending():
            async with asyncio.timeout(20):
                await asyncio.gather(*(wait() for wait in pending), return_exceptions=True)
            await pilot.pause()
        self.app._draw()
        await pilot.pause()

    def _pending(self) -> list[Callable[[], Awaitable[object]]]:
        """What is not over: workers that will end by themselves, events that were not read."""
        waiting: list[Callable[[], Awaitable[object]]] = [
            worker.wait
            for worker in self.app.workers
            if not worker.is_finished and worker.name not in {"events", *self.stuck}
        ]
        if any(reader._events for reader in self.client.readers):
            waiting.append(lambda: asyncio.sleep(0))
        return waiting

    async def later(self, pilot: Pilot[None], seconds: float) -> None:
        """Let the clock go on."""
        self.now += seconds
        self.app._draw()
        await pilot.pause()
