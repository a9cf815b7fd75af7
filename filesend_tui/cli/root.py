"""The command `filesend`, the parent of every command; without one it opens the screens.

Only what `--help` and `--version` need is imported at the top, in all files of cli/: neither
textual nor aiortc nor socket.io. The commands live in headless/, the screens in app.py.
"""

from __future__ import annotations

import typer

from filesend_tui.cli.doctor import doctor
from filesend_tui.cli.download import download
from filesend_tui.cli.forget import forget
from filesend_tui.cli.history import history
from filesend_tui.cli.limit import limit
from filesend_tui.cli.options import CONNECTION, LOG, VersionOption, takes
from filesend_tui.cli.receive import receive
from filesend_tui.cli.relay import relay
from filesend_tui.cli.resume import resume
from filesend_tui.cli.seed import seed
from filesend_tui.cli.send import send

cli = typer.Typer(
    name="filesend",
    help="Hand files to another person: pair with a code, ask, get a yes, and they arrive.",
    epilog="Without a command, the screens open.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # they print local variables, codes and keys included
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.callback(invoke_without_command=True)
@takes("relay", "name", "output", *CONNECTION, "web", *LOG)
def screens(context: typer.Context, *, _version: VersionOption = False) -> None:
    """Open the screens, unless a command follows."""
    if context.invoked_subcommand is None:
        from filesend_tui.cli.screens import open_screens

        raise typer.Exit(open_screens(context.obj))


for command in (send, receive, seed, download, resume, forget, history, limit, doctor, relay):
    cli.command()(command)
