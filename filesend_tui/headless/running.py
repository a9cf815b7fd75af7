"""One headless run: a client, a command, its events printed as they come, and an exit code."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import FileSendError, broken
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.journal.journal import Journal
from filesend_tui.headless.exit_codes import ExitCode, for_error
from filesend_tui.headless.outcome import Told
from filesend_tui.headless.printers import Printer
from filesend_tui.headless.signals import stop_on_signals
from filesend_tui.headless.unattended import Unattended
from filesend_tui.runtime.event_loop import runner
from filesend_tui.runtime.work_watch import WorkWatch
from filesend_tui.system.process_exit import end_soon
from filesend_tui.system.terminal import on_terminal, point_nowhere

if TYPE_CHECKING:
    from filesend_tui.headless.asking import Asker

#: Seconds that a run may take to close its connections: after an interrupt, for which somebody
#: waits, and after it came to its own end, on a machine that may be busy. What it would have said
#: after that is lost.
PARTING: Final = 10.0
CLOSING: Final = 30.0

_log = logging.getLogger(__name__)

#: A command on a client; returns when it is done, raises FileSendError where it failed.
Command = Callable[[Client], Awaitable[None]]


def run(
    command: Command,
    config: ClientConfig,
    printer: Printer,
    after: Callable[[], None] = lambda: None,
    asker: Asker | None = None,
    *,
    state: Path | None = None,
    finishes: bool = True,
    endless: bool = False,
    awake: Callable[[bool], object] = lambda _: None,
) -> ExitCode:
    """Run a command to its end on an event loop of its own, and return its exit code.

    Args:
        command: Called with the client.
        config: The client's configuration.
        printer: Prints the events.
        after: Called when the client has ended, before its threads are joined.
        asker: Asks on the same terminal, each question below the events before it.
        state: The folder of the journal; None to keep nothing.
        finishes: What is under way is finished where the terminal goes away; else it stops.
        endless: The command has no end of its own.
        awake: Told whether the machine has to stay awake.
    """
    try:
        with runner() as running:
            teller = Teller(printer)
            if asker is not None:
                asker.turn = teller.caught_up
            going = _run(
                command,
                config,
                teller,
                state,
                asker,
                finishes=finishes,
                endless=endless,
                awake=awake,
            )
            code = running.run(going)
            after()
            if code is ExitCode.INTERRUPTED:
                end_soon(code)
            return code
    except CannotTell as error:
        if error.why.errno != errno.EPIPE:  # EPIPE: the reader of stdout has closed it
            with suppress(OSError):
                print(f"Error: {error}", file=sys.stderr, flush=True)
        # The interpreter would complain again when it flushes.
        point_nowhere((1, 2))
        return ExitCode.FAILED


class CannotTell(Exception):
    """Standard output or standard error cannot be written. why: the system's error."""

    def __init__(self, why: OSError) -> None:
        super().__init__(f"What happened cannot be written: {os.strerror(why.errno or 0)}.")
        self.why = why


class Teller:
    """Prints events in order, off the event loop: a paused terminal blocks no transfer."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._turn = asyncio.Lock()
        self._on_terminal = bool(on_terminal())
        self._last_error: events.Error | None = None
        self._stream: Subscription | None = None

    async def tell_all(self, stream: Subscription) -> None:
        """Print every event until the stream ends."""
        self._stream = stream
        looking = asyncio.create_task(self._look())
        try:
            async for event in stream:
                await self._tell(event)
        finally:
            async with self._turn:  # not while it writes
                looking.cancel()
            self._stream = None
        await asyncio.to_thread(self._write, self._printer.close)

    async def _look(self) -> None:
        """Have the printer remove outdated figures once a second, until writing fails."""
        with suppress(CannotTell):  # the next event raises it as well
            while True:
                await asyncio.sleep(1)
                async with self._turn:
                    await asyncio.to_thread(self._write, self._printer.look)

    async def caught_up(self) -> None:
        """Wait until every event so far is printed."""
        while self._stream is not None and (self._stream.waiting or self._turn.locked()):
            async with self._turn:
                pass
            await asyncio.sleep(0)  # the reader's turn

    def parting(self) -> None:
        """Note that the person ends the run."""
        self._printer.parting()

    async def tell_failure(self, error: FileSendError) -> None:
        """Print the error that ended the run, unless the stream has reported it."""
        if not isinstance(error, Told):
            await self._tell(error_event(error))

    async def _tell(self, event: events.Event) -> None:
        async with self._turn:
            if isinstance(event, events.Error):
                bare = events.of_session(event, None)
                if bare == self._last_error:
                    return  # it was both raised and published
                self._last_error = bare
            await asyncio.to_thread(self._write, self._printer.show, event)

    def _write(self, write: Callable[..., None], *what: events.Event) -> None:
        try:
            write(*what)
        except OSError as error:
            if not (self._on_terminal and error.errno == errno.EIO):
                raise CannotTell(error) from error
            # The terminal is gone; its watch acts on that.


class _Bound:
    """Ends the process where closing everything takes too long.

    Each wait in that has a timeout, but their sum over all peers, trackers and relays is longer
    than anybody waits for, least of all after a Ctrl-C.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._code: ExitCode | None = None
        self._timers: list[threading.Timer] = []

    @contextmanager
    def on(self, code: ExitCode) -> Iterator[None]:
        """Bound this block. code: the process's exit code, where it ends here."""
        self._code = code
        self._start(PARTING if code is ExitCode.INTERRUPTED else CLOSING)
        try:
            yield
        finally:
            for timer in self._timers:
                timer.cancel()

    def hurry(self) -> None:
        """Somebody waits for its end from now on; no matter where nothing is being closed yet."""
        if self._code is not None:
            self._start(PARTING)

    def _start(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def _end(self) -> None:
        with suppress(RuntimeError):  # tasks that end just now
            for task in asyncio.all_tasks(self._loop):
                _log.info("closing took too long, and waited for %r", task)
        os._exit(self._code or ExitCode.DONE)


class Ending:
    """The end of a run before its command has come to one.

    code: the exit code for that. keeping: ends the client, and keeps what is unfinished.
    """

    def __init__(self, client: Client, working: asyncio.Future[None], teller: Teller) -> None:
        self._client = client
        self._working = working
        self._teller = teller
        self.code = ExitCode.DONE
        self.keeping: asyncio.Task[None] | None = None

    def end(self, code: ExitCode, *, keep: bool) -> None:
        """End the run with this code. keep: what is unfinished; else it is cancelled."""
        if self.keeping is not None:
            return
        self.code = code
        self._teller.parting()
        if keep:
            self.keeping = asyncio.create_task(self._client.destroy(keep=True))
        else:
            self._working.cancel()


async def _run(
    command: Command,
    config: ClientConfig,
    teller: Teller,
    state: Path | None,
    asker: Asker | None,
    *,
    finishes: bool,
    endless: bool,
    awake: Callable[[bool], object],
) -> ExitCode:
    journal = Journal.open(state) if state is not None else None
    try:
        client = Client(config, journal)
    except FileSendError as error:  # the settings ask for something unavailable
        await teller.tell_failure(error)
        if journal is not None:
            await journal.close()
        return for_error(error.code)
    telling = asyncio.create_task(teller.tell_all(client.subscribe()))
    working = asyncio.ensure_future(command(client))
    watch = WorkWatch(client.subscribe(), awake)
    code = ExitCode.DONE
    ending = Ending(client, working, teller)
    alone = Unattended(watch, config.away_limit, ending.end, until_idle=endless)

    def lost(terminals: tuple[int, ...]) -> bool:
        if not (finishes and watch.now.any):
            ending.end(ExitCode.INTERRUPTED, keep=True)
            return False
        if asker is not None and 0 in terminals:
            asker.leave()
        alone.begin()
        return True

    bound = _Bound()

    def stop(keep: bool) -> None:
        bound.hurry()
        ending.end(ExitCode.INTERRUPTED, keep=keep or alone.began)

    with stop_on_signals(stop, lost):
        try:
            await asyncio.wait({telling, working}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()  # still running only where printing failed, or all of it is kept
            await working
        except asyncio.CancelledError:
            code = ending.code
        except FileSendError as error:
            if ending.keeping is None:  # else it is for that
                await teller.tell_failure(error)
            code = for_error(error.code)
        except CannotTell:
            raise
        except Exception as error:
            _log.debug("a run brought a fault to light", exc_info=True)
            await teller.tell_failure(broken(error))
            code = ExitCode.FAILED
        finally:
            with bound.on(code):
                await (ending.keeping or client.destroy())
            await telling
    return code if ending.keeping is None else ending.code
