"""`filesend receive`: options in, the headless face's `receive` run, an exit code out."""

from __future__ import annotations

import os

import typer

from filesend_tui.cli.common import Refused, settle
from filesend_tui.cli.options import (
    CONNECTION,
    LOG,
    RECEIVED,
    STDIN,
    AtOption,
    CodeArgument,
    ForceOption,
    JsonOption,
    MakeCodeOption,
    RememberOption,
    ResumeOption,
    VerifyOption,
    YesOption,
    places_in,
    takes,
)


@takes("output", "relay", "listen", "trackers", "name", "copy", *RECEIVED, *CONNECTION, *LOG)
def receive(
    context: typer.Context,
    code: CodeArgument = None,
    *,
    at: AtOption = None,
    yes: YesOption = False,
    resume: ResumeOption = None,
    verify: VerifyOption = False,
    remember: RememberOption = False,
    make_code: MakeCodeOption = False,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Receive what the person with this code sends."""
    if make_code and code is not None:
        raise Refused("--make-code makes a code: give none.")
    if str(context.obj.get("output", "")) == STDIN:
        del context.obj["output"]
        _check_pipe(resume=resume, json=json, force=force)
        raise typer.Exit(_into_pipe(context, code, at, yes=yes, verify=verify, make_code=make_code))
    if force:
        raise Refused("--force goes with -o -, and means a terminal.")
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless import paired, resuming
    from filesend_tui.headless.asking import Asker
    from filesend_tui.runtime.going_on import goes_into

    asker, folder = Asker.on_standard_input(), compose.folder_of(settings)
    ended = compose.run_at_places(
        lambda client, places: resuming.or_begin(
            client,
            places,
            lambda each: goes_into(each, folder),
            lambda: paired.receive(
                client,
                places,
                code,
                asker,
                accept_all=yes,
                output=folder,
                verify=verify,
                remember=remember,
                make_code=make_code,
            ),
            asker,
            folder=folder,
            wanted=compose.goes_on(settings, resume, verify=verify),
            accept_all=yes,
        ),
        settings,
        asker,
        only=places_in(context, at),
        code=code,
        counterpart="send" if make_code else "",
        json=json,
        program="receive",
        asked=not yes,
    )
    raise typer.Exit(ended)


def _check_pipe(*, resume: bool | None, json: bool, force: bool) -> None:
    """Refuse what does not go with standard output as a stream. Raises Refused."""
    if json:
        raise Refused("--json and -o - would both write to standard output: choose one of them.")
    if resume:
        raise Refused("A stream cannot be gone on with: what was written into a pipe is gone.")
    if os.isatty(1) and not force:
        raise Refused(
            "Standard output is a terminal, which whatever comes might do anything to: write it "
            "into a pipe or a file, or say --force."
        )


def _into_pipe(
    context: typer.Context,
    code: str | None,
    at: list[str] | None,
    *,
    yes: bool,
    verify: bool,
    make_code: bool,
) -> int:
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless.asking import Asker
    from filesend_tui.headless.ends import pipes
    from filesend_tui.system.standard_streams import take_output

    asker = Asker.on_standard_input()
    return compose.run_at_places(
        lambda client, places: pipes.receive_stream(
            client,
            places,
            code,
            asker,
            take_output(),
            accept_all=yes,
            verify=verify,
            make_code=make_code,
        ),
        settings,
        asker,
        only=places_in(context, at),
        code=code,
        counterpart="stream" if make_code else "",
        json=False,
        program="receive",
        asked=not yes,
        piped=True,
    )
