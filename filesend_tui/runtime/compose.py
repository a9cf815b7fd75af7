"""Starts a face with its settings: which relay, which client, which printer. Decides no more."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filesend_tui.core.config import default_folder
from filesend_tui.core.util.file_id import look_at_all
from filesend_tui.runtime.event_loop import runner
from filesend_tui.runtime.local_relay import Ask, LocalRelay
from filesend_tui.settings.load import Settings, settings_path
from filesend_tui.system import core_dumps
from filesend_tui.system.process_exit import end_soon

if TYPE_CHECKING:
    from filesend_tui.core.client import Client
    from filesend_tui.headless.asking import Asker
    from filesend_tui.headless.paired import FindRelay
    from filesend_tui.headless.printers import Printer
    from filesend_tui.state.views import Notice


class _Relay(NamedTuple):
    """Where the relay is, what finds it and ends it, and whether it may be come back to.

    find: given whom to ask about a relay that somebody else runs. stop: ends what was started here.
    """

    url: str
    find: Callable[[Ask], Awaitable[str]]
    trusted: Callable[[], bool] = lambda: True
    stop: Callable[[], None] = lambda: None

    def asking(self, asker: Asker) -> FindRelay:
        """Return what finds it, and asks on a terminal."""
        from filesend_tui.headless.asking import ask_trust

        return partial(self.find, partial(ask_trust, asker))


def open_screens(settings: Settings) -> int:
    """Run the TUI to its end; return the exit code."""
    core_dumps.forbid()
    from filesend_tui.app import FileSendApp
    from filesend_tui.settings.preferences import Preferences
    from filesend_tui.state.notices import receipts

    with _relay(settings) as relay:
        folder = _folder(settings)
        config = settings.client_config(output=folder, meeting_places=[relay.url])

        def client() -> Client:
            from filesend_tui.core.client import Client

            return Client(config)

        app = FileSendApp(
            client,
            relay=relay.find,
            trusted=relay.trusted,
            output=folder,
            warning=_warning(settings),
            preferences=Preferences.of(settings, settings_path()),
        )
        with runner(eager_tasks=True) as running:
            app.run(loop=running.get_loop())
            for line in receipts(app.store.transfers):  # the terminal has its screen back
                print(line)
            code = app.return_code or 0
            relay.stop()
            end_soon(code)
        return code


def send(
    settings: Settings,
    paths: Sequence[Path],
    code: str | None,
    *,
    verify: bool,
    skip_unreadable: bool,
    json: bool,
) -> int:
    """Run `filesend send`; return the exit code."""
    from filesend_tui.headless import paired
    from filesend_tui.headless.asking import Asker

    asker, chosen = Asker.on_standard_input(), look_at_all(paths)
    with _relay(settings) as relay:
        return _run(
            lambda client: paired.send(
                client,
                relay.asking(asker),
                chosen,
                code,
                asker,
                verify=verify,
                skip_unreadable=skip_unreadable,
            ),
            settings,
            [relay.url],
            stop=relay.stop,
            json=json,
            asker=asker,
        )


def receive(
    settings: Settings, code: str | None, *, accept_all: bool, verify: bool, json: bool
) -> int:
    """Run `filesend receive`; return the exit code."""
    from filesend_tui.headless import paired
    from filesend_tui.headless.asking import Asker

    asker, folder = Asker.on_standard_input(), _folder(settings)
    with _relay(settings) as relay:
        return _run(
            lambda client: paired.receive(
                client,
                relay.asking(asker),
                code,
                asker,
                accept_all=accept_all,
                output=folder,
                verify=verify,
            ),
            settings,
            [relay.url],
            stop=relay.stop,
            json=json,
            asker=asker,
            asked=not accept_all,
        )


def seed(
    settings: Settings,
    paths: Sequence[Path],
    trackers: Sequence[str],
    *,
    skip_unreadable: bool,
    json: bool,
) -> int:
    """Run `filesend seed`; return the exit code."""
    from filesend_tui.headless import swarms
    from filesend_tui.headless.asking import Asker

    chosen = look_at_all(paths)
    if trackers:
        return _run(
            lambda client: swarms.seed(client, chosen, trackers, skip_unreadable=skip_unreadable),
            settings,
            trackers,
            json=json,
        )
    asker = Asker.on_standard_input()
    with _relay(settings) as relay:
        return _run(
            lambda client: swarms.seed_at_relay(
                client, relay.asking(asker), chosen, skip_unreadable=skip_unreadable
            ),
            settings,
            [relay.url],
            stop=relay.stop,
            json=json,
            asker=asker,
        )


def download(settings: Settings, magnet: str, *, json: bool) -> int:
    """Run `filesend download`; return the exit code."""
    from filesend_tui.headless import swarms

    return _run(
        lambda client: swarms.download(client, magnet, _folder(settings)),
        settings,
        swarms.trackers_of(magnet),
        json=json,
    )


def _run(
    command: Callable[[Client], Coroutine[None, None, None]],
    settings: Settings,
    meeting_places: Sequence[str],
    *,
    json: bool,
    asked: bool = False,
    stop: Callable[[], None] = lambda: None,
    asker: Asker | None = None,
) -> int:
    core_dumps.forbid()
    from filesend_tui.headless.running import run

    if (warning := _warning(settings)) is not None:
        from filesend_tui.core.util.text import visible

        print(visible(f"Warning: {warning.message} {warning.hint}"), file=sys.stderr)
    config = settings.client_config(output=_folder(settings), meeting_places=meeting_places)
    return run(command, config, _printer(json=json, asked=asked), stop, asker)


@contextmanager
def _relay(settings: Settings) -> Iterator[_Relay]:
    """Give the relay that was named, or this machine's own, which ends with the block."""
    if (named := settings.relay) is not None:

        async def find(_: Ask) -> str:
            return named

        yield _Relay(named, find)  # to name it is a yes to whoever runs it
        return
    local = LocalRelay(settings.port)
    try:
        yield _Relay(local.url, local.find, lambda: local.trusted, local.stop)
    finally:
        local.stop()


def _printer(*, json: bool, asked: bool) -> Printer:
    from filesend_tui.headless import printers

    if json:
        return printers.JsonPrinter(sys.stdout.buffer)
    on_terminal = sys.stderr.isatty()
    progress = (printers.ProgressBar if on_terminal else printers.ProgressLines)(sys.stderr)
    return printers.TextPrinter(sys.stdout, sys.stderr, progress, asked=asked)


def _warning(settings: Settings) -> Notice | None:
    """Return what a person should know before anything else, whatever the run is for."""
    if settings.exposed is None:
        return None
    from filesend_tui.state.notices import exposed_login

    return exposed_login(settings.exposed)


def _folder(settings: Settings) -> Path:
    return settings.output or default_folder()
