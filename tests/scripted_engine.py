"""An engine that moves no bytes: tests say when its work goes on, and see what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import EventStream
from filesend_tui.core.events import Hashing
from filesend_tui.core.torrent.group import Group
from filesend_tui.core.torrent.metainfo.info import TorrentInfo
from filesend_tui.core.torrent.metainfo.magnet import Magnet, parse_magnet
from filesend_tui.core.torrent.sources.create import make_torrent
from filesend_tui.core.torrent.sources.source_files import SourceFile
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.torrent import Choice, Choose, Progress, Standing


class World:
    """Where scripted engines find each other's torrents, by infohash and swarm key."""

    def __init__(self) -> None:
        self.torrents: dict[tuple[bytes, bytes | None], TorrentInfo] = {}


class Held:
    """One torrent of one engine."""

    def __init__(self, magnet: Magnet) -> None:
        loop = asyncio.get_running_loop()
        self.magnet = magnet
        self.described: asyncio.Future[TorrentInfo] = loop.create_future()
        self.done: asyncio.Future[Path | None] = loop.create_future()
        for future in (self.described, self.done):
            future.add_done_callback(lambda f: f.cancelled() or f.exception())
        self.choice: Choice | None = None
        self.folder: Path | None = None
        self.trackers: tuple[str, ...] = ()
        self.swarm_key: bytes | None = None
        self.figures = Progress(0, 0.0, 0.0, None)
        self.task: asyncio.Task[None] | None = None


class ScriptedEngine:
    """Does as Engine does, at the pace of its gates: `hash`, `seed`, `metadata`, `data`."""

    def __init__(self, world: World, events: EventStream) -> None:
        self._world = world
        self._events = events
        self.gates = {name: asyncio.Event() for name in ("hash", "seed", "metadata", "data")}
        for gate in self.gates.values():
            gate.set()
        self.fails: dict[str, FileSendError] = {}
        self.held: dict[str, Held] = {}
        self.away: dict[str, bool] = {}
        self.paused: dict[str, bool] = {}
        self.standings: dict[str, Standing] = {}
        self.paused_files: dict[str, tuple[int, ...]] = {}
        self.working = 0
        self.hashed = 0
        self.removed: list[tuple[str, bool]] = []
        self.alter: Callable[[TorrentInfo], TorrentInfo] = lambda info: info
        self.seeded_trackers: list[tuple[str, ...]] = []
        self.swarm_keys: list[bytes | None] = []
        self.added: list[Held] = []

    @property
    def idle(self) -> bool:
        return not self.held and not self.working

    async def _pass(self, gate: str) -> None:
        await self.gates[gate].wait()
        if gate in self.fails:
            raise self.fails[gate]

    async def serve(
        self,
        sources: Sequence[SourceFile],
        *,
        trackers: Sequence[str],
        transfer: str | None = None,
        session: str | None = None,
        swarm_key: bytes | None = None,
        words: object = None,
        approved: asyncio.Future[Any] | None = None,
        known: object = None,
    ) -> str:
        self.working += 1
        try:
            self._events.publish(Hashing(transfer=transfer, progress=0.0, hashed_bytes=0))
            if approved is not None and not self.gates["hash"].is_set():
                await asyncio.shield(approved)  # figures go on while the gate holds it up
                self._events.publish(Hashing(transfer=transfer, progress=0.5, hashed_bytes=1))
            await self._pass("hash")
            info = self.alter(await asyncio.to_thread(make_torrent, sources, salt=transfer))
            self.hashed += 1
            if approved is not None:
                await asyncio.shield(approved)
            await self._pass("seed")
        finally:
            self.working -= 1
        self._world.torrents[info.info_hash, swarm_key] = info
        self.seeded_trackers.append(tuple(trackers))
        self.swarm_keys.append(swarm_key)
        torrent_id = info.info_hash.hex()
        magnet = Magnet(info_hash=info.info_hash, name=info.name, trackers=tuple(trackers))
        self.held[torrent_id] = held = Held(magnet)
        held.trackers = tuple(trackers)
        held.described.set_result(info)
        return torrent_id

    async def serve_in(self, group: Group, sources: Sequence[SourceFile], **how: Any) -> str:
        return await self.serve(sources, swarm_key=group.swarm_key, **how)

    async def leave(self, group: Group, transfer: str) -> None:
        raise NotImplementedError  # groups are tested with the real engine

    async def add(
        self,
        magnet: str,
        *,
        folder: Path | Target,
        trackers: Sequence[str] = (),
        transfer: str | None = None,
        session: str | None = None,
        swarm_key: bytes | None = None,
        words: object = None,
        choose: Choose | None = None,
        invitation: object = None,
        reach: object = None,
        keep: bool | None = None,
        members: int = 2,
    ) -> str:
        parsed = parse_magnet(magnet)
        torrent = Held(parsed)
        torrent.folder = Target.of(folder).path
        torrent.trackers = (*parsed.trackers, *trackers)
        torrent.swarm_key = swarm_key
        self.held[parsed.info_hash.hex()] = torrent
        self.added.append(torrent)
        assert choose is not None
        torrent.task = asyncio.create_task(self._fetch(torrent, choose))
        return parsed.info_hash.hex()

    async def _fetch(self, torrent: Held, choose: Choose) -> None:
        try:
            await self._pass("metadata")
            info = self._world.torrents[torrent.magnet.info_hash, torrent.swarm_key]
            torrent.choice = choose(info)
            torrent.described.set_result(info)
            await self._pass("data")
            total = sum(
                f.length for f, yes in zip(info.files, torrent.choice.wanted, strict=True) if yes
            )
            torrent.figures = Progress(total, 0.0, 1.0, 0.0)
            torrent.done.set_result(torrent.folder)
        except FileSendError as error:
            for future in (torrent.described, torrent.done):
                if not future.done():
                    future.set_exception(error)

    async def remove(self, torrent_id: str, *, delete_data: bool = False) -> None:
        torrent = self.held.pop(torrent_id, None)
        if torrent is None:
            return
        self.removed.append((torrent_id, delete_data))
        if torrent.task is not None:
            torrent.task.cancel()
            await asyncio.gather(torrent.task, return_exceptions=True)
        for future in (torrent.described, torrent.done):
            future.cancel()

    async def serve_stream(
        self, source: object, *, name: str, trackers: Sequence[str], **_: object
    ) -> str:
        magnet = Magnet(info_hash=b"s" * 20, name=name, trackers=tuple(trackers))
        self.held[magnet.info_hash.hex()] = Held(magnet)
        return magnet.info_hash.hex()

    async def add_stream(self, magnet: str, **_: object) -> str:
        raise NotImplementedError("this engine moves no streams")

    def stream_digest(self, torrent_id: str) -> bytes:
        return b"d" * 32

    async def invite(self, session: str | None = None) -> None:
        del session
        return

    def reply(self, torrent_id: str) -> None:
        del torrent_id

    def add_tracker(self, torrent_id: str, url: str) -> bool:
        held = self.held[torrent_id]
        held.trackers = tuple(dict.fromkeys((*held.trackers, url)))
        return True

    def partner_away(self, transfer: str, *, away: bool) -> None:
        self.away[transfer] = away

    def pause(self, transfer: str, *, paused: bool) -> None:
        self.paused[transfer] = paused

    def standing(self, transfer: str) -> Standing:
        return self.standings.get(transfer, Standing.ABSENT)

    def pause_files(self, transfer: str, files: Collection[int]) -> None:
        self.paused_files[transfer] = tuple(files)

    def magnet(self, torrent_id: str) -> str:
        return str(self.held[torrent_id].magnet)

    def progress(self, torrent_id: str) -> Progress:
        return self.held[torrent_id].figures

    async def wait_metadata(self, torrent_id: str) -> TorrentInfo:
        return await asyncio.shield(self.held[torrent_id].described)

    async def wait_done(self, torrent_id: str) -> Path | None:
        return await asyncio.shield(self.held[torrent_id].done)
