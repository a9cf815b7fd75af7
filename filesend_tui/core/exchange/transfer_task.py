"""One exchange under way: its work in the engine, and how that work ends.

Results of the work go to the exchange as inputs; words and events are transfers.py's.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from filesend_tui.core.errors import FileSendError, broken
from filesend_tui.core.events import SessionId
from filesend_tui.core.exchange import offer
from filesend_tui.core.exchange.table import Exchange
from filesend_tui.core.exchange.values import (
    Cancelled,
    Completed,
    Failed,
    Input,
    Progressed,
    Ready,
    Started,
)
from filesend_tui.core.meeting.signaling import SWARM_KEY_LENGTH
from filesend_tui.core.torrent.engine_protocol import Torrents
from filesend_tui.core.torrent.metainfo.magnet import Magnet, parse_magnet
from filesend_tui.core.torrent.sources.scan import SourceFile
from filesend_tui.core.torrent.storage.target import Target

_log = logging.getLogger(__name__)

#: Seconds between two reports of figures about one transfer.
REPORT_INTERVAL: Final = 0.25


class TransferTask:
    """An exchange, and the resources that it holds while it is under way.

    Args:
        exchange: The exchange.
        session: The session that it belongs to.
        torrents: The engine.
        tracker: The relay's tracker, as this side knows it (ws or wss URL).
        happen: Takes an input of this run's exchange.

    sources and output are set by the person's commands: what is sent, or where to receive it.
    figures is the task that sends the latest figures, if any; hashing_told the loop's time of the
    last report about hashing.
    """

    def __init__(
        self,
        exchange: Exchange,
        session: SessionId,
        torrents: Torrents,
        tracker: str,
        happen: Callable[[TransferTask, Input], None],
    ) -> None:
        self.exchange = exchange
        self.sources: Sequence[SourceFile] = ()
        self.output: Target | None = None
        self.figures: asyncio.Task[None] | None = None
        self.hashing_told = -REPORT_INTERVAL
        self.freed = asyncio.Event()
        self._session = session
        self._torrents = torrents
        self._tracker = tracker
        self._happen = happen
        self._torrent: str | None = None
        self._job: asyncio.Task[None] | None = None
        self._approved = asyncio.Event()

    @property
    def working(self) -> bool:
        """Whether work was started, so that there is something to free."""
        return self._job is not None

    def start_hashing(self) -> None:
        """Start to make the torrent; start_seeding serves it."""
        self._job = asyncio.create_task(self._guard(self._seed))

    def start_seeding(self) -> None:
        """Serve the torrent, as soon as it is made."""
        self._approved.set()

    def start_adding(self, magnet: str, swarm_key: bytes) -> None:
        """Start to fetch the torrent, in the private swarm of this key."""
        self._job = asyncio.create_task(self._guard(lambda: self._fetch(magnet, swarm_key)))

    async def free(self, *, delete_data: bool) -> None:
        """Stop the work and destroy the torrent; with its part files if `delete_data`."""
        if self._job is not None:
            self._job.cancel()
            await asyncio.wait({self._job})
        if self._torrent is not None:
            await self._torrents.remove(self._torrent, delete_data=delete_data)

    async def _guard(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the work; turn whatever ends it early into an input."""
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # This task was not cancelled: the torrent that it waited for is gone.
            self._happen(self, Cancelled("The torrent was removed."))
        except FileSendError as error:
            self._happen(self, Failed(error))
        except Exception as error:
            _log.exception("a transfer broke")
            self._happen(self, Failed(broken(error)))

    async def _seed(self) -> None:
        swarm_key = secrets.token_bytes(SWARM_KEY_LENGTH)
        self._torrent = await self._torrents.serve(
            self.sources,
            trackers=(self._tracker,),
            transfer=self.exchange.id,
            session=self._session,
            swarm_key=swarm_key,
            approved=self._approved,
        )
        self._happen(self, Ready(self._torrents.magnet(self._torrent), swarm_key))
        await self._torrents.wait_done(self._torrent)  # a seed is never done: this only raises

    async def _fetch(self, magnet: str, swarm_key: bytes) -> None:
        exchange = self.exchange
        assert self.output is not None
        asked = parse_magnet(magnet)
        # The relay's tracker is the partner's too, under the address that works from here. Their
        # other trackers are left out: a partner must not choose what this machine connects to.
        known = Magnet(info_hash=asked.info_hash, name=asked.name, trackers=())
        torrent = self._torrent = await self._torrents.add(
            str(known),
            folder=self.output,
            trackers=(self._tracker,),
            transfer=exchange.id,
            session=self._session,
            swarm_key=swarm_key,
            choose=lambda info: offer.choose(exchange.files, exchange.accepted, info)._replace(
                extras=offer.extras(exchange.files, exchange.folders, exchange.accepted)
            ),
        )
        done = asyncio.ensure_future(self._torrents.wait_done(torrent))
        try:
            await self._torrents.wait_metadata(torrent)
            self._happen(self, Started())
            while not done.done():
                self._report(torrent)
                await asyncio.wait({done}, timeout=REPORT_INTERVAL)
            await done
        finally:
            done.cancel()
            await asyncio.gather(done, return_exceptions=True)
        if self.figures is not None:
            await asyncio.wait({self.figures})  # or the last report would be skipped
        self._report(torrent)
        self._happen(self, Completed())

    def _report(self, torrent: str) -> None:
        try:
            figures = self._torrents.progress(torrent)
        except KeyError:
            return  # being removed; the wait in `_fetch` raises next
        self._happen(
            self,
            Progressed(
                downloaded=figures.downloaded_bytes,
                speed=max(0.0, figures.bytes_per_second),
                progress=min(1.0, max(0.0, figures.fraction)),
                time_remaining=figures.time_remaining,
            ),
        )
