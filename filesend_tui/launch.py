"""Starts a face with its settings: which relay, which client, which printer. Decides no more."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filesend_tui.core.config import default_folder
from filesend_tui.local_relay import LocalRelay
from filesend_tui.loop import runner
from filesend_tui.settings import Settings

if TYPE_CHECKING:
    from filesend_tui.core.client import Client
    from filesend_tui.headless.paired import FindRelay
    from filesend_tui.headless.printers import Printer


class _Relay(NamedTuple):
    """Where the relay is, and what finds it."""

    url: str
    find: FindRelay


def open_screens(settings: Settings) -> int:
    """Run the TUI to its end; return the exit code."""
    from filesend_tui.app import FileSendApp
    from filesend_tui.notices import receipts

    with _relay(settings) as relay:
        folder = _folder(settings)
        config = settings.client_config(output=folder, meeting_places=[relay.url])

        def client() -> Client:
            from filesend_tui.core.client import Client

            return Client(config)

        app = FileSendApp(client, relay=relay.find, output=folder)
        with runner(eager_tasks=True) as running:
            app.run(loop=running.get_loop())
        for line in receipts(app.store.transfers):  # the terminal has its screen back
            print(line)
        return app.return_code or 0


def send(
    settings: Settings, paths: Sequence[Path], code: str | None, *, verify: bool, json: bool
) -> int:
    """Run `filesend send`; return the exit code."""
    from filesend_tui.headless import paired
    from filesend_tui.headless.asking import Asker

    asker = Asker.on_standard_input()
    with _relay(settings) as relay:
        return _run(
            lambda client: paired.send(client, relay.find, paths, code, asker, verify=verify),
            settings,
            [relay.url],
            json=json,
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
                relay.find,
                code,
                asker,
                accept_all=accept_all,
                output=folder,
                verify=verify,
            ),
            settings,
            [relay.url],
            json=json,
            asked=not accept_all,
        )


def seed(settings: Settings, paths: Sequence[Path], trackers: Sequence[str], *, json: bool) -> int:
    """Run `filesend seed`; return the exit code."""
    from filesend_tui.headless import swarms

    if trackers:
        return _run(
            lambda client: swarms.seed(client, paths, trackers), settings, trackers, json=json
        )
    with _relay(settings) as relay:
        return _run(
            lambda client: swarms.seed_at_relay(client, relay.find, paths),
            settings,
            [relay.url],
            json=json,
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
) -> int:
    from filesend_tui.headless.running import run

    config = settings.client_config(output=_folder(settings), meeting_places=meeting_places)
    return run(command, config, _printer(json=json, asked=asked))


@contextmanager
def _relay(settings: Settings) -> Iterator[_Relay]:
    """Give the relay that was named, or this machine's own, which ends with the block."""
    if (named := settings.relay) is not None:

        async def find() -> str:
            return named

        yield _Relay(named, find)
        return
    local = LocalRelay(settings.port)
    try:
        yield _Relay(local.url, local.find)
    finally:
        local.stop()


def _printer(*, json: bool, asked: bool) -> Printer:
    from filesend_tui.headless import printers

    if json:
        return printers.JsonPrinter(sys.stdout.buffer)
    on_terminal = sys.stderr.isatty()
    progress = (printers.ProgressBar if on_terminal else printers.ProgressLines)(sys.stderr)
    return printers.TextPrinter(sys.stdout, sys.stderr, progress, asked=asked)


def _folder(settings: Settings) -> Path:
    return settings.output or default_folder()
