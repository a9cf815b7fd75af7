"""One headless run: a client, a command on it, its events told as they come, and an exit code."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.event_stream import Subscription
from filesend_tui.core.telling import error_event
from filesend_tui.headless.exit_codes import ExitCode, for_error
from filesend_tui.headless.outcome import Told
from filesend_tui.headless.printers import Printer
from filesend_tui.headless.signals import stop_on_signals
from filesend_tui.loop import runner
from filesend_tui.parting import end_soon

#: What a run does with its client; returns when it is done, raises FileSendError where it failed.
Command = Callable[[Client], Awaitable[None]]


def run(
    command: Command,
    config: ClientConfig,
    printer: Printer,
    after: Callable[[], None] = lambda: None,
) -> ExitCode:
    """Run a command to its end on an event loop of its own, and return its exit code.

    Args:
        command: What to do.
        config: The client's.
        printer: Shows what happens.
        after: Called when the client has ended, before anybody waits for its threads.
    """
    try:
        with runner() as running:
            code = running.run(_run(command, config, Teller(printer)))
            after()
            if code is ExitCode.INTERRUPTED:
                end_soon(code)
            return code
    except BrokenPipeError:
        # The reader of stdout went away. The interpreter would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED


class Teller:
    """Hands events to a printer in order, off the event loop: a paused terminal stops no data."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._turn = asyncio.Lock()
        self._last_error: events.Error | None = None

    async def tell_all(self, stream: Subscription) -> None:
        """Tell every event until the stream ends."""
        async for event in stream:
            await self._tell(event)
        await asyncio.to_thread(self._printer.close)

    async def tell_failure(self, error: FileSendError) -> None:
        """Tell what ended the run, unless the stream tells it."""
        if not isinstance(error, Told):
            await self._tell(error_event(error))

    async def _tell(self, event: events.Event) -> None:
        async with self._turn:
            if isinstance(event, events.Error):
                if event == self._last_error:
                    return  # it was raised, and the stream tells it too
                self._last_error = event
            await asyncio.to_thread(self._printer.show, event)


async def _run(command: Command, config: ClientConfig, teller: Teller) -> ExitCode:
    client = Client(config)
    telling = asyncio.create_task(teller.tell_all(client.subscribe()))
    working = asyncio.ensure_future(command(client))
    code = ExitCode.DONE
    with stop_on_signals(working.cancel):
        try:
            await asyncio.wait({telling, working}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()  # still at work only where nobody listens any more
            await working
        except asyncio.CancelledError:
            code = ExitCode.INTERRUPTED
        except FileSendError as error:
            await teller.tell_failure(error)
            code = for_error(error.code)
        finally:
            await client.destroy()
            await telling
    return code
