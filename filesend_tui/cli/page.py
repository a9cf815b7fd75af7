"""`filesend page`: options in, the headless face's `page` run, an exit code out."""

from __future__ import annotations

import os

import typer

from filesend_tui.cli.common import Refused, settle
from filesend_tui.cli.options import (
    LOG,
    STDIN,
    CheckPageOption,
    JsonOption,
    PageFileOption,
    ReplaceOption,
    takes,
)


@takes("relay", *LOG)
def page(
    context: typer.Context,
    *,
    file: PageFileOption = None,
    check: CheckPageOption = None,
    yes: ReplaceOption = False,
    json: JsonOption = False,
) -> None:
    """Write the page as one file that works from disk, or check such a file."""
    target = file if file is not None and str(file) != STDIN else None
    if check is not None and (file is not None or yes):
        raise Refused("--check only reads a file: it goes with neither -o nor --yes.")
    if check is None and target is None:
        _check_output(yes=yes, json=json)
    settings = settle(context.obj)
    from filesend_tui.headless.relays import page

    if check is not None:
        raise typer.Exit(page.check(check, json=json))
    from filesend_tui.cli import compose
    from filesend_tui.headless.asking import Asker

    with compose.local_relay_of(settings) as local:
        relay = local.url if settings.relay is None else settings.relay
    if not page.can_have_page(relay):
        raise Refused(
            f"--relay: {relay} is of no use to a page from disk, which browsers let reach a host "
            "by its name or IPv4 address alone, without a path: name it so."
        )
    ended = page.make(
        relay, settings.proxy, target, Asker.on_standard_input(), replace=yes, json=json
    )
    raise typer.Exit(ended)


def _check_output(*, yes: bool, json: bool) -> None:
    """Refuse what does not go with a page on standard output. Raises Refused."""
    if yes:
        raise Refused("--yes replaces a file: name it with -o.")
    if json:
        raise Refused("--json and the page would both go to standard output: add -o FILE.")
    if os.isatty(1):
        raise Refused(
            "Standard output is a terminal, and the page is a file: add > page.html, or -o FILE."
        )
