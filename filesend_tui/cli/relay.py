"""`filesend relay`: options in, the relay served, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import settle
from filesend_tui.cli.options import HostOption, PortOption, takes


@takes("trusted_proxies", "metrics_to", "transit", "turn", "turn_secret_file", "log_level")
def relay(
    context: typer.Context, *, host: HostOption = "127.0.0.1", port: PortOption = None
) -> None:
    """Run a relay: it introduces people, and can read no file."""
    settings = settle(context.obj, service=True)
    from filesend_tui.system.terminal import TerminalWatch, on_terminal
    from relay.server import serve

    TerminalWatch(on_terminal())  # ends with its terminal, even where no SIGHUP comes
    raise typer.Exit(
        serve(
            host,
            settings.port if port is None else port,
            settings.log_level,
            trusted_proxies=settings.trusted_proxies,
            metrics_to=settings.metrics_to,
            transit=settings.transit,
            turn=settings.turn,
            turn_secret_file=settings.turn_secret_file,
        )
    )
