"""`filesend receive`: options in, the headless face's `receive` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import settle
from filesend_tui.cli.options import (
    CONNECTION,
    LOG,
    CodeArgument,
    JsonOption,
    ResumeOption,
    VerifyOption,
    YesOption,
    takes,
)


@takes("output", "relay", "name", *CONNECTION, *LOG)
def receive(
    context: typer.Context,
    code: CodeArgument = None,
    *,
    yes: YesOption = False,
    resume: ResumeOption = None,
    verify: VerifyOption = False,
    json: JsonOption = False,
) -> None:
    """Receive what the person with this code sends."""
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless import paired, resuming
    from filesend_tui.headless.asking import Asker
    from filesend_tui.runtime.going_on import goes_into

    asker, folder = Asker.on_standard_input(), compose.folder_of(settings)
    with compose.relay_of(settings) as relay:
        ended = compose.run(
            lambda client: resuming.or_begin(
                client,
                compose.relay_by_url(relay, asker),
                lambda each: goes_into(each, folder),
                lambda: paired.receive(
                    client,
                    relay.asking(asker),
                    code,
                    asker,
                    accept_all=yes,
                    output=folder,
                    verify=verify,
                ),
                asker,
                folder=folder,
                wanted=compose.goes_on(settings, resume, verify=verify),
                accept_all=yes,
            ),
            settings,
            [relay.url],
            stop=relay.stop,
            json=json,
            program="receive",
            asker=asker,
            asked=not yes,
        )
    raise typer.Exit(ended)
