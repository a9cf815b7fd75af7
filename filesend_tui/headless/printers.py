"""Printers of events: JSON lines for scripts, sentences and a progress bar for people.

Results (a code, a magnet, a path) and JSON go to stdout; everything else goes to stderr. A printer
blocks while its stream is blocked, so it is called from a worker thread. No decision lives here.
"""

from __future__ import annotations

import base64
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, TextIO

import msgspec

from filesend_tui.core import events
from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.events import Direction
from filesend_tui.core.util.text import visible
from filesend_tui.headless.narration import (
    Figure,
    Line,
    Sharing,
    absence,
    aside,
    figure,
    lines,
    paused,
    standstill,
    waited_for,
)

#: Terminals that would show what is meant for the clipboard, or have none.
_WITHOUT_CLIPBOARD: Final = frozenset({"", "dumb", "linux"})
#: Seconds after which a figure is outdated; a partner reports four times a second.
STALL: Final = 3.0

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Printer(Protocol):
    """A writer of events."""

    def show(self, event: events.Event) -> None:
        """Write the event; may block; raises OSError."""

    def look(self) -> None:
        """Remove outdated figures; called about once a second. As `show`."""

    def parting(self) -> None:
        """Note that the person ends the run: sessions that end by it need no line."""

    def close(self) -> None:
        """Remove the progress bar."""


class SharedCode(events.Code, frozen=True, kw_only=True, tag="code"):
    """A code as a JSON line.

    command: what the other person types. where: where it works. link: for a browser; may be empty.
    """

    command: str
    where: str
    link: str


class JsonPrinter:
    """A printer of JSON: one object a line, flushed, UTF-8 on every system.

    Args:
        out: Where to.
        sharing: What a code's line says besides; None: nothing.
    """

    def __init__(self, out: BinaryIO, sharing: Sharing | None = None) -> None:
        self._out = out
        self._sharing = sharing

    def show(self, event: events.Event) -> None:
        """Write the event; SwarmState, whose bitfields are for screens, is left out.

        Of a request of many files the first ones are listed.
        """
        if isinstance(event, events.FileRequest) and len(event.files) > events.MOST_LISTED:
            event = msgspec.structs.replace(event, files=event.files[: events.MOST_LISTED])
        if isinstance(event, events.Code) and self._sharing is not None:
            event = SharedCode(
                session=event.session,
                code=event.code,
                expires_seconds=event.expires_seconds,
                command=self._sharing.command(event.code),
                where=self._sharing.where(),
                link=self._sharing.link(event.code),
            )
        if not isinstance(event, events.SwarmState):
            self._out.write(events.encode(event).encode() + b"\n")
            self._out.flush()

    def look(self) -> None:
        """Do nothing: a script has its own clock."""

    def parting(self) -> None:
        """Do nothing: a script gets every event."""

    def close(self) -> None:
        """Do nothing."""


class Progressing(Protocol):
    """A display of changing figures."""

    def update(self, figure: Figure) -> None:
        """Show the newest figure."""

    def clear(self) -> None:
        """Clear the display before a line is printed."""


class TextPrinter:
    """A printer of sentences, and of figures as suits standard error.

    Args:
        out: The stream of results.
        err: The stream of everything else.
        progress: The display of figures.
        asked: Whether a person is asked about each request; the question lists the files then.
        lists: Whether what is unfinished is a result.
        sharing: What is said of a code besides; None: nothing.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        progress: Progressing,
        *,
        asked: bool = False,
        lists: bool = False,
        sharing: Sharing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out
        self._err = err
        self._progress = progress
        self._asked = asked
        self._lists = lists
        self._sharing = sharing
        self._parting = False
        self._told = ""
        self._hung_up = False
        self._why = ""
        self._clock = clock
        self._figure: Figure | None = None
        self._figured = 0.0
        self._away: tuple[str, float] | None = None
        #: Whom this waits for, by contact, and since when.
        self._calling: dict[str, tuple[str, float]] = {}
        #: The transfers that are paused, and since when.
        self._paused: dict[str, tuple[events.TransferPaused, float]] = {}
        #: What is waited for and since when, by transfer.
        self._waits: dict[str, tuple[events.Waiting, float]] = {}
        #: Whom something is sent to, by transfer, where several are asked for the same.
        self._receivers: dict[str, str] = {}

    def show(self, event: events.Event) -> None:
        """Write the event's lines, and show its figure; write nothing twice in a row."""
        if self._parting and isinstance(event, events.PartnerGone):
            return
        self._remember(event)
        for line in self._new(event):
            if line.listing and self._asked:
                continue
            self._clear()
            out = self._out if line.result else self._err
            # A path for a script is exact; text for a terminal has no control characters.
            text = (
                line.text if line.result and not out.isatty() else visible(line.text.expandtabs())
            )
            print(text, file=out, flush=True)
            if self._out.isatty():
                self._give_along(line)
        if isinstance(event, events.Waiting):
            self._waits[event.transfer] = event, self._clock() - event.seconds
        transfer = getattr(event, "transfer", None) or ""
        shown = figure(event, self._receivers.get(transfer, ""))
        if shown is not None and transfer not in self._waits:
            self._figure, self._figured = shown, self._clock()
            self._progress.update(shown)

    def _remember(self, event: events.Event) -> None:
        """Note who is away, what is paused, what is waited for, and who receives what."""
        match event:
            case events.Calling(name=name):
                self._calling[event.contact] = name, self._clock()
            case events.Paired():
                self._calling.pop(event.contact, None)
            case events.Error(session=None, transfer=None):
                # Of whoever was waited for, if it is about one of them.
                self._calling = {
                    contact: (name, since)
                    for contact, (name, since) in self._calling.items()
                    if len(self._calling) > 1 and name not in event.message
                }
            case events.PartnerAway(partner=partner):
                self._away = partner, self._clock()
            case events.PartnerBack() | events.PartnerGone():
                self._away = None
            case events.TransferPaused():
                self._paused[event.transfer] = event, self._clock()
            case events.TransferResumed():
                self._paused.pop(event.transfer, None)
            case events.FileRequest(direction=Direction.SEND) if event.others:
                self._receivers[event.transfer] = event.partner
            case events.TransferState() if event.phase.ended:
                self._paused.pop(event.transfer, None)
                self._waits.pop(event.transfer, None)
            case events.WaitOver():
                self._waits.pop(event.transfer, None)

    def look(self) -> None:
        """Show how long somebody is waited for; a figure that is older than STALL as stalled.

        Where a transfer is paused, or something is waited for, that is why.
        """
        shown = self._figure
        late = shown is None or self._clock() - self._figured >= STALL
        waits = self._standing(late=late)
        if waits is not None:
            self._progress.update(waits)
        elif shown is not None and shown.fraction not in {None, 1.0} and late:
            self._figure = None
            self._progress.update(shown._replace(rate="", remaining=None, stalled=True))

    def _standing(self, *, late: bool) -> Figure | None:
        """Return what is waited for, and how long. late: no newer figure came for a while."""
        now = self._clock()
        if self._calling and late:
            names = ", ".join(name for name, _ in self._calling.values())
            return waited_for(names, now - min(since for _, since in self._calling.values()))
        if self._away is not None:
            partner, since = self._away
            return absence(partner, now - since)
        for waiting, since in self._waits.values():
            return standstill(waiting.message, now - since)
        for event, since in self._paused.values() if late else ():
            return paused(event, now - since)
        return None

    def _clear(self) -> None:
        """Clear the figure before a line; the next figure shows it again."""
        self._progress.clear()
        self._figure = None

    def parting(self) -> None:
        """See Printer."""
        self._parting = True

    def _new(self, event: events.Event) -> list[Line]:
        """Return the lines of an event that the last end or error did not report already.

        A transfer's end and the error that ends the run are two events of one failure, and so are
        why the relay was left and that it is away.
        """
        said = lines(event, self._sharing)
        match event:
            case events.RelayAway() if self._hung_up:
                return []
            case events.RelayBack():
                self._hung_up = False
            case events.PeerConnected() | events.PeerRoads():
                said, self._why = self._without_why(event, said), event.why
            case events.Unfinished() if not self._lists:
                return aside(event)
            case events.Waiting(transfer=transfer, what=what) if transfer in self._waits:
                return [] if self._waits[transfer][0].what == what else said
            case events.Error():
                self._hung_up = event.code == RelayUnreachable.code
                known = self._told == event.message.rstrip(".")
                self._told = event.message.rstrip(".")
                return said[1:] if known else said
            case events.TorrentDone(transfer=transfer) if transfer in self._receivers:
                said[0] = Line(f"{self._receivers[transfer]} has everything, verified.")
            case events.TransferState() if said:
                why, what = event.reason.rstrip("."), said[0].text.rstrip(".")
                known = self._told == what or (bool(why) and self._told == why)
                self._told = what if not known else self._told
                return [] if known else said
        return said

    def _without_why(
        self, event: events.PeerConnected | events.PeerRoads, said: list[Line]
    ) -> list[Line]:
        """Return the lines without the reason for a road that was told before."""
        told = {event.why, event.hint} if event.why == self._why else set()
        return [line for line in said if line.text not in told]

    def close(self) -> None:
        """Remove the progress bar."""
        self._clear()

    def _give_along(self, line: Line) -> None:
        """Draw a line's text, or copy it, where that was meant; only on a terminal."""
        if line.picture:
            self._draw(line.text)
        if line.copied:
            self._copy(line.text)

    def _copy(self, text: str) -> None:
        """Copy a text to the terminal's clipboard, also over SSH (OSC 52)."""
        if os.environ.get("TERM", "") not in _WITHOUT_CLIPBOARD:
            self._out.write(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a")
            self._out.flush()

    def _draw(self, text: str) -> None:
        """Draw a text as a QR code where it fits in the terminal whole."""
        from rich.console import Console
        from rich.text import Text

        from filesend_tui.state.qr import half_blocks

        # Black on white on every terminal, whatever NO_COLOR says, as cameras need it.
        console = Console(file=self._out, no_color=False)
        picture = half_blocks(text)
        if (
            picture
            and console.color_system is not None
            and len(picture[0]) <= console.width
            and len(picture) < console.height
        ):
            for line in picture:
                console.print(Text(line, style="#000000 on #ffffff"), soft_wrap=True)


class ProgressLines:
    """Figures as plain lines: the first, then each 10% or 5 seconds, and the last.

    Of those that change by themselves, a line each minute.
    """

    STEPS = 10
    SECONDS = 5.0
    CALM_SECONDS = 60.0

    def __init__(self, err: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._err = err
        self._clock = clock
        #: The last step and when, by label; of one figure, or of several beside each other.
        self._last: dict[str, tuple[int, float]] = {}

    def update(self, figure: Figure) -> None:
        """Print the figure where it is due."""
        now, step = self._clock(), int((figure.fraction or 0.0) * self.STEPS)
        pause = self.CALM_SECONDS if figure.calm else self.SECONDS
        last_step, at = self._last.get(figure.label, (-1, 0.0))
        if step > last_step or now - at >= pause or figure.stalled:
            if not figure.beside:
                self._last.clear()
            self._last[figure.label] = step, now
            print(_sentence(figure), file=self._err, flush=True)

    def clear(self) -> None:
        """Do nothing: printed lines stay."""


class ProgressBar:
    """Figures as a bar at the foot of a terminal, redrawn for each newer figure."""

    def __init__(self, err: TextIO) -> None:
        self._err = err
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def update(self, figure: Figure) -> None:
        """Draw the figure."""
        bar = self._bar or self._start()
        if figure.label not in self._tasks:
            if not figure.beside:
                for task in self._tasks.values():
                    bar.remove_task(task)
                self._tasks.clear()
            self._tasks[figure.label] = bar.add_task(figure.label, total=None, details="")
        details = _details(figure)
        total = None if figure.fraction is None else 1.0
        task = self._tasks[figure.label]
        bar.update(task, total=total, completed=figure.fraction or 0.0, details=details)
        bar.refresh()

    def clear(self) -> None:
        """Remove the bar; the next figure shows it again."""
        if self._bar:
            self._bar.stop()
            self._bar = None
            self._tasks = {}

    def _start(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[details]}", markup=False),
            console=Console(file=self._err),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
        )
        self._bar.start()
        return self._bar


def _details(figure: Figure) -> str:
    percent = "" if figure.fraction is None else f"{figure.fraction:4.0%}"
    rate = "nothing moves" if figure.stalled else figure.rate
    left = "" if figure.remaining is None else f"{_time_left(figure.remaining)} left"
    done = "" if figure.done == percent.strip() else figure.done
    return "  ".join(part for part in (percent, done, rate, left) if part)


def _sentence(figure: Figure) -> str:
    return f"{figure.label}: {_details(figure).strip()}"


def _time_left(seconds: float) -> str:
    import humanize

    return humanize.naturaldelta(seconds)


def plain_printer(*, json: bool) -> Printer:
    """Return the printer of a command that ends at once, and has nothing to be asked about."""
    if json:
        return JsonPrinter(sys.stdout.buffer)
    return TextPrinter(sys.stdout, sys.stderr, ProgressLines(sys.stderr))
