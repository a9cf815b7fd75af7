"""Composition of a run from its settings: relay, client and printer. Decides nothing else.

The commands themselves are headless/'s; their options are in their own files.
"""

from __future__ import annotations

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

if TYPE_CHECKING:
    from filesend_tui.core.client import Client
    from filesend_tui.headless.asking import Asker
    from filesend_tui.headless.paired import FindRelay
    from filesend_tui.headless.printers import Printer
    from filesend_tui.state.views import Notice


class Relay(NamedTuple):
    """The relay's URL, callbacks that find and stop it, and whether to reconnect to it.

    find: takes the callback that asks about a relay that somebody else runs. stop: ends what was
    started here.
    """

    url: str
    find: Callable[[Ask], Awaitable[str]]
    trusted: Callable[[], bool] = lambda: True
    stop: Callable[[], None] = lambda: None

    def asking(self, asker: Asker) -> FindRelay:
        """Return `find`, asking on a terminal."""
        from filesend_tui.headless.asking import ask_trust

        return partial(self.find, partial(ask_trust, asker))


@contextmanager
def relay_of(settings: Settings) -> Iterator[Relay]:
    """Yield the relay that was named, or this machine's own, which ends with the block."""
    if (named := settings.relay) is not None:

        async def find(_: Ask) -> str:
            return named

        yield Relay(named, find)  # naming it is consent to its operator
        return
    local = LocalRelay(settings.port)
    try:
        yield Relay(local.url, local.find, lambda: local.trusted, local.stop)
    finally:
        local.stop()


def run(
    command: Callable[[Client], Coroutine[None, None, None]],
    settings: Settings,
    meeting_places: Sequence[str],
    *,
    json: bool,
    asked: bool = False,
    stop: Callable[[], None] = lambda: None,
    asker: Asker | None = None,
) -> int:
    """Run a command of headless/ to its end; return the exit code.

    Args:
        command: Called with the Client.
        settings: The Client's settings.
        meeting_places: The relay's or the trackers' URLs.
        json: Print events as JSON.
        asked: Each request is asked about, and is not printed as well.
        stop: Ends what was started for this run.
        asker: Asks on the terminal.
    """
    core_dumps.forbid()
    from filesend_tui.headless.running import run as run_client

    if (warning := warning_of(settings)) is not None:
        from filesend_tui.core.util.text import visible

        print(visible(f"Warning: {warning.message} {warning.hint}"), file=sys.stderr)
    config = settings.client_config(output=folder_of(settings), meeting_places=meeting_places)
    return run_client(command, config, _printer(json=json, asked=asked), stop, asker)


def warning_of(settings: Settings) -> Notice | None:
    """Return the warning to show first in any run; None where there is none."""
    if settings.exposed is None:
        return None
    from filesend_tui.state.notices import exposed_login

    return exposed_login(settings.exposed)


def folder_of(settings: Settings) -> Path:
    """Return the folder for received files."""
    return settings.output or default_folder()


def _printer(*, json: bool, asked: bool) -> Printer:
    from filesend_tui.headless import printers

    if json:
        return printers.JsonPrinter(sys.stdout.buffer)
    on_terminal = sys.stderr.isatty()
    progress = (printers.ProgressBar if on_terminal else printers.ProgressLines)(sys.stderr)
    return printers.TextPrinter(sys.stdout, sys.stderr, progress, asked=asked)
