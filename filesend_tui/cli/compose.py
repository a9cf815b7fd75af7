"""Composition of a run from its settings: relay, client and printer. Decides nothing else.

The commands themselves are headless/'s; their options are in their own files.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from filesend_tui.cli.common import Refused
from filesend_tui.core.config import default_folder
from filesend_tui.runtime.local_relay import Ask, LocalRelay
from filesend_tui.settings.load import Settings
from filesend_tui.system import core_dumps
from filesend_tui.system.awake import Awake
from filesend_tui.system.state_folder import default_state_folder
from filesend_tui.system.telling import can_be_told

if TYPE_CHECKING:
    from filesend_tui.core.client import Client
    from filesend_tui.headless.asking import Asker
    from filesend_tui.headless.narration import Sharing
    from filesend_tui.headless.paired import FindRelay, Places
    from filesend_tui.headless.printers import Printer
    from filesend_tui.runtime.meeting_places import MeetingPlaces
    from filesend_tui.state.views import Notice


#: What whoever is given a code sends, on their command line.
_SENT: Final = {"send": "PATH", "stream": "-"}


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
    """Yield the relay that was named, or this machine's own, which ends with the block.

    For those who meet nobody: what is shared with anybody is announced at its tracker.
    """
    if (named := settings.relay) is not None:

        async def find(_: Ask) -> str:
            return named

        yield Relay(named, find, _yes)  # naming it is consent to its operator
        return
    with local_relay_of(settings) as local:
        yield Relay(local.url, local.find, local.find_again, local.stop)


@contextmanager
def places_of(
    settings: Settings, only: Sequence[str] = (), at: str = ""
) -> Iterator[MeetingPlaces]:
    """Yield where people are met; a relay that is started for it ends with the block.

    Args:
        settings: The settings.
        only: See `chosen`.
        at: Likewise.

    Raises:
        Refused: One of `only`, or `at`, is no place.
    """
    from filesend_tui.runtime.meeting_places import Choice, MeetingPlaces, chosen

    every = Choice(
        relays=(settings.relay,) if settings.relay is not None else (),
        own=settings.relay is None,
        # What is asked of a network, or told there, would go around a proxy.
        nearby=settings.listen == "lan" and not settings.proxy.is_set,
        trackers=settings.trackers,
    )
    try:
        chosen(every, only)
    except ValueError as error:
        raise Refused(f"--at: {error}") from None
    try:
        choice = chosen(every, only, at)
    except ValueError as error:
        raise Refused(f"The code's place: {error}") from None
    with local_relay_of(settings) as local:
        yield MeetingPlaces(choice, local, settings.proxy)


@contextmanager
def local_relay_of(settings: Settings) -> Iterator[LocalRelay]:
    """Yield this machine's own relay; one that was started ends with the block."""
    local = LocalRelay(settings.port, transit=settings.transit)
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


def opening(places: MeetingPlaces, asker: Asker) -> Places:
    """Return what connects a client to these places, asking on a terminal."""
    from filesend_tui.headless.asking import ask_trust
    from filesend_tui.headless.paired import Places

    ask = partial(ask_trust, asker)

    async def page() -> str | None:
        return places.page if await places.find_page() else None

    return Places(lambda client: places.open(client, ask), places.main, places.beyond, page)


def run_at_places(
    command: Callable[[Client, Places], Coroutine[None, None, None]],
    settings: Settings,
    asker: Asker,
    *,
    only: Sequence[str] = (),
    code: str | None = None,
    counterpart: Literal["receive", "send", "stream", ""] = "",
    **how: Any,
) -> int:
    """Run a command that meets people; return the exit code.

    Args:
        command: Called with the Client, and what connects it to the places.
        settings: See `run`.
        asker: Likewise.
        only: See `places_of`.
        code: The other person's, which may name its place; None where there is none.
        counterpart: The command of whoever is given a code of this run's, or that they send a
            stream; empty: it makes none.
        how: json, program and so on, as `run`.

    Raises:
        Refused: One of `only`, or the code's place, is no place.
    """
    from filesend_tui.core.checks import place_in

    at = place_in(code or "")
    with places_of(settings, only, at) as places:
        return run(
            lambda client: command(client, opening(places, asker)),
            settings,
            places.named,
            beyond=places.beyond,
            stop=places.stop,
            asker=asker,
            sharing=sharing_of(places, settings, sends=_SENT.get(counterpart, ""))
            if counterpart
            else None,
            **how,
        )


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
    beyond: bool = False,
    sharing: Sharing | None = None,
    piped: bool = False,
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
        beyond: See Settings.client_config.
        sharing: How a code that is made gets to the other person.
        piped: Standard output is a stream: what is printed goes to standard error.
    """
    core_dumps.forbid()
    from filesend_tui.headless.running import run as run_client

    if (warning := warning_of(settings)) is not None:
        from filesend_tui.core.util.text import visible

        print(visible(f"Warning: {warning.message} {warning.hint}"), file=sys.stderr)
    config = settings.client_config(
        output=folder_of(settings), meeting_places=meeting_places, beyond=beyond
    )
    printer = _printer(
        json=json, asked=asked, lists=lists, sharing=sharing, piped=piped, tells=settings.notify
    )
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
        awake=awake_of(settings),
    )


def awake_of(settings: Settings) -> Callable[[bool], object]:
    """Return what is told whether the machine has to stay awake."""
    return Awake().hold if settings.stay_awake else lambda _: None


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


def sharing_of(places: MeetingPlaces, settings: Settings, *, sends: str = "") -> Sharing:
    """Return how a code gets to the other person: what they type, where it works, and a copy.

    sends: see MeetingPlaces.command.
    """
    from filesend_tui.headless.narration import Sharing

    command = partial(places.command, sends=sends)
    return Sharing(command, places.where, places.link, copy=settings.copy)


def _printer(
    *,
    json: bool,
    asked: bool,
    lists: bool,
    sharing: Sharing | None,
    piped: bool,
    tells: bool,
) -> Printer:
    from filesend_tui.headless import printers

    if json:
        return printers.JsonPrinter(sys.stdout.buffer, sharing)
    on_terminal = sys.stderr.isatty()
    progress = (printers.ProgressBar if on_terminal else printers.ProgressLines)(sys.stderr)
    printer = printers.TextPrinter(
        sys.stderr if piped else sys.stdout,
        sys.stderr,
        progress,
        asked=asked,
        lists=lists,
        sharing=sharing,
    )
    if not (tells and on_terminal and not piped and can_be_told(os.environ)):
        return printer
    from filesend_tui.headless.ends.telling import TellingPrinter

    return TellingPrinter(printer, sys.stderr)
