"""Transfers: the table of transfers and open shares, and the details of the chosen one.

A pane, which a screen may show beside others. The table gets room first. Pieces and peers are shown
on request.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.style import Style

from filesend_tui.core.events import TransferPhase
from filesend_tui.keys import shown
from filesend_tui.screens.base import Clock, StorePane
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.commands import (
    AskAgain,
    CancelTransfer,
    MoveTransfer,
    PauseTransfer,
    SendPaths,
    StopShare,
)
from filesend_tui.screens.open_folder import open_folder
from filesend_tui.state.figures import absent_words, road_words, short_path
from filesend_tui.state.people.everybody import Person
from filesend_tui.state.store import Store
from filesend_tui.state.views import Level, ShareRow, TransferDetail, TransferRow
from filesend_tui.system.file_manager import link_to, path_of
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.code_card import QrCode
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.transfers.file_progress import FileProgressList, file_rows
from filesend_tui.widgets.transfers.peer_lines import PeerLines
from filesend_tui.widgets.transfers.piece_strip import PieceStrip
from filesend_tui.widgets.transfers.rate_graph import RateGraph
from filesend_tui.widgets.transfers.road_lines import RoadLines
from filesend_tui.widgets.transfers.share_link import ShareLink
from filesend_tui.widgets.transfers.transfer_list import TransferList, state_words
from filesend_tui.widgets.words import Words

#: Cells of the pane below which two widgets do not fit side by side. Beside other panes: cells
#: below which, and lines from which, they are stacked.
_NARROW, _BROAD, _TALL = 70, 100, 32
#: The fewest cells of a share's link beside its QR code, and of a graph; the fewest lines of each
#: of them where they are stacked.
_LINK: Final = 44
_GRAPH: Final = 24
_LINES: Final = 10


class Facts(Horizontal):
    """The details of the chosen transfer or share, side by side."""

    @dataclass
    class Resized(Message):
        """The size changed."""

    def on_resize(self) -> None:
        """Report the new size."""
        self.post_message(self.Resized())


class TransfersPane(StorePane):
    """The live table above, the chosen transfer below."""

    TITLE = "Transfers"
    DOES = "transfers"
    BINDINGS: ClassVar[list[BindingType]] = bindings("transfers")

    def __init__(self, store: Store, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(store, id=id)
        self.clock = clock
        #: Held, not looked for: Textual asks for a pane's keys while it is made and removed, too.
        self.table = TransferList(id="table")
        self._details = False
        self._seeks = False

    def compose(self) -> ComposeResult:
        """Yield table and details."""
        yield Words(id="welcome")
        yield self.table
        with Vertical(id="detail"):
            yield Words(id="detail-title")
            with Facts(id="facts"):
                yield FileProgressList(id="files")
                yield ShareLink(id="share")
                yield QrCode(id="share-qr")
                with Vertical(id="inside"):
                    yield Words(id="absent")
                    yield RoadLines(id="roads")
                    yield RateGraph(id="graph")
                    yield PieceStrip(id="pieces")
                    yield PeerLines(id="peers")

    def take_keys(self) -> None:
        """Focus the table."""
        self.table.focus()

    def seek_wish(self) -> None:
        """Put the cursor on what the partner wants to be sent again, if that is so."""
        self._seeks = True
        if self.is_mounted:
            self.draw()

    @property
    def chosen(self) -> TransferRow | None:
        """The transfer under the cursor."""
        row = self.table.chosen
        return row if isinstance(row, TransferRow) else None

    @property
    def chosen_share(self) -> ShareRow | None:
        """The open share under the cursor."""
        row = self.table.chosen
        return row if isinstance(row, ShareRow) else None

    @property
    def _finished(self) -> TransferRow | None:
        """The chosen transfer if it arrived here, else the last that did."""
        rows = [self.chosen, *reversed(self.store.transfers)]
        return next((row for row in rows if row is not None and row.url), None)

    def draw(self) -> None:
        """Draw table and detail."""
        rows: list[TransferRow | ShareRow] = [*self.store.transfers, *self.store.open_shares]
        rows.reverse()  # newest first; open shares stay on top
        wished = self.store.wished if self._seeks else None
        at = next((at for at, row in enumerate(rows) if row is wished), None)
        self._seeks = False
        self.table.show(rows, cursor=at, now=self.clock())
        self.set_class(not rows, "-empty")
        if not rows:
            self.query_one("#welcome", Words).show(self._welcome())
        self._draw_detail()

    def _welcome(self) -> Content:
        if self.store.partner is None:
            return Content.assemble(
                ("Nothing here yet.\n\n", "bold"),
                "Press ",
                (shown("pair"), "$primary bold"),
                " to pair with somebody.",
            )
        return Content.assemble(
            ("You and ", "bold"),
            (self.store.partner, "$success bold"),
            (" are paired.\n\n", "bold"),
            "Press ",
            (shown("send files"), "$primary bold"),
            " to choose files to send,\nor wait for what they send you.",
        )

    @property
    def _cramped(self) -> bool:
        """Whether only one widget fits below the table."""
        narrow = self.has_class("-narrow") and not self.has_class("-stacked")
        return narrow or self.screen.has_class("-low")

    def _draw_detail(self) -> None:
        chosen, share = self.chosen, self.chosen_share
        self.query_one("#detail").display = chosen is not None or share is not None
        beside = not (self._cramped and self._details)
        self.query_one("#files").display = chosen is not None and beside
        self.query_one("#share").display = share is not None and beside
        self.query_one("#pieces").display = self._details and chosen is not None
        self.query_one("#roads").display = False
        self.query_one("#absent").display = False
        if share is not None:
            self._draw_share(share)
        elif chosen is not None:
            self._draw_transfer(chosen)

    def _draw_transfer(self, chosen: TransferRow) -> None:
        detail = self.store.detail(chosen.id)
        self.query_one("#detail-title", Words).show(_title(chosen))
        self.query_one("#files", FileProgressList).show(file_rows(chosen, detail))
        self.query_one("#share-qr").display = False
        absent = absent_words(chosen.excluded, chosen.links_not_made)
        self.query_one("#absent", Words).show(Content(absent))
        self.query_one("#absent").display = self._details and bool(absent)
        roads = self.query_one("#roads", RoadLines)
        told = not (chosen.slowed or chosen.waits)  # the title says the road
        roads.display = self._details and bool(chosen.why or (chosen.road and not told))
        roads.show(chosen, detail.tried)
        self._draw_inside(detail, may_come=not chosen.ended)
        self.query_one("#pieces", PieceStrip).show(
            detail.pieces,
            detail.piece_count,
            detail.piece_length,
            whole=chosen.phase is TransferPhase.DONE,
        )

    def _draw_share(self, share: ShareRow) -> None:
        title = (share.name or "Open share", "bold"), ("  " + state_words(share), "$warning")
        self.query_one("#detail-title", Words).show(Content.assemble(*title))
        link = self.query_one("#share", ShareLink)
        link.show(share)
        self._draw_inside(self.store.shares.detail(share.id), may_come=True)
        picture = self.query_one("#share-qr", QrCode)
        picture.show(share.link or share.magnet)
        room = self.query_one("#facts").size
        needed = picture.picture
        if self.has_class("-stacked"):
            fits = needed.width <= room.width and needed.height + _LINES <= room.height
            crowded = needed.height + 2 * _LINES > room.height
        else:
            fits = needed.width + _LINK <= room.width and needed.height <= room.height
            crowded = needed.width + _LINK + _GRAPH > room.width
        picture.display = fits and not share.preparing and not self._details
        if picture.display and crowded:
            self.query_one("#inside").display = False

    def _draw_inside(self, detail: TransferDetail, *, may_come: bool) -> None:
        self.query_one("#inside").display = self._details or (
            bool(detail.rates) and not self._cramped
        )
        graph = self.query_one("#graph", RateGraph)
        # Why it goes this way matters more than how fast it went.
        roomy = self.screen.has_class("-tall") and not self.has_class("-stacked")
        graph.display = roomy or not self.query_one("#roads").display
        graph.show(detail.rates)
        peers = self.query_one("#peers", PeerLines)
        peers.display = self._details and (may_come or bool(detail.peers))
        peers.show(detail.peers)

    def on_resize(self) -> None:
        """Choose whether the details are side by side or stacked."""
        width, height = self.room
        self.set_class(width < _NARROW, "-narrow")
        self.set_class(self.framed and width < _BROAD and height >= _TALL, "-stacked")

    @on(Facts.Resized)
    def _room_changed(self) -> None:
        self._draw_detail()

    @on(LineList.Moved, "#files")
    def _file_moved(self) -> None:
        self.refresh_bindings()

    @on(LineList.Moved, "#table")
    def _moved(self) -> None:
        self._draw_detail()
        self.refresh_bindings()

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer only what makes sense now."""
        chosen, share = self.chosen, self.chosen_share
        offered = {
            "open": self._finished is not None,
            "copy_link": share is not None and not share.preparing,
            "copy_magnet": share is not None and bool(share.link),
            "copy_path": share is None and self._finished is not None,
            "pause": chosen is not None and chosen.pausable and not self._paused_here,
            "go_on": chosen is not None and chosen.pausable and self._paused_here,
            "move": self._movable,
            "stop": share is not None,
            "cancel": chosen is not None and not chosen.ended,
            "again": self._again is not None and self._with_whom is not None,
            "ask_again": self._askable_again and self._with_whom is not None,
            "details": chosen is not None or share is not None,
        }
        return offered.get(action, True)

    def action_cancel(self) -> None:
        """Ask, then cancel the chosen transfer."""
        chosen = self.chosen
        if chosen is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.post_message(CancelTransfer(chosen.id))

        self.app.push_screen(
            ConfirmScreen(
                f"Cancel {chosen.name}?",
                "Both sides stop, and what arrived so far is thrown away.",
                yes="Cancel it",
                no="Go on",
            ),
            answered,
        )

    @property
    def _file(self) -> int | None:
        """The file under the cursor of the list of files, if it can be left out for now."""
        files, chosen = self.query_one("#files", FileProgressList), self.chosen
        if not files.has_focus or files.chosen is None or chosen is None or chosen.sending:
            return None
        return files.cursor if len(chosen.files) > 1 and files.chosen.pausable else None

    @property
    def _paused_here(self) -> bool:
        """Whether the chosen file, else the chosen transfer, was paused here."""
        chosen, file = self.chosen, self._file
        if chosen is None:
            return False
        return chosen.paused_here if file is None else file in chosen.paused_files

    @property
    def _movable(self) -> bool:
        """Whether the place of the chosen transfer in the queue counts."""
        chosen = self.chosen
        sends = chosen is not None and chosen.sending and chosen.pausable
        return sends and any(row.queued and row.sending for row in self.store.transfers)

    def action_move(self, by: int) -> None:
        """Send the chosen transfer so many places later, or below 0 sooner."""
        if self.chosen is not None:
            self.post_message(MoveTransfer(self.chosen.id, by))

    def action_pause(self) -> None:
        """Pause the chosen file, else the chosen transfer."""
        self._pause(True)

    def action_go_on(self) -> None:
        """Let the chosen file, else the chosen transfer, which was paused here, go on."""
        self._pause(False)

    def _pause(self, pause: bool) -> None:
        if self.chosen is not None:
            files = None if self._file is None else (self._file,)
            self.post_message(PauseTransfer(self.chosen.id, pause, files))

    def action_copy_link(self) -> None:
        """Copy the chosen share's link: for a browser where there is one, else the magnet."""
        share = self.chosen_share
        if share is not None:
            what = "The link" if share.link else "The magnet link"
            self._copy(share.link or share.magnet, what, "Anyone who gets it can download.")

    def action_copy_magnet(self) -> None:
        """Copy the chosen share's magnet link."""
        share = self.chosen_share
        if share is not None:
            self._copy(share.magnet, "The magnet link", "Anyone who gets it can download.")

    def action_copy_path(self) -> None:
        """Copy the path of the finished file."""
        if self._finished is not None:
            path = str(path_of(self._finished.url))
            self._copy(path, path, "Copied: paste it wherever you need it.")

    def _copy(self, text: str, what: str, hint: str) -> None:
        self.app.copy_to_clipboard(text)  # OSC 52: the terminal's clipboard, also over SSH
        said = what if what == text else f"{what} was copied."
        self.add_notice(Level.GOOD, said, hint)

    def action_details(self) -> None:
        """Show or hide pieces and peers; in place of the files where room is short."""
        self._details = not self._details
        self._draw_detail()

    @property
    def _with_whom(self) -> Person | None:
        """Whom the chosen transfer is with, if they are there; else the partner."""
        chosen = self.chosen
        theirs = self.store.person(chosen.session) if chosen is not None else None
        return theirs or next((each for each in self.store.partners if each.shown), None)

    @property
    def _again(self) -> TransferRow | None:
        """The chosen transfer if it can be sent again, and is not just being sent again."""
        chosen = self.chosen
        if chosen is None or not chosen.ended or not self.store.sent_paths(chosen.id):
            return None
        later = self.store.later(chosen)
        return chosen if later is None or later.ended else None

    @property
    def _askable_again(self) -> bool:
        """Whether the chosen transfer was to come, did not, and nobody has seen to that."""
        chosen = self.chosen
        if chosen is None or chosen.sending or chosen.wanted_again or not _missed(chosen):
            return False
        later = self.store.later(chosen)
        return later is None or _missed(later)

    def action_again(self) -> None:
        """Send the same request again."""
        if (row := self._again) is not None and (whom := self._with_whom) is not None:
            paths = dict.fromkeys(self.store.sent_paths(row.id))
            self.post_message(SendPaths(paths, to=(whom,)))

    def action_ask_again(self) -> None:
        """Ask the partner to send the chosen transfer again."""
        if self.chosen is not None:
            self.post_message(AskAgain(self.chosen.id))

    def action_stop(self) -> None:
        """Ask, then stop the chosen share."""
        share = self.chosen_share
        if share is None:
            return
        self.app.push_screen(
            ConfirmScreen(
                f"Stop sharing {share.name}?" if share.name else "Stop preparing this share?",
                "The link stops working. Who took it keeps it; who is taking it now gets no more.",
                yes="Stop sharing",
                no="Go on",
            ),
            lambda yes: self._stop(share) if yes else None,
        )

    def _stop(self, share: ShareRow) -> None:
        self.post_message(StopShare(share.id))

    def action_open(self) -> None:
        """Open the folder of a received file; without a file manager show its path."""
        if self._finished is not None:
            self._open(path_of(self._finished.url))

    @work(group="open", exit_on_error=False)
    async def _open(self, path: Path) -> None:
        notice = await open_folder(self.app, path)
        self.add_notice(notice.level, notice.message, notice.hint)


def _missed(transfer: TransferRow) -> bool:
    """Return whether it is over, and did not arrive."""
    return transfer.ended and transfer.phase is not TransferPhase.DONE


def _title(transfer: TransferRow) -> Content:
    """Return a transfer's name, state and road, and its path once it arrived."""
    parts: list[tuple[str, str | Style]] = [
        (transfer.name, "bold"),
        ("  " + state_words(transfer), "$foreground 70%"),
    ]
    if transfer.waits:
        parts.append((f" · {transfer.waits} {transfer.waits_hint}", "$warning"))
    elif transfer.ended and transfer.reason:
        parts.append((f" · {transfer.reason} {transfer.hint}".rstrip(), "$warning"))
    elif transfer.slowed:
        parts.append((f" · {transfer.slowed} {transfer.slowed_hint}", "$warning"))
    elif transfer.road:
        parts.append((f" · {road_words(transfer.road)}", "$foreground 70%"))
    if transfer.url:
        where = short_path(path_of(transfer.url))
        parts += [("\n→ ", "$success"), (where, Style(link=link_to(transfer.url)))]
    return Content.assemble(*parts)
