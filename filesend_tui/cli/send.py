"""`filesend send`: options in, the headless face's `send` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import check_there, settle
from filesend_tui.cli.options import (
    CONNECTION,
    LOG,
    JsonOption,
    PathsArgument,
    ResumeOption,
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
    resume: ResumeOption = None,
    verify: VerifyOption = False,
    skip_unreadable: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Send files and folders to the person you pair with."""
    check_there(paths, skip_unreadable=skip_unreadable)
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.core.checks import look_at_all
    from filesend_tui.headless import paired, resuming
    from filesend_tui.headless.asking import Asker
    from filesend_tui.runtime.going_on import sends

    asker, chosen = Asker.on_standard_input(), look_at_all(paths)
    with compose.relay_of(settings) as relay:
        ended = compose.run(
            lambda client: resuming.or_begin(
                client,
                compose.relay_by_url(relay, asker),
                lambda each: sends(each, paths),
                lambda: paired.send(
                    client,
                    relay.asking(asker),
                    chosen,
                    code,
                    asker,
                    verify=verify,
                    skip_unreadable=skip_unreadable,
                ),
                asker,
                folder=compose.folder_of(settings),
                wanted=compose.goes_on(settings, resume, verify=verify),
            ),
            settings,
            [relay.url],
            stop=relay.stop,
            json=json,
            program="send",
            asker=asker,
        )
    raise typer.Exit(ended)
