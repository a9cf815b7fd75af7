"""The files of one transfer, each with its progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filesend_tui.core.events import TransferPhase
from filesend_tui.core.util.figures import size_text
from filesend_tui.state.figures import percent
from filesend_tui.state.views import TransferDetail, TransferRow
from filesend_tui.widgets.ink import Part, bar, inks, row
from filesend_tui.widgets.line_list import LineList


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file, named below the transfer's folder. progress 0 to 1, None: unknown.

    paused: it is left out for now.
    """

    name: str
    size: int
    wanted: bool
    progress: float | None
    paused: bool = False

    @property
    def pausable(self) -> bool:
        """Whether it could be left out for now."""
        return self.wanted and (self.progress is None or self.progress < 1)


def file_rows(transfer: TransferRow, detail: TransferDetail) -> tuple[FileRow, ...]:
    """Return a row for each file of a transfer."""
    count = len(transfer.files)
    top = transfer.name if transfer.name.endswith("/") else ""
    accepted = transfer.accepted or (True,) * count
    figures: Sequence[float | None] = (None,) * count
    if transfer.phase is TransferPhase.DONE:
        figures = (1.0,) * count
    elif transfer.ended:
        pass  # what was received is not kept
    elif count == 1 and transfer.phase is TransferPhase.TRANSFERRING:
        figures = (transfer.progress,)
    elif len(detail.file_progress) == count and not transfer.sending:
        # The sender has every piece; the receiver's progress per file is not reported to it.
        figures = detail.file_progress
    paused = frozenset(transfer.paused_files)
    return tuple(
        FileRow(
            entry.path.removeprefix(top),
            entry.size,
            yes,
            figure if yes else None,
            paused=index in paused,
        )
        for index, (entry, yes, figure) in enumerate(
            zip(transfer.files, accepted, figures, strict=True)
        )
    )


class FileProgressList(LineList[FileRow]):
    """Rows are files with their progress."""

    COMPONENT_CLASSES = inks("bar", "good", "rest", "warn")

    def draw_row(self, row_: FileRow, width: int) -> Sequence[Sequence[Part]]:
        """Draw `✓ path … ━━━── 42%`."""
        quiet = self.ink("quiet")
        size = f" {size_text(row_.size):>8}"
        done = row_.progress is not None and row_.progress >= 1
        if not row_.wanted:
            mark, right = ("✗ ", quiet), [(f"{size}  declined ", quiet)]
        elif done:
            mark, right = ("✓ ", self.ink("good")), [(f"{size}      done ", quiet)]
        elif row_.paused:
            mark, right = ("‖ ", self.ink("warn")), [(f"{size}    paused ", quiet)]
        elif row_.progress:
            meter = bar(row_.progress, 5, self.ink("bar"), self.ink("rest"))
            mark = ("· ", quiet)
            right = [
                (f"{size} ", quiet),
                *meter,
                (percent(row_.progress), quiet),
                (" ", quiet),
            ]
        else:
            mark, right = ("· ", quiet), [(f"{size}           ", quiet)]
        name = (row_.name, self.ink("plain" if row_.wanted else "quiet"))
        return [row([(" ", self.rich_style), mark, name], right, width, self.rich_style)]
