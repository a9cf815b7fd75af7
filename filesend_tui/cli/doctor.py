"""`filesend doctor`: options in, the headless face's `doctor` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import settle
from filesend_tui.cli.options import LOG, JsonOption, takes


@takes("relay", "output", "ice_servers", "port_mapping", *LOG)
def doctor(context: typer.Context, *, json: JsonOption = False) -> None:
    """Look at what a transfer needs here, and say what to do where something does not work."""
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless import doctor as looking

    relay = settings.relay or f"http://127.0.0.1:{settings.port}"
    folder = compose.folder_of(settings)
    config = settings.client_config(output=folder, meeting_places=[relay])
    raise typer.Exit(looking.run(relay, config, named=settings.relay is not None, json=json))
