"""`filesend resume`: options in, the headless face's `resume` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import settle
from filesend_tui.cli.options import CONNECTION, LOG, IdsArgument, JsonOption, ListOption, takes


@takes("output", "relay", "listen", "trackers", "name", *CONNECTION, *LOG)
def resume(
    context: typer.Context,
    ids: IdsArgument = None,
    *,
    list: ListOption = False,
    json: JsonOption = False,
) -> None:
    """Go on with what is unfinished: all of it, or what has these ids."""
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless import resuming
    from filesend_tui.headless.asking import Asker

    asker, folder = Asker.on_standard_input(), compose.folder_of(settings)
    ended = compose.run_at_places(
        lambda client, places: resuming.resume(
            client, places, ids or (), asker, folder=folder, list_only=list, json=json
        ),
        settings,
        asker,
        json=json,
        program="" if list else "resume",
        lists=list,
    )
    raise typer.Exit(ended)
