"""The table of transfers: two lines each, newest first; draws only the rows that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from filesend_tui.core.events import TransferPhase
from filesend_tui.core.figures import rate_text, size_text
from filesend_tui.views import ShareRow, TransferRow
from filesend_tui.widgets.figures import countdown, percent
from filesend_tui.widgets.ink import Part, bar, fit, row
from filesend_tui.widgets.line_list import LineList

_BAR: Final = 22

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
        return "… preparing" if transfer.preparing else "shared openly"
    if transfer.stalled and transfer.phase is TransferPhase.TRANSFERRING:
        return "! standing still"
    symbol, sending, receiving, _ = _STATES[transfer.phase]
    return f"{symbol} {sending if transfer.sending else receiving}".strip()


class TransferList(LineList[TransferRow | ShareRow]):
    """Rows are transfers and shares; the cursor stays with its own when others come."""

    ROW_HEIGHT = 2

    def show(self, rows: Sequence[TransferRow | ShareRow], *, cursor: int | None = None) -> None:
        """Show these, newest first."""
        held = self.chosen
        if cursor is None and held is not None and not held.ended:
            cursor = next((i for i, each in enumerate(rows) if each.id == held.id), 0)
        super().show(rows, cursor=cursor)

    def draw_row(self, row_: TransferRow | ShareRow, width: int) -> Sequence[Sequence[Part]]:
        """Draw name, who and how much above; progress, rate, time, road and state below."""
        if isinstance(row_, ShareRow):
            return self._share(row_, width)
        return [self._upper(row_, width), self._lower(row_, width)]

    def _share(self, share: ShareRow, width: int) -> Sequence[Sequence[Part]]:
        quiet, plain, base = self.ink("quiet"), self.ink("plain"), self.rich_style
        about = (f"  {size_text(share.total_bytes)}  ", quiet)
        upper = row(
            [(" ◇ ", self.ink("bar")), (share.name or "Open share", self.ink("strong"))],
            [about, ("for anyone with the link ", plain)],
            width,
            base,
        )
        state = (f"   {state_words(share):<16} ", self.ink("warn"))
        if share.preparing:
            meter = bar(share.progress, max(6, min(width - 58, 60)), self.ink("bar"), quiet)
            return [
                upper,
                row([state, *meter, (f" {percent(share.progress)}", plain)], [], width, base),
            ]
        rate = f"{share.speed:<10}" if share.bytes_per_second else ""
        return [
            upper,
            row(
                [
                    state,
                    (f"{share.taken} took it", plain),
                    (f" · {share.connected} here now", quiet),
                ],
                [(f"{rate}  ", plain), (f"{share.uploaded or '0 Bytes'} sent ", quiet)],
                width,
                base,
            ),
        ]

    def _upper(self, transfer: TransferRow, width: int) -> list[Part]:
        quiet = self.ink("quiet")
        arrow, toward = ("↑", "to") if transfer.sending else ("↓", "from")
        files = f"{transfer.wanted_count} files · " if transfer.wanted_count != 1 else ""
        about = f"{files}{size_text(transfer.wanted_bytes)}  "
        who = f"{toward} {fit(transfer.partner, 18)} "
        return row(
            [(f" {arrow} ", self.ink("bar")), (transfer.name, self.ink("strong"))],
            [("  " + about, quiet), (who, self.ink("plain"))],
            width,
            self.rich_style,
        )

    def _lower(self, transfer: TransferRow, width: int) -> list[Part]:
        quiet, plain = self.ink("quiet"), self.ink("plain")
        ink = "warn" if transfer.stalled else _STATES[transfer.phase][3]
        state = (f"   {fit(state_words(transfer), 16):<16} ", self.ink(ink))
        road = (f"{transfer.road or ''} ", quiet)
        if transfer.phase in {TransferPhase.TRANSFERRING, TransferPhase.HASHING}:
            left = transfer.time_remaining
            moving = transfer.phase is TransferPhase.TRANSFERRING
            room = max(6, min(width - 58, 60))
            return row(
                [
                    state,
                    *bar(transfer.progress, room, self.ink("bar"), self.ink("rest")),
                    (f" {percent(transfer.progress)}", plain),
                    (f"  {_rate(transfer) if moving else ''}", plain),
                ],
                [(f"{countdown(left)} left  " if left is not None else "", quiet), road],
                width,
                self.rich_style,
            )
        return row([state, (self._told(transfer), quiet)], [road], width, self.rich_style)

    def _told(self, transfer: TransferRow) -> str:
        match transfer.phase:
            case TransferPhase.DONE if transfer.seconds is not None:
                rate = rate_text(transfer.wanted_bytes / max(transfer.seconds, 0.001))
                return f"in {countdown(transfer.seconds)} at {rate}"
            case TransferPhase.ASKED if transfer.sending:
                return f"waiting for {transfer.partner} to say yes"
            case TransferPhase.DECLINED if transfer.sending:
                return f"{transfer.partner} said no"
            case _:
                return transfer.reason


def _rate(transfer: TransferRow) -> str:
    return f"{'' if transfer.stalled else transfer.speed:<10}"
