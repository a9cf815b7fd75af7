"""`filesend listen`: options in, the standing receiver's run, an exit code out."""

from __future__ import annotations

import sys

import typer

from filesend_tui.cli.common import Refused, settle
from filesend_tui.cli.options import (
    CONNECTION,
    LOG,
    AtOption,
    ExecOption,
    FromOption,
    InstallOption,
    JsonOption,
    MaxOption,
    OverwriteUnitOption,
    YesOption,
    places_in,
    size_of,
    takes,
)


@takes("output", "relay", "listen", "trackers", "name", *CONNECTION, *LOG)
def listen(
    context: typer.Context,
    *,
    from_: FromOption = None,
    yes: YesOption = False,
    max: MaxOption = None,
    exec: ExecOption = None,
    install: InstallOption = False,
    force: OverwriteUnitOption = False,
    at: AtOption = None,
    json: JsonOption = False,
) -> None:
    """Wait for contacts, and take what they may send, until it is ended."""
    most = size_of(max)
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.core.errors import FileSendError
    from filesend_tui.headless.asking import Asker
    from filesend_tui.headless.contacts import hook, service, standing
    from filesend_tui.headless.contacts.rules import Rules

    try:
        command = hook.command_of(exec) if exec is not None else None
    except ValueError as error:
        raise Refused(f"--exec: {error}.") from error
    try:
        if install:
            given = [each for each in sys.argv[1:] if each not in ("--install", "--force")]
            if "listen" not in given:
                raise Refused("--install goes with filesend listen alone.")
            given.remove("listen")
            given += ["-o", str(compose.folder_of(settings).absolute())]  # wherever it is started
            typer.echo("\n".join(service.install(given, force=force)))
            raise typer.Exit
    except FileSendError as error:
        raise Refused(f"{error.message} {error.hint}") from error
    asker = Asker.on_standard_input()
    rules = Rules(accept_all=yes, most=most, folder=compose.folder_of(settings))
    ended = compose.run_at_places(
        lambda client, places: standing.listen(
            client,
            places,
            from_ or (),
            asker,
            rules=rules,
            hook=hook.Hook(command) if command is not None else None,
        ),
        settings,
        asker,
        only=places_in(context, at),
        json=json,
        program="listen",
        asked=not yes,
        endless=True,
    )
    raise typer.Exit(ended)
