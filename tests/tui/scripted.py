"""A Client that does what a test says: commands are recorded, events are pushed by hand."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

from msgspec.structs import replace
from textual.pilot import Pilot

from filesend_tui.app import FileSendApp
from filesend_tui.core.choices import ARRIVING, Arriving, Sending, Stood
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import EventStream, Subscription
from filesend_tui.core.events import (
    Allowance,
    Code,
    Contact,
    ContactForgotten,
    Event,
    GroupId,
    History,
    Limits,
    Paired,
    Relay,
    SessionId,
    TorrentDestroyed,
    TransferId,
    Unfinished,
    Who,
)
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.sources.scan import OPEN
from filesend_tui.core.torrent.sources.source_files import SourceFiles
from filesend_tui.core.torrent.storage.arrival.existing import Existing
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.runtime.client_api import ClientApi
from filesend_tui.runtime.local_relay import Ask
from filesend_tui.settings.preferences import Preferences

#: Noon of a day in June 2025, in UTC: when the first of the things in a home was last changed.
WHEN = 1_749_988_800
URL = "http://127.0.0.1:8421"
CODE = "4711-apple-violin"
WORDS = ("7-apple-violin", "12-apple-violin", "3-acorn-acid")


class ScriptedClient:
    """A ClientApi. `calls` has (name, *arguments); `fails` maps a name to the error it raises."""

    def __init__(self) -> None:
        self.stream = EventStream()
        self.readers: list[Subscription] = []
        self.calls: list[tuple[object, ...]] = []
        self.fails: dict[str, Exception] = {}
        self.hangs: dict[str, asyncio.Event] = {}
        #: What was asked for or shared, and where the files of an answer go, as it was given.
        self.chosen: list[Collection[Path] | Found] = []
        #: Whether each of these was to go without what cannot be sent.
        self.skipping: list[bool] = []
        self.outputs: list[Path | Target | None] = []
        #: Whom each request and each line was for.
        self.meant: list[SessionId | None] = []
        self.tidied: list[Path] = []
        self.destroyed = asyncio.Event()
        self.kept = False
        self.limits: tuple[int | None, int | None] = (None, None)
        #: Why requests were declined.
        self.reasons: list[str] = []
        #: Files that are in the folder already, and how received ones are put there.
        self.there: Sequence[Existing] = ()
        self.arrives = ARRIVING
        #: What each answer lets be replaced.
        self.replaced: list[tuple[Stood, ...]] = []
        self.places: list[str] = []
        self.past: list[History] = []
        self.left: list[Unfinished] = []
        #: Who is remembered; of them who is there, and who comes when called.
        self.known: list[Contact] = []
        self.online: set[str] = set()
        self.coming: dict[str, SessionId] = {}
        self.waited_for: Collection[str] | None = ()
        self.groups: list[GroupId | None] = []
        self.code = CODE
        self.transfer = "ab" * 8
        self.words = "acorn violin umbrella"

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

    async def tidy(self, folder: Path) -> None:
        self.tidied.append(folder)

    async def connect(
        self, relay_url: str, *, again: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        self.stream.publish(Relay(state="connecting", url=relay_url))
        await self._do("connect", relay_url)
        self.places.append(relay_url)
        self.stream.publish(Relay(state="connected", url=relay_url))

    async def connect_to_tracker(
        self, url: str, *, again: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        await self.connect(url)

    async def disconnect(self, url: str) -> None:
        await self._do("disconnect", url)

    def expect_places(self, seconds: float) -> None:
        pass

    def expect_return(self, url: str, seconds: float) -> None:
        pass

    def expect_people(self, url: str, seconds: float) -> None:
        """Nobody comes."""

    async def create_code(self) -> str:
        await self._do("create_code")
        self.stream.publish(Code(code=self.code, expires_seconds=600))
        return self.code

    async def join(self, code: str) -> SessionId:
        await self._do("join", code)
        return SessionId("0" * 16)

    async def open_link(self, secret: bytes, at: str) -> SessionId:
        await self._do("open_link", secret, at)
        return SessionId("0" * 16)

    async def remember(self, to: SessionId | None = None) -> None:
        await self._do("remember", to)

    async def decline_remembering(self, to: SessionId | None = None) -> None:
        await self._do("decline_remembering", to)

    async def contacts(self) -> Sequence[Contact]:
        return tuple(self.known)

    async def rename_contact(self, contact: str, name: str) -> Contact:
        await self._do("rename_contact", contact, name)
        at = next(n for n, each in enumerate(self.known) if each.contact == contact)
        self.known[at] = replace(self.known[at], name=name)
        return self.known[at]

    async def allow_contact(self, contact: str, allowance: Allowance | None) -> Contact:
        await self._do("allow_contact", contact, allowance)
        at = next(n for n, each in enumerate(self.known) if each.contact == contact)
        self.known[at] = replace(self.known[at], allowed=allowance)
        return self.known[at]

    async def forget_contact(self, contact: str) -> bool:
        await self._do("forget_contact", contact)
        gone = [each for each in self.known if each.contact == contact]
        self.known = [each for each in self.known if each.contact != contact]
        for each in gone:
            forgotten = ContactForgotten(contact=contact, name=each.name, by=Who.YOU)
            self.stream.publish(forgotten)
        return bool(gone)

    def wait_for_contacts(self, contacts: Collection[str] | None) -> None:
        self.waited_for = contacts

    async def call(self, contact: str) -> SessionId:
        await self._do("call", contact)
        name = next(each.name for each in self.known if each.contact == contact)
        session = self.coming[contact]
        self.stream.publish(Paired(session=session, partner=name, contact=contact))
        return session

    async def is_online(self, contact: str, seconds: float) -> bool:
        return contact in self.online

    async def look_through(
        self, paths: Collection[Path], *, skip_unreadable: bool = False
    ) -> Found:
        self.skipping.append(skip_unreadable)
        await self._do("look_through", tuple(paths))
        return Found(tuple(paths), OPEN, Sending(), SourceFiles())

    def new_group(self, size: int) -> GroupId:
        self.calls.append(("new_group", size))
        return GroupId(f"group of {size}")

    def verification(self, to: SessionId | None = None) -> str | None:
        return self.words

    async def leave(self, to: SessionId | None = None) -> None:
        await self._do("leave", *([] if to is None else [to]))

    async def request(
        self,
        paths: Collection[Path] | Found,
        *,
        skip_unreadable: bool = False,
        to: SessionId | None = None,
        group: GroupId | None = None,
    ) -> str:
        self.chosen.append(paths)
        self.meant.append(to)
        self.groups.append(group)
        self.skipping.append(skip_unreadable)
        await self._do("request", () if isinstance(paths, Found) else tuple(paths))
        return self.transfer

    async def answer(
        self,
        transfer: str,
        accepted: Sequence[bool],
        *,
        output: Path | Target | None = None,
        reason: str = "",
        replace: Sequence[Stood] = (),
    ) -> None:
        self.reasons.append(reason)
        self.outputs.append(output)
        self.replaced.append(tuple(replace))
        folder = output.path if isinstance(output, Target) else output
        await self._do("answer", transfer, tuple(accepted), folder)

    async def cancel(self, transfer: str) -> None:
        await self._do("cancel", transfer)

    async def pause(self, transfer: str, files: Collection[int] | None = None) -> None:
        await self._do("pause", transfer, *(() if files is None else (tuple(files),)))

    async def go_on(self, transfer: str, files: Collection[int] | None = None) -> None:
        await self._do("go_on", transfer, *(() if files is None else (tuple(files),)))

    async def existing(
        self, transfer: str, *, output: Path | Target | None = None
    ) -> Sequence[Existing]:
        return self.there

    @property
    def arriving(self) -> Arriving:
        return self.arrives

    async def ask_again(self, transfer: str) -> None:
        await self._do("ask_again", transfer)

    async def move(self, transfer: str, by: int) -> None:
        await self._do("move", transfer, by)

    async def seed(
        self,
        paths: Collection[Path] | Found,
        *,
        trackers: Sequence[str],
        skip_unreadable: bool = False,
    ) -> str:
        self.chosen.append(paths)
        self.skipping.append(skip_unreadable)
        await self._do("seed", tuple(paths), tuple(trackers))
        return "c" * 40

    async def remove(self, torrent: str) -> None:
        await self._do("remove", torrent)
        self.stream.publish(TorrentDestroyed(torrent=torrent))

    async def say(self, text: str, *, to: SessionId | None = None) -> None:
        self.meant.append(to)
        await self._do("say", text)

    async def history(self, limit: int) -> Sequence[History]:
        await self._do("history", limit)
        return self.past[:limit]

    async def clear_history(self) -> int | None:
        await self._do("clear_history")
        count, self.past = len(self.past), []
        return count

    async def unfinished(self) -> Sequence[Unfinished]:
        return tuple(self.left)

    async def resume(self, session: SessionId, transfer: TransferId) -> bool:
        await self._do("resume", session, transfer)
        at = next(n for n, each in enumerate(self.left) if each.transfer == transfer)
        if self.left[at].running:
            return False
        self.left[at] = replace(self.left[at], running=True)
        return True

    async def forget(self, session: SessionId, transfer: TransferId) -> bool:
        await self._do("forget", session, transfer)
        stays = [each for each in self.left if each.transfer != transfer or each.running]
        forgotten, self.left = len(stays) < len(self.left), stays
        return forgotten

    def rename(self, name: str) -> None:
        self.calls.append(("rename", name))

    def limit(self, *, upload: int | None, download: int | None) -> None:
        self.calls.append(("limit", upload, download))
        self.limits = upload, download
        self.stream.publish(Limits(upload=upload, download=download))

    async def destroy(self, *, keep: bool = False) -> None:
        self.destroyed.set()
        self.kept = keep
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
    for number, path in enumerate(sorted(home.rglob("*"), reverse=True)):
        os.utime(path, (WHEN + 86400 * number,) * 2)
    return home


def fill_scans(folder: Path) -> None:
    """Make a folder with many things, a link, and where there can be such, a broken one."""
    (folder / "letters").mkdir()
    for number in range(1, 201):
        with (folder / f"scan {number}.tif").open("wb") as file:
            file.truncate(number * 9_137)
    (folder / "read me.txt").write_text("The scans of 2024.\n\n\tOnes that are crooked: 3, 12.\n")
    if os.name != "nt":
        (folder / "last").symlink_to("scan 200.tif")
        (folder / "lost").symlink_to("scan 201.tif")
    for number, path in enumerate(sorted(folder.iterdir())):
        os.utime(path, (WHEN + 3600 * number,) * 2, follow_symlinks=os.name == "nt")
    os.utime(folder, (WHEN, WHEN))


def heard(reader: Subscription) -> bool:
    """Whether all that was published is in the store: somebody waits for more, or it is over."""
    return reader._closed or (not reader._events and bool(reader._wake._waiters))


#: Seconds after which something that never rests is left alone.
REST = 1.0


def _is_busy(app: FileSendApp) -> bool:
    """Whether a message waits to be handled, or the screen to be laid out or drawn."""
    screens = app._screen_stack
    if not screens:  # it has ended
        return False
    pumps = [app, *screens, *(each for screen in screens for each in screen.walk_children())]
    top = screens[-1]
    return bool(
        any(pump.message_queue_size or pump._next_callbacks for pump in pumps)
        or top._layout_required
        or top._dirty_widgets
        or top._callbacks
    )


class ScriptedPlaces:
    """The one relay of a stage. find: finds it; raises what a test says."""

    def __init__(self, find: Callable[[Ask], Awaitable[str]]) -> None:
        self.told: Callable[[], None] = lambda: None
        self.is_wide = False
        #: The relay's URL as browsers reach it; empty where it has no page.
        self.page = ""
        self.main = URL
        self._find = find

    def where(self) -> str:
        return "on this network"

    def command(self, code: str) -> str:
        return f"filesend receive {code}"

    def look_for_page(self) -> None:
        pass

    def link(self, code: str) -> str:
        return f"{self.page}/r#{code}" if self.page else ""

    async def open(self, client: ClientApi, ask: Ask) -> None:
        url = await self._find(ask)
        await client.connect(url)
        self.told()

    async def narrow(self) -> None:
        self.is_wide = False
        self.told()

    async def close(self) -> None:
        pass


class Stage:
    """The app with a scripted client, a clock that is moved by hand, and a relay that answers."""

    def __init__(self, home: Path, disk: dict[str, int] | None = None) -> None:
        self.home = home
        self.disk = disk if disk is not None else {}
        self.client = ScriptedClient()
        self.places = ScriptedPlaces(self._find_relay)
        self.now = 1000.0
        self.relay: FileSendError | asyncio.Event | None = None
        self.relay_calls = 0
        #: Whose relay it says it found, where somebody else's; and what was answered.
        self.whose = ""
        self.trusts: list[bool] = []
        #: Workers that a test keeps from ending.
        self.stuck: set[str] = set()
        self.app = FileSendApp(
            lambda: self.client,
            places=self.places,
            output=home / "Downloads",
            start=home,
            preferences=Preferences(home.parent / "settings.toml", {"name": "You"}),
            state=home.parent / "state",
            draws_per_second=1000,
            complete=lambda prefix: [each for each in WORDS if each.startswith(prefix)],
            clock=lambda: self.now,
            time_of_day=lambda: "14:02",
            settle=0.0,  # keys count at once; tests that are about that say otherwise
        )
        # Tests take samples by hand: the app's own timer finds that none is due.
        self.app.store._sampled_at = self.now

    async def _find_relay(self, ask: Ask) -> str:
        self.relay_calls += 1
        if self.whose:
            self.trusts.append(await ask(self.whose))
        if isinstance(self.relay, asyncio.Event):
            await self.relay.wait()
        elif self.relay is not None:
            raise self.relay
        return URL

    async def play(self, pilot: Pilot[None], *events: Event) -> None:
        """Publish events, one after another as they come in life, until the screen shows them."""
        for event in events:
            self.client.stream.publish(event)
            async with asyncio.timeout(20):
                while not all(map(heard, self.client.readers)):
                    await asyncio.sleep(0)
            self.app._draw()
        await self.settle(pilot)

    async def wait_until(self, pilot: Pilot[None], condition: Callable[[], object]) -> None:
        """Wait for a condition while something never ends by itself."""
        async with asyncio.timeout(20):
            while not condition():
                await pilot.pause()
                self.app._draw()

    async def settle(self, pilot: Pilot[None]) -> None:
        """Wait until the app has nothing left to do."""
        await self._rest(pilot)
        while pending := self._pending():
            async with asyncio.timeout(20):
                await asyncio.gather(*(wait() for wait in pending), return_exceptions=True)
            await self._rest(pilot)
        self.app._draw()
        await self._rest(pilot)

    async def _rest(self, pilot: Pilot[None]) -> None:
        """Wait until every message was handled, those too that others led to.

        A pause takes a process for idle that uses little processor, as where others use it.
        """
        await pilot.pause()
        clock = asyncio.get_running_loop().time
        deadline = clock() + REST
        while _is_busy(self.app) and clock() < deadline:
            await asyncio.sleep(0)

    def _pending(self) -> list[Callable[[], Awaitable[object]]]:
        """What is not over: workers that will end by themselves, events that were not read."""
        waiting: list[Callable[[], Awaitable[object]]] = [
            worker.wait
            for worker in self.app.workers
            if not worker.is_finished and worker.name not in {"events", *self.stuck}
        ]
        if self.app.keys_wait or not all(map(heard, self.client.readers)):
            waiting.append(lambda: asyncio.sleep(0))
        return waiting

    async def later(self, pilot: Pilot[None], seconds: float) -> None:
        """Let the clock go on."""
        self.now += seconds
        self.app._draw()
        await pilot.pause()
