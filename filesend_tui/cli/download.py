"""`filesend download`: options in, the headless face's `download` run, an exit code out."""

from __future__ import annotations

from typing import Final

import typer

from filesend_tui.cli.common import Refused, settle
from filesend_tui.cli.options import LOG, RECEIVED, SWARM, JsonOption, MagnetArgument, takes

_NO_TIMES: Final = "an open swarm tells no times, by which a file here could be older or the same."


@takes("output", *RECEIVED, *SWARM, *LOG)
def download(context: typer.Context, magnet: MagnetArgument, *, json: JsonOption = False) -> None:
    """Download what a magnet link names."""
    overwrite = context.obj.get("overwrite", "never").strip().lower()
    if overwrite == "ask":
        raise Refused(
            "--overwrite ask goes with receive: a download replaces nothing, and what arrives "
            "gets a number."
        )
    if overwrite == "older":
        raise Refused(f"--overwrite older goes with receive: {_NO_TIMES}")
    if context.obj.get("skip_existing"):
        raise Refused(f"--skip-existing goes with receive: {_NO_TIMES}")
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
