"""`filesend relay`: options in, the relay served, an exit code out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from filesend_tui.cli.common import Refused, settle
from filesend_tui.cli.options import AnnounceOption, HostOption, PortOption, SaveOption, takes

if TYPE_CHECKING:
    from filesend_tui.settings.load import Settings


@takes(
    *("trusted_proxies", "metrics_to", "transit", "turn", "turn_secret_file"),
    *("store", "store_file", "log_level"),
)
def relay(
    context: typer.Context,
    *,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    announce: AnnounceOption = None,
    save: SaveOption = None,
) -> None:
    """Run a relay: it introduces people, and can read no file."""
    settings = settle(context.obj, service=True)
    if save is not None:
        _remember(save, settings)
        return
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
            store=settings.store,
            store_file=settings.store_file,
            announce=announce,
        )
    )


def _remember(url: str, settings: Settings) -> None:
    """Write a relay into the settings file, or take it out (`none`), and say so. Raises Refused."""
    from filesend_tui.settings import file, parse
    from filesend_tui.settings.load import SettingsError, settings_path

    path = settings_path()
    try:
        relay = None if url == "none" else parse.relay(url)
        file.change(path, {"relay": relay})
    except (ValueError, SettingsError) as error:
        raise Refused(f"--save: {error}") from None
    if relay is None:
        typer.echo(f"No relay is named in {path}.")
    else:
        typer.echo(f"People are met at {relay} from now on; it is in {path}.")
    if (held := settings.held.get("relay")) is not None:
        typer.echo(f"{held} names one as well, which counts as long as it is set.", err=True)
