"""`filesend relay`: options in, the relay served, an exit code out; `status` asks one instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from filesend_tui.cli.common import Refused, settle
from filesend_tui.cli.options import (
    LOG,
    AnnounceOption,
    CheckConfigOption,
    HostOption,
    JsonOption,
    PortOption,
    RelayArgument,
    SaveOption,
    takes,
)

if TYPE_CHECKING:
    from filesend_tui.settings.load import Settings


#: What of the settings is a relay's own.
_SETTINGS: Final = (
    "trusted_proxies",
    "metrics_to",
    "allow_from",
    "ban_file",
    "transit",
    "drain",
    "turn",
    "turn_secret_file",
    "page_key_file",
    "tls_cert",
    "tls_key",
    "store",
    "store_file",
    "log_level",
    "log_format",
)

relay = typer.Typer(
    help="Run a relay: it introduces people, and can read no file.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@relay.callback(invoke_without_command=True)
@takes(*_SETTINGS)
def served(
    context: typer.Context,
    *,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    announce: AnnounceOption = None,
    save: SaveOption = None,
    check_config: CheckConfigOption = False,
) -> None:
    """Run a relay: it introduces people, and can read no file."""
    if context.invoked_subcommand is not None:
        return
    settings = settle(context.obj, service=True)
    if save is not None:
        _remember(save, settings)
        return
    from relay.server import check, serve
    from relay.starting import RelayOptions

    chosen = RelayOptions(
        host=host,
        port=settings.port if port is None else port,
        announce=announce,
        **{key: getattr(settings, key) for key in _SETTINGS},
    )
    if check_config:
        raise typer.Exit(check(chosen))
    from filesend_tui.system.terminal import TerminalWatch, on_terminal

    TerminalWatch(on_terminal())  # ends with its terminal, even where no SIGHUP comes
    raise typer.Exit(serve(chosen))


@relay.command()
@takes(*LOG)
def status(
    context: typer.Context, relay: RelayArgument = None, *, json: JsonOption = False
) -> None:
    """Ask a relay whether it answers, and what it has to do."""
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless.relays import status as asking

    with compose.local_relay_of(settings) as local:
        url = relay or settings.relay or local.url
        raise typer.Exit(asking.run(url, settings.proxy, json=json))


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
