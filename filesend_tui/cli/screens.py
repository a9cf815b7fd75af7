"""The start of the screens, by `filesend` alone. Nothing of the command line's library."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from filesend_tui.cli.common import Refused, settle

if TYPE_CHECKING:
    from filesend_tui.core.client import Client
    from filesend_tui.settings.load import Settings


def open_screens(options: Mapping[str, Any], only: Sequence[str] = ()) -> int:
    """Open the screens; return the exit code.

    Args:
        options: See settle.
        only: The places at which people are met; all where there is none.

    Raises:
        Refused: There is no terminal, or a setting cannot be used.
    """
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise Refused("The screens need a terminal; `filesend --help` lists commands that do not.")
    return run_screens(settle(options, log_to_stderr=False), only)


def run_screens(settings: Settings, only: Sequence[str] = ()) -> int:
    """Run the TUI to its end; return the exit code."""
    from filesend_tui.cli import compose
    from filesend_tui.runtime.event_loop import runner
    from filesend_tui.settings.load import settings_path
    from filesend_tui.settings.preferences import Preferences
    from filesend_tui.system import core_dumps
    from filesend_tui.system.process_exit import end_soon

    core_dumps.forbid()
    from filesend_tui.app import FileSendApp
    from filesend_tui.state.notices import receipts

    with compose.places_of(settings, only) as places:
        folder = compose.folder_of(settings)
        config = settings.client_config(
            output=folder, meeting_places=places.named, beyond=places.beyond
        )
        state = compose.state_of(settings)
        obeying: list[asyncio.Task[None]] = []  # until the event loop ends

        def client() -> Client:
            from filesend_tui.core.client import Client
            from filesend_tui.core.journal.journal import Journal
            from filesend_tui.runtime.programs import obey

            made = Client(config, Journal.open(state))
            obeying.append(asyncio.create_task(obey(state, "screens", made)))
            return made

        app = FileSendApp(
            client,
            places=places,
            output=folder,
            warning=compose.warning_of(settings),
            preferences=Preferences.of(settings, settings_path()),
            state=state,
            finishes=settings.finishes,
            resume=settings.resume,
            notifies=settings.notify,
            awake=compose.awake_of(settings),
            visible=settings.visible if places.looks_around else None,
        )
        with runner(eager_tasks=True) as running:
            app.run(loop=running.get_loop())
            for line in receipts(app.store.transfers):  # the terminal's own screen is restored
                print(line)
            code = app.return_code or 0
            if (left := app.ended()) is not None:
                from filesend_tui.headless.unattended import finish

                code = running.run(finish(left, settings.away_limit))
            places.stop()
            end_soon(code)
        return code
