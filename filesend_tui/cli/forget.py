"""`filesend forget`: options in, the headless face's `forget` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import Refused, settle
from filesend_tui.cli.options import LOG, AllOption, IdsArgument, JsonOption, takes


@takes(*LOG)
def forget(
    context: typer.Context,
    ids: IdsArgument = None,
    *,
    all: AllOption = False,
    json: JsonOption = False,
) -> None:
    """Forget what is unfinished, and delete what arrived of it."""
    if not ids and not all:
        raise Refused("Name what to forget, or use --all; filesend resume --list shows it.")
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless import resuming

    ended = compose.run(
        lambda client: resuming.forget(client, ids or (), everything=all, json=json),
        settings,
        (),
        json=json,
    )
    raise typer.Exit(ended)
