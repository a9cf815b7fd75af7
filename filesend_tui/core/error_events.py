"""Events for errors, unsendable files and leftovers.

Nothing is published or decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.errors import BadSource, FileSendError, Offender
from filesend_tui.core.events import SessionId, TorrentId, TransferId
from filesend_tui.core.torrent.storage.part_folder.leftovers import Leftover
from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.text import clean, clean_path

#: Most unsendable files that are named; the rest is counted.
NAMED: Final = 10


def error_event(
    error: FileSendError,
    *,
    transfer: TransferId | None = None,
    torrent: TorrentId | None = None,
    session: SessionId | None = None,
) -> events.Error:
    """Return the event for an error."""
    offenders = error.offenders if isinstance(error, BadSource) else ()
    return events.Error(
        code=error.code,
        message=error.message,
        hint=error.hint,
        session=session,
        transfer=transfer,
        torrent=torrent,
        offenders=_named(offenders),
        offender_count=len(offenders),
    )


def left_out(offenders: Sequence[Offender]) -> events.LeftOut:
    """Return the event for files that are not sent."""
    return events.LeftOut(things=_named(offenders), count=len(offenders))


def leftover_events(folder: Path, found: Sequence[Leftover]) -> list[events.Leftover]:
    """Return the events for leftovers in a folder; the removed ones share one event, the last."""
    gone = [each for each in found if each.removed]
    told = [_leftover(each.path, [each], each.host) for each in found if not each.removed]
    if gone:
        told.append(_leftover(gone[0].path if len(gone) == 1 else folder, gone, ""))
    return told


def _leftover(path: Path, found: Sequence[Leftover], host: str) -> events.Leftover:
    names = [clean(name) for each in found for name in each.names]
    size, removed = sum(each.size for each in found), found[0].removed
    named = f" ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})" if names else ""
    what = f"{len(found)} unfinished downloads" if len(found) > 1 else "an unfinished download"
    place, begun = clean_path(path), f", begun on {host}" if host else ""
    resumable = len(found) == 1 and found[0].resumable
    if resumable:
        message = f"There is {what}: {int(100 * found[0].progress)}% of {size_text(size)}{named}."
        hint = f"Download it again into this folder to go on with it, or remove {place}."
    elif removed:
        message = f"Removed {what} that an earlier run left: {size_text(size)}{named}."
        hint = f"{'It was' if len(found) == 1 else 'They were in'} {place}."
    else:
        message = f"There is {what}{begun}: {size_text(size)}{named}."
        hint = f"Where nothing goes on with it any more, remove {place}."
    return events.Leftover(
        message=message,
        hint=hint,
        path=place,
        names=tuple(names[:NAMED]),
        count=len(found),
        bytes=size,
        removed=removed,
        host=host,
        resumable=resumable,
        progress=found[0].progress if resumable else 0.0,
    )


def _named(offenders: Sequence[Offender]) -> tuple[events.Unfit, ...]:
    return tuple(
        events.Unfit(path=clean_path(each.path), reason=clean(each.why))
        for each in offenders[:NAMED]
    )
