"""The table of transfers: two lines each, newest first; only changed rows are drawn.

In a narrow table room goes to the name, then the size; to the state, then the progress. The road is
shown only with the details of the chosen one.

Figures are left of the bar, since Textual paints a line from its left edge to the last change, and
those of rows that are not chosen change once a second: a screen full of rows must cost little, and
nobody reads thirty rates at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace
from rich.cells import cell_len

from filesend_tui.core.events import TransferPhase
from filesend_tui.core.util.figures import rate_text, size_text
from filesend_tui.state.figures import countdown, paused_words, percent, queued_words, who_words
from filesend_tui.state.views import ShareRow, TransferRow
from filesend_tui.widgets.ink import Part, bar, fit, inks, row
from filesend_tui.widgets.line_list import LineList

#: Cells of a row that are not its bar.
_BESIDE_BAR: Final = 54
#: Cells of a rate and the time left.
_FIGURES: Final = 25
#: Cells from which figures are aligned in columns, and the fewest cells of a name.
_COLUMNS: Final = 60
_NAME: Final = 16
_SHORTEST_BAR: Final = 6
_LONGEST_BAR: Final = 60
#: What a share waits for whose preparation stands still.
SHARE_WAITS: Final = "the disk or the relay does not answer"
#: Seconds between two changes of the figures of a row that is not chosen.
CALM: Final = 1.0

#: Symbol, word when sending, word when receiving, ink.
_STATES: Final = {
    TransferPhase.ASKED: ("?", "asking", "asks you", "warn"),
    TransferPhase.APPROVED: ("…", "they said yes", "you said yes", "plain"),
    TransferPhase.DECLINED: ("✗", "declined", "you said no", "warn"),
    TransferPhase.HASHING: ("…", "preparing", "they prepare", "plain"),
    TransferPhase.READY: ("…", "ready", "connecting", "plain"),
    TransferPhase.TRANSFERRING: ("", "sending", "receiving", "plain"),
    TransferPhase.DONE: ("✓", "done", "done", "good"),
    TransferPhase.FAILED: ("✗", "failed", "failed", "bad"),
    TransferPhase.CANCELLED: ("✗", "cancelled", "cancelled", "warn"),
}


def state_words(transfer: TransferRow | ShareRow) -> str:
    """Return the state in words, such as `✓ done` or `! standing still`."""
    if isinstance(transfer, ShareRow):
        preparing = "! standing still" if transfer.waited else "… preparing"
        return preparing if transfer.preparing else "shared openly"
    if transfer.halted:
        return "‖ paused" if transfer.paused else "‖ waits"
    if transfer.away and not transfer.ended:
        return "… waiting"
    if transfer.stalled and transfer.paused_files:
        return "‖ files paused"
    still = transfer.stalled or transfer.waits
    if transfer.phase is TransferPhase.TRANSFERRING and (transfer.slowed or still):
        return "! held back" if transfer.slowed else "! standing still"
    symbol, sending, receiving, _ = _STATES[transfer.phase]
    return f"{symbol} {sending if transfer.sending else receiving}".strip()


class TransferList(LineList[TransferRow | ShareRow]):
    """Rows are transfers and shares; the cursor stays on its row when others are added."""

    COMPONENT_CLASSES = inks("bad", "bar", "good", "rest", "strong", "warn")
    ROW_HEIGHT = 2

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._calm_since = float("-inf")

    def show(
        self,
        rows: Sequence[TransferRow | ShareRow],
        *,
        cursor: int | None = None,
        now: float | None = None,
    ) -> None:
        """Show these, newest first. now: seconds on any clock; None to update all figures."""
        held = self.chosen
        if cursor is None and held is not None:
            cursor = next((i for i, each in enumerate(rows) if each.id == held.id), None)
        chosen = self.cursor if cursor is None else cursor
        if now is None or now - self._calm_since >= CALM:
            self._calm_since = now if now is not None else self._calm_since
        elif len(rows) == len(self.rows):
            rows = [
                after if index == chosen or not _only_figures_differ(before, after) else before
                for index, (before, after) in enumerate(zip(self.rows, rows, strict=True))
            ]
        super().show(rows, cursor=cursor)

    def draw_row(self, row_: TransferRow | ShareRow, width: int) -> Sequence[Sequence[Part]]:
        """Draw name, size and partner above; state, progress, rate and time below."""
        if isinstance(row_, ShareRow):
            return self._share(row_, width)
        return [self._upper(row_, width), self._lower(row_, width)]

    def _share(self, share: ShareRow, width: int) -> Sequence[Sequence[Part]]:
        quiet, plain, base = self.ink("quiet"), self.ink("plain"), self.rich_style
        size = (f"  {size_text(share.total_bytes)} ", quiet)
        for_whom = (" for anyone with the link ", plain)
        upper = self._named(" ◇ ", share.name or "Open share", [[size, for_whom], [size]], width)
        state = (self._state(state_words(share), width), self.ink("warn"))
        if share.waited:
            told = fit(f"{share.waited} · {SHARE_WAITS}", max(0, width - _cells([state]) - 1))
            return [upper, row([state, (told, quiet)], [], width, base)]
        if share.preparing:
            meter = bar(share.progress, _bar_cells(width), self.ink("bar"), quiet)
            far = (f"{percent(share.progress)}  ", plain)
            return [upper, row([state, far, *meter], [], width, base)]
        left = [state, (f"{share.taken} took it", plain)]
        here = [[(f" · {share.connected} {words}", quiet)] for words in ("here now", "here")]
        left += _fullest(here, width - _cells(left))
        rate = (f"  {share.speed:<10}" if share.bytes_per_second else "", plain)
        sent = (f"  {share.uploaded or '0 Bytes'} sent ", quiet)
        right = _fullest([[rate, sent], [sent]], width - _cells(left))
        return [upper, row(left, right, width, base)]

    def _upper(self, transfer: TransferRow, width: int) -> list[Part]:
        quiet = self.ink("quiet")
        arrow, toward = ("↑", "to") if transfer.sending else ("↓", "from")
        size = _size(transfer)
        count = f"{transfer.wanted_count} files · " if transfer.wanted_count != 1 else ""
        who = (f"{toward} {fit(transfer.partner, 18)} ", self.ink("plain"))
        about = [
            [(f"  {count}{size}  ", quiet), who],
            [(f"  {size}  ", quiet), who],
            [(f"  {size} ", quiet)],
        ]
        return self._named(f" {arrow} ", transfer.name, about, width)

    def _named(
        self, mark: str, name: str, about: Sequence[Sequence[Part]], width: int
    ) -> list[Part]:
        """Return a line with a name and the first of `about` that leaves room for the name."""
        left = [(mark, self.ink("bar")), (name, self.ink("strong"))]
        room = width - cell_len(mark) - min(cell_len(name), _NAME) - 1
        return row(left, _fullest(about, room), width, self.rich_style)

    @staticmethod
    def _state(words: str, width: int) -> str:
        return f"   {words:<16} " if width >= _COLUMNS else f"   {words} "

    def _lower(self, transfer: TransferRow, width: int) -> list[Part]:
        quiet, plain, base = self.ink("quiet"), self.ink("plain"), self.rich_style
        halted = transfer.halted
        waits = bool(_waits_for(transfer)) and not halted
        still = transfer.stalled or halted or waits or bool(transfer.slowed)
        ink = "warn" if still else _STATES[transfer.phase][3]
        state = (self._state(state_words(transfer), width), self.ink(ink))
        if waits or transfer.phase not in {TransferPhase.TRANSFERRING, TransferPhase.HASHING}:
            told = self._told(transfer)
            if waits and transfer.phase is TransferPhase.TRANSFERRING and width >= _COLUMNS:
                told = f"{_far(transfer).strip()} · {told}"
            told = fit(told, max(0, width - cell_len(state[0]) - 1))
            return row([state, (told, quiet)], [], width, base)
        if halted:
            return self._paused(transfer, state, width)
        moving = transfer.phase is TransferPhase.TRANSFERRING and not transfer.stalled
        rate = transfer.speed if moving else ""
        left = transfer.time_remaining
        left_words = f"{countdown(left)} left" if left is not None else ""
        far = f"{_far(transfer)}  "
        if width < _COLUMNS:
            figures = [state, (far.strip(), plain), (f" {rate}" if rate else "", plain)]
            choices = [[(f" {words}", quiet)] for words in (left_words, left_words[:-5])]
            return row([*figures, *_fullest(choices, width - _cells(figures))], [], width, base)
        return row(
            [
                state,
                (far, quiet if transfer.stalled else plain),
                (f"{rate:<10}", plain),
                (f"{left_words:>13}  ", quiet),
                *self._bar(transfer, width),
            ],
            [],
            width,
            base,
        )

    def _paused(self, transfer: TransferRow, state: Part, width: int) -> list[Part]:
        """Draw the lower line of a transfer that is paused in mid-way: who did it, for a rate."""
        far = (f"{_far(transfer)}  ", self.ink("plain"))
        told, cells = _why_halted(transfer), 0 if width < _COLUMNS else _FIGURES
        room = cells or max(0, width - cell_len(state[0]) - cell_len(far[0]) - 1)
        who = (f"{fit(told, room):<{cells}}", self.ink("quiet"))
        meter = self._bar(transfer, width)
        return row([state, far, who, *(meter if cells else ())], [], width, self.rich_style)

    def _bar(self, transfer: TransferRow, width: int) -> Sequence[Part]:
        if transfer.stream:
            return ()
        return bar(transfer.progress, _bar_cells(width), self.ink("bar"), self.ink("rest"))

    def _told(self, transfer: TransferRow) -> str:
        if transfer.halted:
            return _why_halted(transfer)
        if told := _waits_for(transfer) or _wanted(transfer):
            return told
        match transfer.phase:
            case TransferPhase.DONE if transfer.seconds is not None:
                rate = rate_text(transfer.fetched_bytes / max(transfer.seconds, 0.001))
                return f"in {countdown(transfer.seconds)} at {rate}"
            case TransferPhase.ASKED if transfer.sending:
                return f"waiting for {transfer.partner} to say yes"
            case TransferPhase.DECLINED if transfer.sending:
                return f"{transfer.partner} said no"
            case _:
                who = who_words(transfer.ended_by, transfer.partner)
                by = f"by {who}" if who and transfer.phase is TransferPhase.CANCELLED else ""
                return ": ".join(part for part in (by, transfer.reason) if part)


def _far(transfer: TransferRow) -> str:
    """Return how far it is; of a stream, which nobody knows, how much has moved."""
    return size_text(transfer.wanted_bytes) if transfer.stream else percent(transfer.progress)


def _size(transfer: TransferRow) -> str:
    going = transfer.stream and transfer.phase is not TransferPhase.DONE
    return "a stream" if going else size_text(transfer.wanted_bytes)


def _why_halted(transfer: TransferRow) -> str:
    if not transfer.paused:
        return f"for {queued_words(transfer.queued) if transfer.sending else 'its turn'}"
    return f"by {paused_words(transfer.paused_by, fit(transfer.partner, 12))}"


def _waits_for(transfer: TransferRow) -> str:
    """Return what it waits for; empty where it does not."""
    if transfer.away and not transfer.ended:
        return f"{transfer.partner} is away"
    return f"{transfer.waited} · {transfer.waits.rstrip('.')}" if transfer.waits else ""


def _wanted(transfer: TransferRow) -> str:
    """Return who wants it to be sent again; empty where nobody does."""
    who = f"{transfer.partner} asks" if transfer.sending else "you asked"
    return f"{who} for it again" if transfer.wanted_again else ""


def _bar_cells(width: int) -> int:
    """Return a bar's length in cells; 0 where it would be shorter than the minimum."""
    room = width - _BESIDE_BAR
    return min(room, _LONGEST_BAR) if room >= _SHORTEST_BAR else 0


def _only_figures_differ(before: TransferRow | ShareRow, after: TransferRow | ShareRow) -> bool:
    """Return whether two rows differ only in progress, rate and time."""
    if not isinstance(before, TransferRow) or not isinstance(after, TransferRow):
        return False
    return after == replace(
        before,
        progress=after.progress,
        speed=after.speed,
        bytes_per_second=after.bytes_per_second,
        time_remaining=after.time_remaining,
    )


def _cells(parts: Iterable[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)


def _fullest(choices: Iterable[Sequence[Part]], room: int) -> Sequence[Part]:
    """Return the first of `choices` that fits in `room` cells; empty where none does."""
    return next((parts for parts in choices if _cells(parts) <= room), ())
