"""`filesend history`: options in, the headless face's `history` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import settle
from filesend_tui.cli.options import LOG, ClearOption, CountOption, JsonOption, takes


@takes(*LOG)
def history(
    context: typer.Context,
    *,
    n: CountOption = 20,
    clear: ClearOption = False,
    json: JsonOption = False,
) -> None:
    """Show what was sent and received, the newest last."""
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless import history

    raise typer.Exit(history.run(compose.state_of(settings), n, clear=clear, json=json))
