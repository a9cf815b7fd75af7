"""The transfers of one session: carries out what exchange.py decides.

Effects become work of the engine, words to the partner and events; what comes of that goes back as
inputs. The rules of an exchange never live here, nor anything about peers or disks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import EventStream, Subscription
from filesend_tui.core.events import Direction, Hashing, TransferId, TransferPhase
from filesend_tui.core.people import offer
from filesend_tui.core.people.exchange import Exchange, answered
from filesend_tui.core.people.exchange_values import (
    Cancelled,
    Completed,
    Effect,
    Failed,
    FreeTorrent,
    PartnerLost,
    Prepared,
    Progressed,
    Publish,
    Ready,
    SendWord,
    StartAdding,
    Started,
    StartSeeding,
)
from filesend_tui.core.people.session import Session
from filesend_tui.core.people.torrents import Torrents
from filesend_tui.core.torrent.magnet import Magnet, parse_magnet
from relay import protocol as words
from relay.protocol import MAX_FILES, Word

_log = logging.getLogger(__name__)

#: Seconds between two reports of figures about one transfer.
REPORT_INTERVAL: Final = 0.25
#: Most requests of the partner that wait for an answer, and that are unfinished in all.
MAX_ASKED: Final = 20
MAX_INCOMING: Final = 100
#: Most files in the partner's unfinished requests together.
MAX_OFFERED: Final = 2 * MAX_FILES
#: Seconds that goodbyes may take when the session ends.
PARTING: Final = 2.0

#: Figures: the next one makes a lost one good, so their loss is no failure.
_FIGURES = (words.Preparing, words.ProgressUpdate)


class _Run:
    """One exchange under way, and what it holds."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.paths: Sequence[Path] = ()
        self.output: Path | None = None
        self.torrent: str | None = None
        self.job: asyncio.Task[None] | None = None
        self.figures: asyncio.Task[None] | None = None
        self.hashing_told = -REPORT_INTERVAL
        self.freed = asyncio.Event()


class Transfers:
    """Every request between this side and its partner, in both directions.

    Args:
        session: The partner.
        torrents: The engine.
        events: Where events go.
        config: Where received files go, unless an answer says otherwise.
        tracker: The relay's tracker, as this side knows it (ws or wss URL).
    """

    def __init__(
        self,
        session: Session,
        torrents: Torrents,
        events: EventStream,
        config: ClientConfig,
        tracker: str,
    ) -> None:
        self._session = session
        self._torrents = torrents
        self._events = events
        self._config = config
        self._tracker = tracker
        self._runs: dict[TransferId, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: Subscription = events.subscribe()
        self._watching = asyncio.create_task(self._watch_hashing())
        self._ended: FileSendError | None = None

    # -- commands

    async def request(self, paths: Sequence[Path]) -> TransferId:
        """Ask the partner to accept these files and folders.

        Raises:
            BadSource: Something cannot be read, or it is too much for one request.
            NotPaired: The partner is gone.
        """
        asking = await asyncio.to_thread(offer.make_request, paths)
        self._check_open()
        run = _Run(Exchange(asking.id, Direction.SEND, self._session.partner, tuple(asking.files)))
        run.paths = tuple(paths)
        self._begin(run)
        return asking.id

    async def answer(
        self, transfer: TransferId, accepted: Sequence[bool], output: Path | None
    ) -> None:
        """Say yes or no for each file of the partner's request.

        Raises:
            NoSpace: The accepted files do not fit; the request stays open.
            FileSendError: There is no such request to answer.
        """
        exchange = self._askable(transfer).exchange
        if len(accepted) != len(exchange.files):
            raise FileSendError(
                f"The answer has {len(accepted)} entries for {len(exchange.files)} files.",
                "Say yes or no for each file.",
            )
        folder = output or self._config.output
        needed = sum(f.size for f, yes in zip(exchange.files, accepted, strict=True) if yes)
        if any(accepted):
            await asyncio.to_thread(offer.check_space, folder, needed)
        run = self._askable(transfer)  # it may have been taken back meanwhile
        run.output = folder
        self._apply(run, exchange.step(answered(accepted)))

    async def cancel(self, transfer: TransferId, reason: str = "") -> None:
        """Give a transfer up; returns when its torrent is freed. One that is over is no error."""
        run = self._runs.get(transfer)
        if run is not None:
            self._apply(run, run.exchange.step(Cancelled(reason)))
            await run.freed.wait()

    async def close(self, lost: FileSendError | None = None) -> None:
        """End every transfer and free everything.

        Args:
            lost: Why the partner is gone; None when this side parts and should say so.
        """
        self._ended = self._ended or lost or FileSendError("The session is over.")
        ending = PartnerLost(lost) if lost else Cancelled("The pairing was ended.")
        for run in tuple(self._runs.values()):
            self._apply(run, run.exchange.step(ending))
        self._watch.close()
        self._watching.cancel()
        while self._runs:
            await next(iter(self._runs.values())).freed.wait()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=PARTING)
            for task in late:
                task.cancel()
        await asyncio.gather(self._watching, *self._tasks, return_exceptions=True)

    def receive(self, word: Word) -> None:
        """Take a word of the partner's about transfers; others change nothing."""
        if self._ended is not None:
            return
        if isinstance(word, words.FileRequest):
            self._asked(word)
        elif (run := self._runs.get(getattr(word, "id", ""))) is not None:
            self._apply(run, run.exchange.hear(word))

    # -- beginnings

    def _asked(self, word: words.FileRequest) -> None:
        if word.id in self._runs:
            return
        refusal = self._why_not(word)
        if refusal:
            self._say(words.Cancel(id=word.id, reason=refusal), None)
            return
        self._begin(
            _Run(Exchange(word.id, Direction.RECEIVE, self._session.partner, tuple(word.files)))
        )

    def _why_not(self, word: words.FileRequest) -> str:
        """Return why the partner's request is refused unseen; empty when it is not."""
        incoming = [
            run.exchange
            for run in self._runs.values()
            if run.exchange.direction is Direction.RECEIVE
        ]
        asked = sum(exchange.phase is TransferPhase.ASKED for exchange in incoming)
        offered = sum(len(exchange.files) for exchange in incoming) + len(word.files)
        if asked >= MAX_ASKED or len(incoming) >= MAX_INCOMING or offered > MAX_OFFERED:
            return "Too many requests are open."
        if len({file.path for file in word.files}) != len(word.files):
            return "The request names a file twice."
        return ""

    def _begin(self, run: _Run) -> None:
        self._runs[run.exchange.id] = run
        self._apply(run, run.exchange.open())

    def _askable(self, transfer: TransferId) -> _Run:
        run = self._runs.get(transfer)
        if (
            run is None
            or run.exchange.direction is not Direction.RECEIVE
            or run.exchange.phase is not TransferPhase.ASKED
        ):
            raise FileSendError(
                "This request is no longer open.", "Ask the other person to send again."
            )
        return run

    def _check_open(self) -> None:
        if self._ended is not None:
            raise self._ended

    # -- effects

    def _apply(self, run: _Run, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Publish(event):
                    self._events.publish(event)
                case SendWord(word):
                    self._say(word, run)
                case StartSeeding():
                    run.job = self._spawn(self._guard(run, partial(self._seed, run)))
                case StartAdding(magnet):
                    run.job = self._spawn(self._guard(run, partial(self._fetch, run, magnet)))
                case FreeTorrent(delete_data):
                    self._spawn(self._free(run, delete_data))
        if run.exchange.finished and run.job is None:
            self._forget(run)

    def _say(self, word: Word, run: _Run | None) -> None:
        """Say a word, in turn; figures wait for the last ones to have left."""
        if isinstance(word, _FIGURES) and run is not None:
            if run.figures is None or run.figures.done():
                run.figures = self._spawn(self._send(word, None))
        else:
            self._spawn(self._send(word, run))

    async def _send(self, word: Word, run: _Run | None) -> None:
        try:
            await self._session.send(word)
        except FileSendError as error:
            _log.debug("%s was not delivered: %s", type(word).__name__, error)
            if run is not None:
                self._apply(run, run.exchange.step(Failed(error)))

    async def _free(self, run: _Run, delete_data: bool) -> None:
        if run.job is not None:
            run.job.cancel()
            await asyncio.wait({run.job})
        try:
            if run.torrent is not None:
                await self._torrents.remove(run.torrent, delete_data=delete_data)
        finally:
            self._forget(run)

    def _forget(self, run: _Run) -> None:
        self._runs.pop(run.exchange.id, None)
        run.freed.set()

    # -- work

    async def _guard(self, run: _Run, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do a transfer's work; whatever ends it early becomes an input."""
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody cancelled this task: what it waited for is gone.
            self._apply(run, run.exchange.step(Cancelled("The torrent was removed.")))
        except FileSendError as error:
            self._apply(run, run.exchange.step(Failed(error)))
        except Exception as error:
            _log.exception("a transfer broke")
            broken = FileSendError(f"The transfer broke: {type(error).__name__}.")
            self._apply(run, run.exchange.step(Failed(broken)))

    async def _seed(self, run: _Run) -> None:
        run.torrent = await self._torrents.seed(
            run.paths,
            trackers=(self._tracker,),
            transfer=run.exchange.id,
        )
        magnet = self._torrents.magnet(run.torrent)
        self._apply(run, run.exchange.step(Ready(magnet)))
        await self._torrents.wait_done(run.torrent)  # never for a seed, unless it fails

    async def _fetch(self, run: _Run, magnet: str) -> None:
        exchange = run.exchange
        assert run.output is not None
        asked = parse_magnet(magnet)
        # This relay's tracker is the partner's too, under the name that works from here. Their
        # other trackers are left out: a partner must not choose whom this machine connects to.
        known = Magnet(info_hash=asked.info_hash, name=asked.name, trackers=())
        run.torrent = await self._torrents.add(
            str(known),
            folder=run.output,
            trackers=(self._tracker,),
            transfer=exchange.id,
            choose=lambda info: offer.choose(exchange.files, exchange.accepted, info),
        )
        done = asyncio.ensure_future(self._torrents.wait_done(run.torrent))
        try:
            await self._torrents.wait_metadata(run.torrent)
            self._apply(run, exchange.step(Started()))
            while not done.done():
                self._report(run, run.torrent)
                await asyncio.wait({done}, timeout=REPORT_INTERVAL)
            await done
        finally:
            done.cancel()
            await asyncio.gather(done, return_exceptions=True)
        if run.figures is not None:
            await asyncio.wait({run.figures})  # or the last report would be left out
        self._report(run, run.torrent)
        self._apply(run, exchange.step(Completed()))

    def _report(self, run: _Run, torrent: str) -> None:
        try:
            figures = self._torrents.progress(torrent)
        except KeyError:
            return  # being removed; what is waited for says so next
        progressed = Progressed(
            downloaded=figures.downloaded_bytes,
            speed=max(0.0, figures.bytes_per_second),
            progress=min(1.0, max(0.0, figures.fraction)),
            time_remaining=figures.time_remaining,
        )
        self._apply(run, run.exchange.step(progressed))

    async def _watch_hashing(self) -> None:
        """Pass on how far the engine is with making this side's torrents."""
        clock = asyncio.get_running_loop().time
        async for event in self._watch:
            if not isinstance(event, Hashing):
                continue
            run = self._runs.get(event.transfer or "")
            if run is None or run.exchange.direction is not Direction.SEND:
                continue
            if clock() - run.hashing_told >= REPORT_INTERVAL:
                run.hashing_told = clock()
                progress = min(1.0, max(0.0, event.progress))
                self._apply(run, run.exchange.step(Prepared(progress)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
