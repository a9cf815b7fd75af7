"""`filesend contacts` and the commands below it: whom this side remembers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from filesend_tui.cli.common import Refused, settle
from filesend_tui.cli.options import (
    LOG,
    AtOption,
    FolderOption,
    JsonOption,
    KindsOption,
    MaxOption,
    NameArgument,
    NewNameArgument,
    NothingOption,
    OfflineOption,
    OnlineOption,
    places_in,
    size_of,
    takes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

contacts = typer.Typer(
    help="List whom you remember, and change what you keep of them.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@contacts.callback(invoke_without_command=True)
@takes("relay", "trackers", *LOG)
def listed(
    context: typer.Context,
    *,
    at: AtOption = None,
    online: OnlineOption = False,
    json: JsonOption = False,
) -> None:
    """List whom you remember: those who are there first, then the last seen first."""
    if context.invoked_subcommand is not None:
        return
    from filesend_tui.headless.contacts import book

    _run(
        context,
        at,
        lambda client, places: book.show(client, places, json=json),
        meets=online,
        json=json,
    )


@contacts.command()
@takes("relay", "trackers", *LOG)
def forget(
    context: typer.Context,
    name: NameArgument,
    *,
    at: AtOption = None,
    offline: OfflineOption = False,
    json: JsonOption = False,
) -> None:
    """Forget somebody; on their side too, if they are there."""
    from filesend_tui.headless.contacts import book

    _run(
        context,
        at,
        lambda client, places: book.forget(client, places, name),
        meets=not offline,
        json=json,
    )


@contacts.command()
@takes(*LOG)
def rename(context: typer.Context, name: NameArgument, new: NewNameArgument) -> None:
    """Name somebody otherwise, for yourself alone."""
    from filesend_tui.headless.contacts import book

    _run(context, None, lambda client, _: book.rename(client, name, new), meets=False)


@contacts.command()
@takes(*LOG)
def allow(
    context: typer.Context,
    name: NameArgument,
    *,
    folder: FolderOption = None,
    max: MaxOption = None,
    kinds: KindsOption = None,
    nothing: NothingOption = False,
) -> None:
    """Set what filesend listen takes of somebody without asking."""
    if nothing and (folder or max or kinds):
        raise Refused("--nothing goes with no other option: it takes all of it back.")
    from filesend_tui.core.events import Allowance
    from filesend_tui.headless.contacts import book

    allowance = None
    if not nothing:
        allowance = Allowance(
            folder=str(Path(folder).absolute()) if folder else None,
            size=size_of(max),
            kinds=tuple(kinds or ()),
        )
    _run(context, None, lambda client, _: book.allow(client, name, allowance), meets=False)


def _run(
    context: typer.Context,
    at: list[str] | None,
    command: Callable[[Any, Any], Coroutine[None, None, None]],
    *,
    meets: bool,
    json: bool = False,
) -> None:
    """Run a command with a client, and the places where it meets people if it does."""
    settings = settle(context.obj or {})
    from filesend_tui.cli import compose
    from filesend_tui.headless.asking import Asker

    if not meets:
        ended = compose.run(lambda client: command(client, None), settings, (), json=json)
        raise typer.Exit(ended)
    asker, only = Asker.on_standard_input(), places_in(context, at)
    raise typer.Exit(compose.run_at_places(command, settings, asker, only=only, json=json))
