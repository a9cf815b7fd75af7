"""`filesend seed`: options in, the headless face's `seed` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import Refused, check_there, settle
from filesend_tui.cli.options import (
    LOG,
    SHARED,
    SWARM,
    JsonOption,
    PathsArgument,
    SkipOption,
    TrackerOption,
    takes,
)


@takes("relay", *SHARED, *SWARM, "web", *LOG)
def seed(
    context: typer.Context,
    paths: PathsArgument,
    *,
    tracker: TrackerOption = None,
    skip_unreadable: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Serve files to anybody with the magnet link, until interrupted.

    Without --tracker, the relay's own tracker is used.
    """
    check_there(paths, skip_unreadable=skip_unreadable)
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.core.checks import look_at_all, tracker_url
    from filesend_tui.headless import swarms
    from filesend_tui.headless.asking import Asker

    trackers = tracker or []
    for url in trackers:
        try:
            tracker_url(url)
        except ValueError as error:
            raise Refused(f"--tracker: {error}") from None
    chosen = look_at_all(paths)
    if trackers:
        ended = compose.run(
            lambda client: swarms.seed(client, chosen, trackers, skip_unreadable=skip_unreadable),
            settings,
            trackers,
            json=json,
            program="seed",
            endless=True,
        )
        raise typer.Exit(ended)
    asker = Asker.on_standard_input()
    with compose.relay_of(settings) as relay:
        ended = compose.run(
            lambda client: swarms.seed_at_relay(
                client, relay.asking(asker), chosen, skip_unreadable=skip_unreadable
            ),
            settings,
            [relay.url],
            stop=relay.stop,
            json=json,
            program="seed",
            endless=True,
            asker=asker,
        )
    raise typer.Exit(ended)
