"""`filesend download`: options in, the headless face's `download` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import settle
from filesend_tui.cli.options import LOG, SWARM, JsonOption, MagnetArgument, takes


@takes("output", *SWARM, *LOG)
def download(context: typer.Context, magnet: MagnetArgument, *, json: JsonOption = False) -> None:
    """Download what a magnet link names."""
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.core.checks import trackers_in
    from filesend_tui.headless import swarms

    ended = compose.run(
        lambda client: swarms.download(client, magnet, compose.folder_of(settings)),
        settings,
        trackers_in(magnet),
        json=json,
        program="download",
    )
    raise typer.Exit(ended)
