"""`filesend doctor`: options in, the headless face's `doctor` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import settle
from filesend_tui.cli.options import LOG, JsonOption, takes


@takes("relay", "trackers", "output", "ice_servers", "port_mapping", *LOG)
def doctor(context: typer.Context, *, json: JsonOption = False) -> None:
    """Look at what a transfer needs here, and say what to do where something does not work."""
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless import doctor as looking

    folder = compose.folder_of(settings)
    with compose.local_relay_of(settings) as local:
        relay = local.url if settings.relay is None else settings.relay
        config = settings.client_config(output=folder, meeting_places=[relay])
        code = looking.run(
            relay,
            config,
            own=local if settings.relay is None else None,
            trackers=settings.trackers,
            json=json,
        )
    raise typer.Exit(code)
