"""The kinds of peer, each a real process, behind one face: seed a payload, download a magnet."""

from __future__ import annotations

import itertools
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.interop.line_process import Line, LineProcess
from tests.interop.payloads import Payload, read_back

HERE = Path(__file__).parent
PEERS = HERE / "peers"
#: Seconds for a swarm to form, with room for a machine that does other things at once.
MEET = 60.0
#: Seconds for a payload to go over.
TRANSFER = 120.0


@dataclass(frozen=True)
class Got:
    """A finished download. received: payload bytes that came over the wire, by the peer's count.

    files: as Payload.files. seconds: from the metadata to the last piece.
    """

    files: dict[str, str]
    received: int
    seconds: float


class Seeding(ABC):
    """A peer that seeds."""

    magnet: str

    @abstractmethod
    def sent(self, at_least: int) -> int:
        """Wait until it has sent this many payload bytes by its own count; return the count."""


class Downloading(ABC):
    """A peer that downloads."""

    @abstractmethod
    def done(self) -> Got:
        """Wait for all of it, verified."""


class Kind(ABC):
    """A kind of peer. prefix: how its peer ids begin (BEP 20)."""

    name: str
    prefix: str

    @abstractmethod
    def seed(self, payload: Payload, tracker: str) -> Seeding:
        """Start a peer that seeds at this tracker."""

    @abstractmethod
    def download(self, magnet: str, payload: Payload) -> Downloading:
        """Start a peer that knows the magnet alone; the payload is what should come."""


class OurEnd:
    """One of our processes; it is ended with the test."""

    def __init__(self, process: LineProcess) -> None:
        self.process = process

    def met(self) -> set[str]:
        """Return how the ids of the peers begin that it has met (BEP 20)."""
        return {line["client"][:3] for line in self._told("peerConnected")}

    def _told(self, event: str) -> list[Line]:
        return [line for line in self.process.lines if line["event"] == event]


class OurSeeding(OurEnd, Seeding):
    """`filesend seed`."""

    def __init__(self, process: LineProcess) -> None:
        super().__init__(process)
        self.magnet = process.wait("seeding", MEET)["magnetURI"]

    def sent(self, at_least: int) -> int:
        self.process.wait(
            lambda line: line["event"] == "upload" and line["uploadedBytes"] >= at_least, MEET
        )
        return int(self._told("upload")[-1]["uploadedBytes"])


class OurDownloading(OurEnd, Downloading):
    """`filesend download`."""

    def __init__(self, process: LineProcess, payload: Payload, folder: Path) -> None:
        super().__init__(process)
        self._payload = payload
        self._folder = folder

    def done(self) -> Got:
        self.process.wait("metadata", MEET)
        done = self.process.wait("downloadComplete", TRANSFER)
        assert done["bytes"] == self._payload.total
        return Got(
            files=read_back(self._payload, self._folder),
            received=self._told("download")[-1]["downloadedBytes"],
            seconds=done["seconds"],
        )


class Ours(Kind):
    """`filesend seed` and `filesend download`, headless. webrtc: with which stack."""

    name = "FileSend"
    prefix = "-FS"

    def __init__(
        self,
        scratch: Path,
        stack: ExitStack,
        *,
        inside: Sequence[str] = (),
        webrtc: str = "auto",
    ) -> None:
        self._scratch = scratch
        self._stack = stack
        self._inside = inside
        self._webrtc = webrtc
        self._numbers = itertools.count(1)

    def seed(self, payload: Payload, tracker: str) -> OurSeeding:
        return OurSeeding(self._run("seed", "--tracker", tracker, payload.path))

    def download(self, magnet: str, payload: Payload) -> OurDownloading:
        folder = self._scratch / f"ours-{next(self._numbers)}"
        folder.mkdir()
        process = self._run("download", "--output", folder, magnet)
        return OurDownloading(process, payload, folder)

    def _run(self, command: str, *arguments: str | Path) -> LineProcess:
        name = f"filesend-{command}-{next(self._numbers)}"
        ours = [sys.executable, "-m", "filesend_tui", command, "--json", "--webrtc", self._webrtc]
        process = LineProcess(
            name,
            [*self._inside, *ours, *arguments],
            log=self._scratch / f"{name}.log",
            env=ours_env(self._scratch),
        )
        self._stack.callback(process.interrupt)
        return process


def ours_env(scratch: Path) -> Mapping[str, str]:
    """Return an environment in which nothing of the person's own counts and no STUN is asked."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("FILESEND_")}
    settings = scratch / "settings.toml"
    settings.touch()
    return {
        **ours,
        "FILESEND_ICE_SERVERS": "none",
        "FILESEND_SETTINGS": str(settings),
        "FILESEND_STATE": str(scratch / "state"),
    }


class Chromium(Kind):
    """webtorrent in a page of headless Chromium; one browser, a page and a storage a peer."""

    name = "Chromium"
    prefix = "-WW"

    def __init__(
        self,
        executable: Path,
        scratch: Path,
        *,
        as_shipped: bool = False,
        inside: Sequence[str] = (),
    ) -> None:
        mode = ["as-shipped"] if as_shipped else []
        self._process = LineProcess(
            "chromium",
            [*inside, "node", PEERS / "chromium.mjs", executable, *mode],
            log=scratch / "chromium.log",
        )
        self.version: str = self._process.wait("ready", MEET)["version"]
        self._numbers = itertools.count(1)
        self._open: list[Page] = []

    def seed(self, payload: Payload, tracker: str) -> PageSeeding:
        page = self.page()
        page.tell(
            "seed",
            name=payload.name,
            root=str(payload.path.parent),
            paths=payload.paths,
            tracker=tracker,
        )
        return PageSeeding(page)

    def download(self, magnet: str, payload: Payload) -> PageDownloading:
        page = self.page()
        page.tell("download", magnet=magnet)
        return PageDownloading(page, payload)

    def close_page(self, page: Page) -> None:
        """Close one peer."""
        self._open.remove(page)
        page.close()

    def close_pages(self) -> None:
        """Close every peer."""
        while self._open:
            self._open.pop().close()

    def close(self) -> None:
        """End the browser."""
        self._process.close()

    def page(self) -> Page:
        """Return a peer that was told nothing yet; `close_pages` closes it."""
        page = Page(self._process, f"page-{next(self._numbers)}")
        self._open.append(page)
        return page


class Page:
    """One peer of the browser."""

    def __init__(self, process: LineProcess, peer: str) -> None:
        self._process = process
        self._peer = peer
        self._start = len(process.lines)

    def tell(self, do: str, **fields: object) -> None:
        self._process.tell(peer=self._peer, do=do, **fields)

    def ask(self, do: str, event: str, **fields: object) -> Line:
        """Tell it something; return what it says of this event from then on."""
        self._start = len(self._process.lines)
        self.tell(do, **fields)
        return self.wait(event, MEET)

    def wait(self, event: str, timeout: float) -> Line:
        return self._process.wait(
            lambda line: line.get("peer") == self._peer and line["event"] == event,
            timeout,
            after=self._start,
        )

    def describe(self) -> dict[str, str]:
        """Return an offer as this browser makes it; for a page that was told nothing yet."""
        description: dict[str, str] = self.ask("describe", "described")["description"]
        return description

    def figures(self) -> Line:
        return self.ask("figures", "figures")

    def close(self) -> None:
        self.ask("close", "closed")


class PageSeeding(Seeding):
    def __init__(self, page: Page) -> None:
        self.page = page
        self.magnet = page.wait("seeding", MEET)["magnet"]

    def sent(self, at_least: int) -> int:
        return _until(at_least, lambda: self.page.figures()["uploaded"])


class PageDownloading(Downloading):
    def __init__(self, page: Page, payload: Payload) -> None:
        self.page = page
        self._payload = payload

    def done(self) -> Got:
        self.page.wait("metadata", MEET)
        done = self.page.wait("done", TRANSFER)
        assert {wire["type"] for wire in done["wires"]} <= {"webrtc"}
        single = self._payload.path.is_file()
        files = {
            file["path"] if single else file["path"].split("/", 1)[1]: file["sha256"]
            for file in done["files"]
        }
        return Got(files=files, received=done["received"], seconds=done["seconds"])


class Libtorrent(Kind):
    """libtorrent with everything but WebRTC switched off."""

    name = "libtorrent"
    prefix = "-LT"

    def __init__(self, scratch: Path, stack: ExitStack) -> None:
        self._scratch = scratch
        self._stack = stack
        self._numbers = itertools.count(1)

    def seed(self, payload: Payload, tracker: str) -> LibtorrentSeeding:
        return LibtorrentSeeding(self._run("seed", payload.path, tracker))

    def download(self, magnet: str, payload: Payload) -> LibtorrentDownloading:
        folder = self._scratch / f"libtorrent-{next(self._numbers)}"
        folder.mkdir()
        return LibtorrentDownloading(self._run("download", magnet, folder), payload, folder)

    def _run(self, *arguments: str | Path) -> LineProcess:
        name = f"libtorrent-{arguments[0]}-{next(self._numbers)}"
        process = LineProcess(
            name,
            [sys.executable, PEERS / "libtorrent_peer.py", *arguments],
            log=self._scratch / f"{name}.log",
        )
        self._stack.callback(process.close)
        return process


def _libtorrent_figures(process: LineProcess) -> Line:
    start = len(process.lines)
    process.say("figures")
    return process.wait("figures", MEET, after=start)


class LibtorrentSeeding(Seeding):
    def __init__(self, process: LineProcess) -> None:
        self.process = process
        self.magnet = process.wait("seeding", MEET)["magnet"]

    def sent(self, at_least: int) -> int:
        return _until(at_least, lambda: _libtorrent_figures(self.process)["uploaded"])


class LibtorrentDownloading(Downloading):
    def __init__(self, process: LineProcess, payload: Payload, folder: Path) -> None:
        self.process = process
        self._payload = payload
        self._folder = folder

    def done(self) -> Got:
        self.process.wait("metadata", MEET)
        done = self.process.wait("done", TRANSFER)
        assert done["failed_bytes"] == 0
        _until(self._payload.total, self._on_disk)
        return Got(
            files=read_back(self._payload, self._folder),
            received=done["received"],
            seconds=done["seconds"],
        )

    def _on_disk(self) -> int:
        # It says that it has everything before its disk threads have written it.
        root = self._folder / self._payload.name
        files: Iterator[Path] = root.rglob("*") if root.is_dir() else iter([root])
        return sum(file.stat().st_size for file in files if file.is_file())


def _until(at_least: int, count: Callable[[], int]) -> int:
    """Ask for a count until it is this high; return it."""
    deadline = time.monotonic() + MEET
    while (counted := count()) < at_least and time.monotonic() < deadline:
        time.sleep(0.1)
    return counted
