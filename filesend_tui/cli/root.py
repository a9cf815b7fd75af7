"""The command `filesend`, the parent of every command; without one it opens the screens.

Only what `--help` and `--version` need is imported at the top, in all files of cli/: neither
textual nor aiortc nor socket.io. The commands live in headless/, the screens in app.py.
"""

from __future__ import annotations

import os
from typing import Any, Final

import typer
from typer.core import TyperGroup

from filesend_tui.cli.contacts.book import contacts
from filesend_tui.cli.contacts.listen import listen
from filesend_tui.cli.doctor import doctor
from filesend_tui.cli.download import download
from filesend_tui.cli.forget import forget
from filesend_tui.cli.history import history
from filesend_tui.cli.limit import limit
from filesend_tui.cli.options import (
    CONNECTION,
    LOG,
    STDIN,
    AtOption,
    VersionOption,
    places_in,
    takes,
)
from filesend_tui.cli.page import page
from filesend_tui.cli.receive import receive
from filesend_tui.cli.relay import relay
from filesend_tui.cli.resume import resume
from filesend_tui.cli.seed import seed
from filesend_tui.cli.send import send

#: Other words for commands.
_ALIASES: Final = {"rx": "receive", "recv": "receive"}


class Commands(TyperGroup):
    """The commands; a path in a command's place means send."""

    # Any: typer brings a click of its own, under a private name.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first word means, and its arguments."""
        word, *rest = args
        if word in _ALIASES:
            args = [_ALIASES[word], *rest]
        elif word not in self.commands and (word == STDIN or os.path.lexists(word)):
            args = ["send", *args]
        return super().resolve_command(ctx, args)


cli = typer.Typer(
    name="filesend",
    cls=Commands,
    help="Hand files to another person: pair with a code, ask, get a yes, and they arrive.",
    epilog="Without a command, the screens open. filesend FILE… means send, rx and recv mean "
    "receive.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # they print local variables, codes and keys included
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.callback(invoke_without_command=True)
@takes("relay", "listen", "trackers", "name", "output", *CONNECTION, "web", "visible", *LOG)
def screens(
    context: typer.Context, *, at: AtOption = None, _version: VersionOption = False
) -> None:
    """Open the screens, unless a command follows."""
    only = places_in(context, at)
    if context.invoked_subcommand is None:
        from filesend_tui.cli.screens import open_screens

        raise typer.Exit(open_screens(context.obj, only))


for command in (send, receive, listen, seed, download, resume, forget, history):
    cli.command()(command)
cli.add_typer(contacts, name="contacts")
for command in (limit, doctor, page):
    cli.command()(command)
cli.add_typer(relay, name="relay")
