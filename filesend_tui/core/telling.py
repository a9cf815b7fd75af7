"""Errors, and what cannot be sent, as events: what every face is told of them, and no more.

Nothing is published here, and no text is made up.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.errors import BadSource, FileSendError, Offender
from filesend_tui.core.events import TorrentId, TransferId
from filesend_tui.core.text import clean

#: How many of those that cannot be sent are named; the rest is counted.
NAMED: Final = 10
_MAX_PATH: Final = 1024


def error_event(
    error: FileSendError,
    *,
    transfer: TransferId | None = None,
    torrent: TorrentId | None = None,
) -> events.Error:
    """Return what faces are told of an error."""
    offenders = error.offenders if isinstance(error, BadSource) else ()
    return events.Error(
        code=error.code,
        message=error.message,
        hint=error.hint,
        transfer=transfer,
        torrent=torrent,
        offenders=_named(offenders),
        offender_count=len(offenders),
    )


def left_out(offenders: Sequence[Offender]) -> events.LeftOut:
    """Return what faces are told of what is not sent."""
    return events.LeftOut(things=_named(offenders), count=len(offenders))


def _named(offenders: Sequence[Offender]) -> tuple[events.Unfit, ...]:
    return tuple(
        events.Unfit(
            path=clean(os.fsencode(each.path).decode("utf-8", "replace"), _MAX_PATH),
            reason=clean(each.why),
        )
        for each in offenders[:NAMED]
    )
