"""Captures the corpus from the real peers of tests/interop: `python -m tests.golden.capture`.

A developer's tool, not a test; what it writes is looked through and committed. Our side runs in
this process, with taps where bytes and frames come off the network, before anything reads them.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import libtorrent
from websockets.asyncio.client import connect

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.meeting import tracker_session
from filesend_tui.core.torrent import swarm
from filesend_tui.core.torrent.metainfo.magnet import parse_magnet
from filesend_tui.core.wire.connection import WireConnection
from relay.tracker import sockets
from tests.conftest import running_relay
from tests.interop import deps
from tests.interop.island import island
from tests.interop.kinds import Chromium, Kind, Libtorrent
from tests.interop.payloads import Payload, tree
from tests.interop.trackers import npm_tracker

HERE = Path(__file__).parent
Frame = dict[str, Any]


#: Where a frame is read that comes to whom.
_PARSERS: Final[dict[str, tuple[ModuleType, str]]] = {
    "tracker": (sockets, "parse_client_frame"),
    "client": (tracker_session, "parse_server_frame"),
}


class Recorder:
    """What came off the network, with who said it."""

    def __init__(self) -> None:
        self.source = ""
        self.frames: list[Frame] = []
        self.wires: list[tuple[WireConnection, bytearray]] = []

    @contextmanager
    def tapped(self, *, frames_to: str) -> Iterator[None]:
        """Record for as long as this lasts; of frames those to "tracker" (ours) or "client"."""
        recorder = self

        class Tapped(WireConnection):
            def __init__(self, **arguments: Any) -> None:
                super().__init__(**arguments)
                self.record = bytearray()
                recorder.wires.append((self, self.record))

            def receive_data(self, data: bytes) -> list[Any]:
                self.record += data
                return super().receive_data(data)

        with (
            _replaced(*_PARSERS[frames_to], self._frames(frames_to)),
            _replaced(swarm, "WireConnection", lambda _original: Tapped),
        ):
            yield

    def _frames(self, to: str) -> Callable[[Any], Any]:
        def wrap(parse: Callable[[str | bytes], Any]) -> Callable[[str | bytes], Any]:
            def tapped(text: str | bytes) -> Any:
                frame = text if isinstance(text, str) else text.decode()
                self.add(to, frame)
                return parse(text)

            return tapped

        return wrap

    def add(self, to: str, text: str) -> None:
        """Keep a frame, unless it is our own or means what another one means."""
        said = json.loads(text)
        ours = to == "tracker" and said.get("peer_id", "").startswith("-FS")
        if ours or any(_meaning(f) == (self.source, to, *_occasion(said)) for f in self.frames):
            return
        self.frames.append({"source": self.source, "to": to, "text": text})


def _occasion(said: Frame) -> tuple[Any, ...]:
    keys = frozenset(said) & {"offer", "answer", "offers", "files", "failure reason", "interval"}
    return said.get("action"), said.get("event"), keys, type(said.get("info_hash")).__name__


def _meaning(frame: Frame) -> tuple[Any, ...]:
    return frame["source"], frame["to"], *_occasion(json.loads(frame["text"]))


@contextmanager
def _replaced(module: ModuleType, name: str, wrap: Callable[[Any], Any]) -> Iterator[None]:
    original = getattr(module, name)
    setattr(module, name, wrap(original))
    try:
        yield
    finally:
        setattr(module, name, original)


async def they_download(recorder: Recorder, url: str, kind: Kind, payload: Payload) -> Frame:
    """Let a stranger fetch from us; return what it said on the wire."""
    async with _client(Path()) as client:
        stream = client.subscribe()
        await client.seed([payload.path], trackers=[url])
        async for event in stream:
            if isinstance(event, events.Seeding):
                magnet = event.magnet_uri
                break
        download = await asyncio.to_thread(kind.download, magnet, payload)
        await asyncio.to_thread(download.done)
        # Its last words on the wire, and at the tracker.
        await asyncio.sleep(1)
    return _wire(recorder, "leecher", magnet)


async def they_seed(
    recorder: Recorder, url: str, kind: Kind, payload: Payload, scratch: Path
) -> Frame:
    """Fetch from a stranger; return what it said on the wire."""
    seeding = await asyncio.to_thread(kind.seed, payload, url)
    # It says so before its announce; our offers come to nobody until then.
    await asyncio.sleep(2)
    async with _client(scratch) as client:
        stream = client.subscribe()
        await client.add(seeding.magnet, output=scratch)
        async for event in stream:
            if isinstance(event, events.DownloadComplete):
                break
    return _wire(recorder, "seeder", seeding.magnet)


async def what_we_never_ask(recorder: Recorder, url: str) -> None:
    """Let bittorrent-tracker's server answer what our announcer does not say to it."""
    async with connect(url) as socket:
        for asked in (
            {"action": "scrape", "info_hash": "\xff" * 20},
            {"action": "announce", "info_hash": "too short"},
        ):
            await socket.send(json.dumps(asked))
            recorder.add("client", str(await socket.recv()))


@asynccontextmanager
async def _client(output: Path) -> AsyncIterator[Client]:
    client = Client(ClientConfig(output=output))
    try:
        yield client
    finally:
        await client.destroy()


def _wire(recorder: Recorder, role: str, magnet: str) -> Frame:
    wire, record = max(recorder.wires, key=lambda one: len(one[1]))
    recorder.wires.clear()
    shape = wire._shape
    assert shape
    return {
        "source": recorder.source,
        "role": role,
        "info_hash": parse_magnet(magnet).info_hash.hex(),
        "metadata_size": wire.metadata_size,
        "shape": [shape.piece_count, shape.piece_length, shape.total_length],
        "bytes": base64.b64encode(record).decode(),
    }


async def tracker_client(url: str, chromium: Chromium) -> None:
    """Let bittorrent-tracker's own client say what webtorrent does not."""
    at = {"infoHash": "000a225c7f8090a0b0c0d0e0f0fdfeff0122fffe", "peerId": "2d5757" + "ff" * 17}
    page = await asyncio.to_thread(chromium.page)
    for do, event, said in (
        ("join", "update", {"tracker": url, "left": 5, **at}),
        ("announce", "update", {"how": "update", "left": 3}),
        ("announce", "update", {"how": "complete", "left": 0}),
        ("scrape", "scrape", {"infoHash": at["infoHash"]}),
        ("scrape", "scrape", {"infoHash": [at["infoHash"]]}),
        ("announce", "update", {"how": "stop", "left": 0}),
    ):
        await asyncio.to_thread(page.ask, do, event, **said)
    await asyncio.to_thread(chromium.close_pages)


def as_shipped(browser: Path, scratch: Path, version: str) -> Frame:
    """Return an offer of a browser that hides its addresses, made where nobody else hears it."""
    with island(scratch) as inside, ExitStack() as stack:
        chromium = Chromium(browser, scratch, as_shipped=True, inside=inside)
        stack.callback(chromium.close)
        description = chromium.page().describe()
    return {"source": f"Chromium {version} as shipped", "description": description}


async def main() -> None:
    """Capture everything, and write it beside this file."""
    browser = deps.ensure(system=False)
    recorder = Recorder()
    wires = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        chromium = Chromium(browser, scratch)
        stack.callback(chromium.close)
        strangers = {
            f"webtorrent {_npm('webtorrent')}, Chromium {chromium.version}": chromium,
            f"libtorrent {libtorrent.version}": Libtorrent(scratch, stack),
        }
        server = stack.enter_context(npm_tracker(scratch)).url
        relay = stack.enter_context(running_relay()).tracker
        client = f"bittorrent-tracker {_npm('bittorrent-tracker')}"
        places = (scratch / str(number) for number in itertools.count())
        for source, kind in strangers.items():
            recorder.source = source
            with recorder.tapped(frames_to="tracker"):
                wires.append(await they_download(recorder, relay, kind, _payload(places)))
                wires.append(await they_seed(recorder, relay, kind, _payload(places), next(places)))
                chromium.close_pages()
                await asyncio.sleep(1)
            recorder.source = f"{client}, for {source}"
            with recorder.tapped(frames_to="client"):
                await they_download(recorder, server, kind, _payload(places))
                await they_seed(recorder, server, kind, _payload(places), next(places))
            chromium.close_pages()
        recorder.source = client
        await what_we_never_ask(recorder, server)
        with recorder.tapped(frames_to="tracker"):
            await tracker_client(relay, chromium)
        descriptions = [as_shipped(browser, scratch, chromium.version)]
    _write("tracker-frames.json", recorder.frames)
    _write("descriptions.json", descriptions)
    _write("wires.json", wires)


def _payload(places: Iterator[Path]) -> Payload:
    place = next(places)
    place.mkdir()
    return tree(place, seed=place.name, files=4, most=20_000)


def _npm(module: str) -> str:
    package = deps.MODULES / module / "package.json"
    return str(json.loads(package.read_text())["version"])


def _write(name: str, entries: list[Frame]) -> None:
    text = json.dumps(entries, ensure_ascii=True, indent=1)
    (HERE / name).write_text(text + "\n")
    print(f"{name}: {len(entries)} entries, {len(text)} bytes")


if __name__ == "__main__":
    asyncio.run(main())
