"""`filesend send`: options in, the headless face's `send` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import check_there, settle
from filesend_tui.cli.options import (
    CONNECTION,
    LOG,
    JsonOption,
    PathsArgument,
    SendCodeOption,
    SkipOption,
    VerifyOption,
    takes,
)


@takes("relay", "name", *CONNECTION, *LOG)
def send(
    context: typer.Context,
    paths: PathsArgument,
    *,
    code: SendCodeOption = None,
    verify: VerifyOption = False,
    skip_unreadable: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Send files and folders to the person you pair with."""
    check_there(paths, skip_unreadable=skip_unreadable)
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.core.checks import look_at_all
    from filesend_tui.headless import paired
    from filesend_tui.headless.asking import Asker

    asker, chosen = Asker.on_standard_input(), look_at_all(paths)
    with compose.relay_of(settings) as relay:
        ended = compose.run(
            lambda client: paired.send(
                client,
                relay.asking(asker),
                chosen,
                code,
                asker,
                verify=verify,
                skip_unreadable=skip_unreadable,
            ),
            settings,
            [relay.url],
            stop=relay.stop,
            json=json,
            asker=asker,
        )
    raise typer.Exit(ended)
