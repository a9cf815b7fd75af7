"""Events as sentences and figures for a terminal without screens. Pure: nothing is written here.

Names from the other person were cleaned by the core before they entered an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from filesend_tui.core import events
from filesend_tui.core.events import Direction, FileEntry, TransferPhase
from filesend_tui.core.util.figures import rate_text, size_text
from filesend_tui.system.file_manager import path_of

#: Files of a request that are named; the rest is counted.
LISTED_FILES = 20
#: Empty folders of a request that are named.
LISTED_FOLDERS = 5


class Line(NamedTuple):
    """A line to print. result: a result of the run (a code, a magnet, a path).

    picture: print a QR code below it, for a phone. listing: omitted where a question lists it
    itself.
    """

    text: str
    result: bool = False
    picture: bool = False
    listing: bool = False


class Figure(NamedTuple):
    """The progress of something. fraction: 0 to 1, None where there is no end. remaining: seconds.

    stalled: no newer figure came for a while.
    """

    label: str
    fraction: float | None
    done: str
    rate: str = ""
    remaining: float | None = None
    stalled: bool = False


def figure(event: events.Event) -> Figure | None:
    """Return the progress that an event reports; None where it reports none."""
    match event:
        case events.Hashing():
            return Figure("Preparing", event.progress, f"{event.progress:.0%}")
        case events.Download():
            return Figure(
                "Receiving",
                event.progress,
                event.downloaded,
                event.download_speed,
                event.time_remaining,
            )
        case events.ProgressUpdate():
            return Figure(
                "Sending",
                event.progress,
                event.downloaded,
                event.download_speed,
                event.time_remaining,
            )
        case events.Upload(transfer=None):
            # Paired transfers show the receiver's own figures; an open swarm has only these.
            return Figure("Seeding", None, event.uploaded, event.upload_speed)
    return None


def lines(event: events.Event) -> list[Line]:  # noqa: PLR0911, PLR0912 - one arm an event
    """Return what to print for an event, first line first."""
    match event:
        case events.Code():
            minutes = max(1, event.expires_seconds // 60)
            return [
                Line(f"Code: {event.code}", result=True),
                Line(f"Tell it to the other person. It works once, within {minutes} minutes."),
            ]
        case events.Paired():
            return [Line(f"Paired with {event.partner}.")]
        case events.PartnerGone(reason="relay"):
            return []  # the error that follows reports it
        case events.PartnerGone():
            return [Line(_gone(event))]
        case events.Message(outgoing=False):
            return [Line(f"{event.partner}: {event.text}")]
        case events.FileRequest():
            return _request(event)
        case events.LeftOut():
            return _left_out(event)
        case events.FileAnswer() if not all(event.accepted):
            return [Line(f"{sum(event.accepted)} of {len(event.accepted)} files accepted.")]
        case events.TransferState():
            return _phase(event)
        case events.Seeding(transfer=None):
            return _seeding(event)
        case events.Metadata(transfer=None):
            return [Line(f"{event.name}: {_count(len(event.files), event.total_bytes)}")]
        case events.PeerConnected(torrent=_):
            return [Line(f"Connected to {event.address} ({event.client}) over {event.road}.")]
        case events.DownloadComplete():
            return _complete(event)
        case events.Leftover():
            return [Line(event.message), Line(event.hint)]
        case events.TorrentDone():
            return [Line("The other side has everything, verified.")]
        case events.Error():
            named = (
                _things(event.offenders, event.offender_count) if event.offender_count > 1 else []
            )
            # A declined request is no error for either side.
            mark = "" if event.code == "declined" else "Error: "
            return [Line(f"{mark}{event.message}"), *named, Line(event.hint)]
    return []


def file_lines(files: Sequence[FileEntry]) -> list[str]:
    """Return files as lines, numbered from 1; hidden ones are marked."""
    width = len(str(len(files)))
    return [
        f"  {number:>{width}}  {file.path}  {size_text(file.size)}"
        f"{'  (hidden)' if file.hidden else ''}"
        for number, file in enumerate(files, start=1)
    ]


def request_lines(event: events.FileRequest) -> list[str]:
    """Return a request as lines, with the first files of many."""
    amount = _count(len(event.files), event.total_bytes)
    listed = file_lines(event.files[:LISTED_FILES])
    rest = event.files[LISTED_FILES:]
    if rest:
        hidden = sum(file.hidden for file in rest)
        listed.append(f"  and {len(rest)} more{f', {hidden} of them hidden' if hidden else ''}")
    if event.empty_folders:
        listed.append(
            f"  and {_empty(event.empty_folders)}: {', '.join(_first(event.empty_folders))}"
        )
    return [f"{event.partner} wants to send {amount}:", *listed]


def _left_out(event: events.LeftOut) -> list[Line]:
    if event.count == 1:
        (thing,) = event.things
        return [Line(f"Left out: {thing.path} {thing.reason}.")]
    return [Line(f"{event.count:,} things are left out:"), *_things(event.things, event.count)]


def _things(things: Sequence[events.Unfit], count: int) -> list[Line]:
    """Return lines of things that cannot be sent, and of how many more there are."""
    more = [Line(f"  and {count - len(things):,} more")] if count > len(things) else []
    return [*(Line(f"  {thing.path} {thing.reason}") for thing in things), *more]


def _seeding(event: events.Seeding) -> list[Line]:
    serving = f"Serving {event.name} ({size_text(event.total_bytes)}) until interrupted."
    magnet = Line(event.magnet_uri, result=True, picture=event.share_url is None)
    link = [Line(event.share_url, result=True, picture=True)] if event.share_url else []
    return [Line(serving), magnet, *link]


def _request(event: events.FileRequest) -> list[Line]:
    if event.direction is Direction.SEND:
        amount = _count(len(event.files), event.total_bytes)
        also = f" and {_empty(event.empty_folders)}" if event.empty_folders else ""
        return [Line(f"Asked {event.partner} to take {amount}{also}; waiting for the answer.")]
    return [Line(text, listing=True) for text in request_lines(event)]


def _phase(event: events.TransferState) -> list[Line]:
    why = f": {event.reason.rstrip('.')}" if event.reason else ""
    match event.phase:
        case TransferPhase.DECLINED if event.direction is Direction.SEND:
            return [Line(f"The other person declined{why}.")]
        case TransferPhase.DECLINED:
            return [Line("You declined.")]
        case TransferPhase.CANCELLED:
            return [Line(f"The transfer was cancelled{why}.")]
        case TransferPhase.FAILED:
            return [Line(f"The transfer failed{why}.")]
    return []


def _gone(event: events.PartnerGone) -> str:
    match event.reason:
        case "left":
            return f"{event.partner} left."
        case "broken":
            return f"What came from {event.partner} could not be trusted: disconnected."
    return f"The connection to {event.partner} was lost."


def _complete(event: events.DownloadComplete) -> list[Line]:
    rate = f", {rate_text(event.bytes / event.seconds)}" if event.seconds > 0 else ""
    return [
        Line(
            f"Received {size_text(event.bytes)} in {event.seconds:.1f} s over {event.road}{rate}."
        ),
        Line(str(path_of(event.url)), result=True),
    ]


def _empty(folders: Sequence[str]) -> str:
    return "1 empty folder" if len(folders) == 1 else f"{len(folders):,} empty folders"


def _first(folders: Sequence[str]) -> list[str]:
    """Return the first folders, hidden ones marked, and an ellipsis where there are more."""
    named = [
        f"{path}/{' (hidden)' if events.is_hidden(path) else ''}"
        for path in folders[:LISTED_FOLDERS]
    ]
    return [*named, "…"] if len(folders) > LISTED_FOLDERS else named


def _count(files: int, total_bytes: int) -> str:
    return f"{files} {'file' if files == 1 else 'files'}, {size_text(total_bytes)}"
