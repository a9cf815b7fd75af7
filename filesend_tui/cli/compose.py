"""Composition of a run from its settings: relay, client and printer. Decides nothing else.

The commands themselves are headless/'s; their options are in their own files.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filesend_tui.core.config import default_folder
from filesend_tui.runtime.local_relay import Ask, LocalRelay
from filesend_tui.settings.load import Settings
from filesend_tui.system import core_dumps
from filesend_tui.system.state_folder import default_state_folder

if TYPE_CHECKING:
    from filesend_tui.core.client import Client
    from filesend_tui.headless.asking import Asker
    from filesend_tui.headless.paired import FindRelay, FoundRelay
    from filesend_tui.headless.printers import Printer
    from filesend_tui.state.views import Notice


class Relay(NamedTuple):
    """The relay's URL, and callbacks that find it, find it again and stop it.

    find: takes the callback that asks about a relay that somebody else runs. again: awaited before
    each reconnect; whether there is a relay to connect to. stop: ends what was started here.
    """

    url: str
    find: Callable[[Ask], Awaitable[str]]
    again: Callable[[], Awaitable[bool]]
    stop: Callable[[], None] = lambda: None

    def asking(self, asker: Asker) -> FindRelay:
        """Return what finds it, asking on a terminal."""
        from filesend_tui.headless.asking import ask_trust
        from filesend_tui.headless.paired import FoundRelay

        async def find() -> FoundRelay:
            return FoundRelay(await self.find(partial(ask_trust, asker)), self.again)

        return find


@contextmanager
def relay_of(settings: Settings) -> Iterator[Relay]:
    """Yield the relay that was named, or this machine's own, which ends with the block."""
    if (named := settings.relay) is not None:

        async def find(_: Ask) -> str:
            return named

        yield Relay(named, find, _yes)  # naming it is consent to its operator
        return
    with local_relay_of(settings) as local:
        yield Relay(local.url, local.find, local.find_again, local.stop)


@contextmanager
def local_relay_of(settings: Settings) -> Iterator[LocalRelay]:
    """Yield this machine's own relay; one that was started ends with the block."""
    local = LocalRelay(settings.port)
    try:
        yield local
    finally:
        local.stop()


async def _yes() -> bool:
    return True


def goes_on(settings: Settings, resume: bool | None, *, verify: bool) -> bool | None:
    """Return whether a run goes on with what an earlier one did not finish; None to ask.

    Not where words are to be compared, unless it was asked for: that is of a new pairing.
    """
    if resume is None and verify:
        return False
    return resume if resume is not None else settings.resume or None


def relay_by_url(own: Relay, asker: Asker) -> Callable[[str], Awaitable[FoundRelay]]:
    """Return what finds the relay of a URL; this machine's own is started where it does not run."""
    from filesend_tui.headless.paired import FoundRelay

    find = own.asking(asker)

    async def by_url(url: str) -> FoundRelay:
        return await find() if url == own.url else FoundRelay(url, _yes)

    return by_url


def run(
    command: Callable[[Client], Coroutine[None, None, None]],
    settings: Settings,
    meeting_places: Sequence[str],
    *,
    json: bool,
    program: str = "",
    asked: bool = False,
    lists: bool = False,
    endless: bool = False,
    stop: Callable[[], None] = lambda: None,
    asker: Asker | None = None,
) -> int:
    """Run a command of headless/ to its end; return the exit code.

    Args:
        command: Called with the Client.
        settings: The Client's settings.
        meeting_places: The relay's or the trackers' URLs.
        json: Print events as JSON.
        program: What `filesend limit` calls it; empty where it is not to find it.
        asked: Each request is asked about, and is not printed as well.
        lists: What is unfinished is its result.
        endless: The command has no end of its own.
        stop: Ends what was started for this run.
        asker: Asks on the terminal.
    """
    core_dumps.forbid()
    from filesend_tui.headless.running import run as run_client

    if (warning := warning_of(settings)) is not None:
        from filesend_tui.core.util.text import visible

        print(visible(f"Warning: {warning.message} {warning.hint}"), file=sys.stderr)
    config = settings.client_config(output=folder_of(settings), meeting_places=meeting_places)
    printer = _printer(json=json, asked=asked, lists=lists)
    state = state_of(settings)
    return run_client(
        partial(_listed, state, program, command) if program else command,
        config,
        printer,
        stop,
        asker,
        state=state,
        finishes=settings.finishes,
        endless=endless,
    )


async def _listed(
    state: Path,
    program: str,
    command: Callable[[Client], Coroutine[None, None, None]],
    client: Client,
) -> None:
    """Run a command as one of the programs that `filesend limit` finds."""
    from filesend_tui.runtime.programs import obey

    obeying = asyncio.create_task(obey(state, program, client))
    try:
        await command(client)
    finally:
        obeying.cancel()
        await asyncio.wait({obeying})


def warning_of(settings: Settings) -> Notice | None:
    """Return the warning to show first in any run; None where there is none."""
    if settings.exposed is None:
        return None
    from filesend_tui.state.notices import exposed_login

    return exposed_login(settings.exposed)


def folder_of(settings: Settings) -> Path:
    """Return the folder for received files."""
    return settings.output or default_folder()


def state_of(settings: Settings) -> Path:
    """Return the folder for what is remembered."""
    return settings.state or default_state_folder()


def _printer(*, json: bool, asked: bool, lists: bool) -> Printer:
    from filesend_tui.headless import printers

    if json:
        return printers.JsonPrinter(sys.stdout.buffer)
    on_terminal = sys.stderr.isatty()
    progress = (printers.ProgressBar if on_terminal else printers.ProgressLines)(sys.stderr)
    return printers.TextPrinter(sys.stdout, sys.stderr, progress, asked=asked, lists=lists)
