"""Events as sentences and figures for a terminal without screens. Pure: nothing is written here.

Names from the other person were cleaned by the core before they entered an event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from filesend_tui.core import events
from filesend_tui.core.errors import UnderWay
from filesend_tui.core.events import Direction, FileEntry, PausedBy, TransferPhase
from filesend_tui.core.util.figures import rate_text, size_text
from filesend_tui.headless.contacts.words import contact_line, contact_words
from filesend_tui.runtime.going_on import is_unanswered
from filesend_tui.state.figures import (
    countdown,
    limits_words,
    others_words,
    paused_words,
    queued_words,
    resumed_text,
    who_words,
)
from filesend_tui.system.file_manager import path_of

#: What becomes of what is under way while somebody is away.
CONTINUES: Final = "what was going on continues when they are back"
#: Files of a request that are named; the rest is counted.
LISTED_FILES = 20
#: Links of a request that are named.
_NAMED_LINKS = 3
#: Empty folders of a request that are named.
LISTED_FOLDERS = 5


class Line(NamedTuple):
    """A line to print. result: a result of the run (a code, a magnet, a path).

    picture: print a QR code below it, for a phone. copied: on the terminal's clipboard as well.
    listing: omitted where a question lists it itself.
    """

    text: str
    result: bool = False
    picture: bool = False
    copied: bool = False
    listing: bool = False


class Sharing(NamedTuple):
    """How a code gets to the other person.

    command: returns what they type for a code. where: returns in a few words where it works. link:
    returns the link by which a browser uses a code, empty where there is none. copy: copy the
    command to the clipboard of the terminal.
    """

    command: Callable[[str], str]
    where: Callable[[], str]
    link: Callable[[str], str] = lambda _: ""
    copy: bool = True


class Figure(NamedTuple):
    """The progress of something. fraction: 0 to 1, None where there is no end. remaining: seconds.

    stalled: no newer figure came for a while. calm: it changes by itself all the time. beside: it
    is one of several that are shown together.
    """

    label: str
    fraction: float | None
    done: str
    rate: str = ""
    remaining: float | None = None
    stalled: bool = False
    calm: bool = False
    beside: bool = False


def _received(event: events.Download | events.ProgressUpdate) -> float | None:
    """Return how much of what is wanted is there; None of a stream, which nobody knows."""
    return None if event.stream else event.progress


def figure(event: events.Event, to: str = "") -> Figure | None:
    """Return the progress that an event reports; None where it reports none.

    to: whom it is sent to, where it is sent to several.
    """
    match event:
        case events.Hashing():
            return Figure("Preparing", event.progress, f"{event.progress:.0%}")
        case events.Download():
            return Figure(
                "Receiving",
                _received(event),
                event.downloaded,
                event.download_speed,
                event.time_remaining,
            )
        case events.ProgressUpdate():
            return Figure(
                f"Sending to {to}" if to else "Sending",
                _received(event),
                event.downloaded,
                event.download_speed,
                event.time_remaining,
                beside=bool(to),
            )
        case events.Upload(transfer=None):
            # Paired transfers show the receiver's own figures; an open swarm has only these.
            return Figure("Seeding", None, event.uploaded, event.upload_speed)
    return None


def waited_for(name: str, seconds: float) -> Figure:
    """Return how long a contact has been waited for as a figure."""
    return Figure(f"Waiting for {name}", None, countdown(seconds), calm=True)


def absence(partner: str, seconds: float) -> Figure:
    """Return how long somebody is away as a figure."""
    return Figure(f"{partner} is away", None, countdown(seconds), calm=True)


def paused(event: events.TransferPaused, seconds: float) -> Figure:
    """Return how long a transfer is paused as a figure."""
    who = paused_words(event.by, event.partner)
    return Figure(f"Paused by {who}", None, countdown(seconds), calm=True)


def standstill(message: str, seconds: float) -> Figure:
    """Return how long what is waited for is as a figure."""
    return Figure(message.rstrip("."), None, countdown(seconds), calm=True)


def lines(  # noqa: PLR0911, PLR0912 - one arm an event
    event: events.Event, sharing: Sharing | None = None
) -> list[Line]:
    """Return what to print for an event, first line first. sharing: of a code, if known."""
    match event:
        case events.Code():
            return _code(event, sharing)
        case events.Link():
            return _link(event)
        case events.Paired():
            return [Line(f"Paired with {event.partner}.")]
        case events.RelayAway():
            return [
                Line("The relay is away; it is looked for again, and what is under way goes on.")
            ]
        case events.RelayBack():
            return [Line("The relay is back.")]
        case events.PartnerAway():
            return [Line(f"{event.partner} is away; {CONTINUES}.")]
        case events.PartnerBack():
            return [Line(f"{event.partner} is back.")]
        case events.PartnerGone(reason="relay"):
            return []  # the error that follows reports it
        case events.PartnerGone():
            return [Line(_gone(event))]
        case events.Contact():
            return [Line(contact_line(event), result=True)]
        case events.CommandEnded() if event.failure:
            return [Line(f"The command for {event.transfer} failed: {event.failure}.")]
        case events.Message(outgoing=False):
            return [Line(f"{event.partner}: {event.text}")]
        case events.Text(outgoing=False):
            return _text(event)
        case events.Text():
            return [Line(f"{event.partner} was sent the text.")]
        case events.FileRequest():
            return _request(event)
        case events.AlreadyThere():
            return [Line(already_there_words(event))]
        case events.LeftOut():
            return _left_out(event)
        case events.FileAnswer() if not all(event.accepted):
            return [Line(f"{sum(event.accepted)} of {len(event.accepted)} files accepted.")]
        case events.TransferState():
            return _phase(event)
        case events.TransferPaused() | events.TransferResumed():
            return [Line(_pause(event))]
        case events.SendAgain(direction=Direction.SEND):
            return [Line(f"{event.partner} asks you to send it again.")]
        case events.TransferQueued():
            return [Line(_queued(event))]
        case events.FilesPaused():
            return [Line(_files_paused(event))]
        case events.Seeding(transfer=None):
            return _seeding(event)
        case events.Metadata(transfer=None):
            return [
                Line(f"{event.name}: {_count(len(event.files), event.total_bytes)}"),
                *_resumed(event),
            ]
        case events.Metadata():
            return _resumed(event)
        case events.PeerConnected(torrent=_):
            return [
                Line(f"Connected to {event.address} ({event.client}) over {event.road}."),
                *_why(event),
            ]
        case events.PeerRoads():
            return _why(event)
        case events.PeerSlowed():
            return [Line(event.message), Line(event.hint)]
        case events.PeerSlowOver():
            return [Line("No relay holds it back any more.")]
        case events.DownloadComplete():
            return _complete(event)
        case events.Limits() | events.Program():
            return [Line(_limits(event), result=isinstance(event, events.Program))]
        case events.Unfinished():
            return [Line(f"{event.transfer}  {unfinished_words(event)}", result=True)]
        case events.Forgotten():
            return [Line(forgotten_words(event))]
        case events.Leftover() | events.JournalTrouble():
            return [Line(event.message), Line(event.hint)]
        case events.StorageWaits():
            return [Line(event.message), Line(event.hint)]
        case events.Waiting():
            return [Line(event.message), Line(event.hint)]
        case events.StorageBack():
            return [Line("The disk can be written to again: it goes on.")]
        case events.TorrentDone():
            return [Line("The other side has everything, verified."), *_hash(event.sha256)]
        case events.Error():
            named = (
                _things(event.offenders, event.offender_count) if event.offender_count > 1 else []
            )
            # A declined request is no error for either side.
            mark = "" if event.code == "declined" else "Error: "
            return [Line(f"{mark}{event.message}"), *named, Line(event.hint)]
    return [Line(text) for text in contact_words(event)]


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
    if event.stream:
        return [f"{event.partner} wants to send {_named(event)}, of unknown length."]
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
    listed += _unusual(event)
    if shared := others_words(event.others):
        listed.append(shared)
    return [f"{event.partner} wants to send {amount}:", *listed]


def _unusual(event: events.FileRequest) -> list[str]:
    """Return lines about links, and about files that can be run."""
    lines = []
    if event.programs:
        run = "1 of them is a program" if event.programs == 1 else f"{event.programs} are programs"
        lines.append(f"  {run}: made to be run once here")
    symbolic = [link for link in event.links if not link.hard]
    if symbolic:
        named = ", ".join(f"{each.path} → {each.to}" for each in symbolic[:_NAMED_LINKS])
        more = ", …" if len(symbolic) > _NAMED_LINKS else ""
        links = "1 link" if len(symbolic) == 1 else f"{len(symbolic):,} links"
        lines.append(f"  and {links} to what is sent: {named}{more}")
    if further := len(event.links) - len(symbolic):
        names = "1 further name" if further == 1 else f"{further:,} further names"
        lines.append(f"  and {names} of these files, which come once")
    return lines


def forgotten_words(event: events.Forgotten) -> str:
    """Return what was forgotten, and what was deleted with it."""
    what = event.name or event.transfer
    gone = f" What arrived of it was in {event.path}." if event.path is not None else ""
    if event.expired:
        return f"Nobody went on with {what} for a month: it is forgotten.{gone}"
    return f"Forgot {what}.{gone}"


def unfinished_words(event: events.Unfinished) -> str:
    """Return what is unfinished, with whom, and whether it is under way."""
    way = "to" if event.direction is Direction.SEND else "from"
    process = f", in process {event.pid}" if event.pid is not None else ""
    running = f"; it is under way{process}" if event.running else ""
    if event.paused_by is not PausedBy.NOBODY:
        running += f"; paused by {paused_words(event.paused_by, event.partner)}"
    amount = _count(event.count, event.total_bytes)
    return f"{event.name} ({amount}) {way} {event.partner}{running}"


def _code(event: events.Code, sharing: Sharing | None) -> list[Line]:
    minutes = max(1, event.expires_seconds // 60)
    said = [
        Line(f"Code: {event.code}", result=True),
        Line(f"Tell it to the other person. It works once, within {minutes} minutes."),
    ]
    if sharing is None:
        return said
    said.append(Line(sharing.command(event.code), copied=sharing.copy))
    if link := sharing.link(event.code):
        said.append(Line(f"Or they open, in a browser: {link}"))
    return [*said, Line(f"It works {sharing.where()}.")]


def _link(event: events.Link) -> list[Line]:
    minutes = max(1, event.expires_seconds // 60)
    told = (
        f"It works once, within {minutes} minutes, for whoever opens it: send it to them alone."
        if event.people == 1
        else f"{event.people} people can open it, each within {minutes} minutes of the one before: "
        "send it to them alone."
    )
    return [Line(f"Link: {event.url}", result=True, picture=True), Line(told)]


def _limits(event: events.Limits | events.Program) -> str:
    who = f"{event.pid:>7}  {event.command:<8}  " if isinstance(event, events.Program) else ""
    return f"{who}{limits_words(event.upload, event.download)}."


def aside(event: events.Unfinished) -> list[Line]:
    """Return the lines of what is unfinished where that is not what was asked for."""
    if event.running:
        then = UnderWay.default_hint
    elif is_unanswered(event):
        then = f"filesend resume {event.transfer}, on a terminal, asks whether to take it."
    else:
        then = f"filesend resume {event.transfer} goes on with it."
    return [Line(f"Unfinished: {unfinished_words(event)}"), Line(then)]


def already_there_words(event: events.AlreadyThere) -> str:
    """Return which files are not received, as they are there."""
    files = "1 file is" if event.count == 1 else f"{event.count:,} files are"
    rest = "nothing is left to receive" if event.everything else "the rest is received"
    return f"{files} there already, with the same size and time: {rest}."


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
    if event.stream and event.direction is Direction.SEND:
        what = f"{_named(event)}, of unknown length"
        return [Line(f"Asked {event.partner} to take {what}; waiting for the answer.")]
    if event.direction is Direction.SEND:
        amount = _count(len(event.files), event.total_bytes)
        also = f" and {_empty(event.empty_folders)}" if event.empty_folders else ""
        also += f" ({event.excluded:,} left out, as you exclude them)" if event.excluded else ""
        return [Line(f"Asked {event.partner} to take {amount}{also}; waiting for the answer.")]
    return [Line(text, listing=True) for text in request_lines(event)]


def _phase(event: events.TransferState) -> list[Line]:
    why = f": {event.reason.rstrip('.')}" if event.reason else ""
    match event.phase:
        case TransferPhase.DECLINED if event.direction is Direction.SEND:
            return [Line(declined_text(event))]
        case TransferPhase.DECLINED:
            return [Line("You declined.")]
        case TransferPhase.CANCELLED:
            return [Line(cancelled_text(event))]
        case TransferPhase.FAILED:
            return [Line(f"The transfer failed{why}.")]
    return []


def _why(event: events.PeerConnected | events.PeerRoads) -> list[Line]:
    """Return why no better road is taken, where that is known and not what somebody asked for."""
    chosen = any(
        {"leftOutHere", "showsAddressHere", "proxyHere"} & {*each.clues} for each in event.tried
    )
    return [] if chosen or not event.hint else [Line(event.why), Line(event.hint)]


def _pause(event: events.TransferPaused | events.TransferResumed) -> str:
    if isinstance(event, events.TransferResumed):
        who = "You let" if event.by is PausedBy.YOU else f"{event.partner} lets"
        return f"{who} it go on."
    match event.by:
        case PausedBy.PARTNER:
            return f"{event.partner} paused it; it goes on when they let it."
        case PausedBy.YOU:
            return "You paused it; it goes on when you let it."
    return f"You and {event.partner} have paused it; it goes on when both of you let it."


def _queued(event: events.TransferQueued) -> str:
    if not event.waits:
        return "Its turn has come: it goes on."
    if event.direction is Direction.RECEIVE:
        return f"It waits for others that {event.partner} sends first."
    return f"It waits for {queued_words(event.before)}."


def _files_paused(event: events.FilesPaused) -> str:
    who, verb = (
        ("You", "leave") if event.direction is Direction.RECEIVE else (event.partner, "leaves")
    )
    count = len(event.files)
    if not count:
        return f"{who} {verb} out nothing any more."
    return (
        f"{who} {verb} out {count} {'file' if count == 1 else 'files'} for now; the rest goes on."
    )


def declined_text(event: events.TransferState) -> str:
    """Return that the other person declined, and why."""
    why = f": {event.reason.rstrip('.')}" if event.reason else ""
    return f"{event.partner or 'The other person'} declined{why}."


def cancelled_text(event: events.TransferState) -> str:
    """Return who cancelled a transfer, and why."""
    who = who_words(event.by, event.partner, you="You")
    why = f": {event.reason.rstrip('.')}" if event.reason else ""
    return f"{f'{who} cancelled it' if who else 'The transfer was cancelled'}{why}."


def _gone(event: events.PartnerGone) -> str:
    match event.reason:
        case "left":
            return f"{event.partner} left."
        case "broken":
            return f"What came from {event.partner} could not be trusted: disconnected."
    return f"The connection to {event.partner} was lost."


def _resumed(event: events.Metadata) -> list[Line]:
    text = resumed_text(event)
    return [Line(f"It {text}.")] if text else []


def _text(event: events.Text) -> list[Line]:
    """Return a text line by line, as it is; its lines are a result."""
    whole = event.text.removesuffix("\n").split("\n")
    return [Line(f"{event.partner} sent a text:"), *(Line(each, result=True) for each in whole)]


def _named(event: events.FileRequest) -> str:
    return f"a stream named {event.files[0].path}"


def _hash(sha256: str) -> list[Line]:
    """Return the hash of a stream that both sides have compared."""
    return [Line(f"SHA-256 {sha256}")] if sha256 else []


def _complete(event: events.DownloadComplete) -> list[Line]:
    if not event.url:
        how = _took(event, event.bytes)
        return [Line(f"Received {size_text(event.bytes)}{how}."), *_hash(event.sha256)]
    path = Line(str(path_of(event.url)), result=True)
    fetched = event.bytes - event.resumed_bytes
    if event.resumed_bytes and not fetched:
        return [Line(f"All {size_text(event.bytes)} were here already, and are verified."), path]
    earlier = f" beside the {size_text(event.resumed_bytes)} of before" * bool(event.resumed_bytes)
    took = _took(event, fetched)
    return [
        Line(f"Received {size_text(fetched)}{earlier}{took}."),
        *_hash(event.sha256),
        *_no_links(event),
        path,
    ]


def _took(event: events.DownloadComplete, fetched: int) -> str:
    rate = f", {rate_text(fetched / event.seconds)}" if event.seconds > 0 else ""
    over = f" over {event.road}" if event.road else ""
    return f" in {event.seconds:.1f} s{over}{rate}"


def _no_links(event: events.DownloadComplete) -> list[Line]:
    count = event.links_not_made
    if not count:
        return []
    links = "1 link is" if count == 1 else f"{count:,} links are"
    return [Line(f"{links} left out: this system, or the folder's file system, makes none.")]


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
