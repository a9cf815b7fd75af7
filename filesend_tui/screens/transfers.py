"""Transfers: what goes out and comes in, the inside of the chosen one, and a line of talk."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content

from filesend_tui.core.events import TransferPhase
from filesend_tui.keys import shown
from filesend_tui.screens.base import PlaceScreen
from filesend_tui.screens.commands import CancelTransfer, SayLine, StopShare
from filesend_tui.screens.confirm import ConfirmScreen
from filesend_tui.views import Level, ShareRow, TransferRow
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.file_progress import FileProgressList, file_rows
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.peer_lines import PeerLines
from filesend_tui.widgets.piece_strip import PieceStrip
from filesend_tui.widgets.rate_graph import RateGraph
from filesend_tui.widgets.share_link import ShareLink
from filesend_tui.widgets.talk_bar import TalkBar, TalkField
from filesend_tui.widgets.transfer_list import TransferList, state_words
from filesend_tui.widgets.words import Words


class TransfersScreen(PlaceScreen):
    """The live table above, the chosen transfer below."""

    MODE = "transfers"
    SHOWS_TALK = True
    BINDINGS: ClassVar[list[BindingType]] = bindings("transfers")

    def compose_body(self) -> ComposeResult:
        """Table, detail, talk."""
        yield Words(id="welcome")
        yield TransferList(id="table")
        with Vertical(id="detail"):
            yield Words(id="detail-title")
            with Horizontal():
                yield FileProgressList(id="files")
                yield ShareLink(id="share")
                with Vertical(id="inside"):
                    yield RateGraph(id="graph")
                    yield PieceStrip(id="pieces")
                    yield PeerLines(id="peers")
        yield TalkBar(id="talk")

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.query_one("#table", TransferList).focus()

    @property
    def chosen(self) -> TransferRow | None:
        """The transfer under the cursor."""
        row = self.query_one("#table", TransferList).chosen
        return row if isinstance(row, TransferRow) else None

    @property
    def chosen_share(self) -> ShareRow | None:
        """The open share under the cursor."""
        row = self.query_one("#table", TransferList).chosen
        return row if isinstance(row, ShareRow) else None

    @property
    def _finished(self) -> TransferRow | None:
        """The chosen transfer where it arrived, else the last that did."""
        rows = [self.chosen, *reversed(self.store.transfers)]
        return next((row for row in rows if row is not None and row.url), None)

    def draw_body(self) -> None:
        """Draw table, detail and talk."""
        rows: list[TransferRow | ShareRow] = [*self.store.transfers, *self.store.open_shares]
        rows.reverse()  # newest first; what is open to everybody stays on top
        table = self.query_one("#table", TransferList)
        table.show(rows, now=self.clock())
        table.display = bool(rows)
        welcome = self.query_one("#welcome", Words)
        welcome.display = not rows
        if not rows:
            welcome.show(self._welcome())
        self._draw_detail()
        room = 3 if self.size.height >= 34 else 1
        heard = self.store.partner is not None
        self.query_one("#talk", TalkBar).show(self.store.talk, room, heard=heard)

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

    def _draw_detail(self) -> None:
        chosen, share = self.chosen, self.chosen_share
        self.query_one("#detail").display = chosen is not None or share is not None
        self.query_one("#share").display = share is not None
        self.query_one("#files").display = share is None
        if share is not None:
            self._draw_share(share)
        if chosen is None:
            return
        detail = self.store.detail(chosen.id)
        title = [(chosen.name, "bold"), ("  " + state_words(chosen), "$foreground 70%")]
        if chosen.ended and chosen.reason:
            title.append((f" · {chosen.reason} {chosen.hint}".rstrip(), "$warning"))
        self.query_one("#detail-title", Words).show(Content.assemble(*title))
        self.query_one("#files", FileProgressList).show(file_rows(chosen, detail))
        self.query_one("#inside").display = bool(detail.rates or detail.piece_count)
        self.query_one("#graph", RateGraph).show(detail.rates)
        self.query_one("#pieces", PieceStrip).show(
            detail.pieces,
            detail.piece_count,
            detail.piece_length,
            whole=chosen.phase is TransferPhase.DONE,
        )
        self.query_one("#pieces").display = True
        peers = self.query_one("#peers", PeerLines)
        peers.display = bool(detail.peers) or not chosen.ended
        peers.show(detail.peers)

    def _draw_share(self, share: ShareRow) -> None:
        detail = self.store.shares.detail(share.id)
        title = (share.name or "Open share", "bold"), ("  " + state_words(share), "$warning")
        self.query_one("#detail-title", Words).show(Content.assemble(*title))
        self.query_one("#share", ShareLink).show(share)
        self.query_one("#inside").display = not share.preparing
        self.query_one("#graph", RateGraph).show(detail.rates)
        self.query_one("#pieces").display = False  # all of them are here
        peers = self.query_one("#peers", PeerLines)
        peers.display = True
        peers.show(detail.peers)

    @on(LineList.Moved, "#table")
    def _moved(self) -> None:
        self._draw_detail()
        self.offer_keys()

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer only what makes sense now."""
        if not self.is_mounted:
            return True
        chosen, share = self.chosen, self.chosen_share
        offered = {
            "copy": share is not None and not share.preparing,
            "copy_magnet": share is not None and bool(share.link),
            "stop": share is not None,
            "cancel": chosen is not None and not chosen.ended,
            "where": self._finished is not None,
        }
        return offered.get(action, True)

    def action_cancel(self) -> None:
        """Ask, then give the chosen transfer up."""
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

    def action_copy(self) -> None:
        """Copy the chosen share's link: for a browser where there is one, else the magnet."""
        share = self.chosen_share
        if share is not None:
            what = "The link" if share.link else "The magnet link"
            self._copy(share.link or share.magnet, what)

    def action_copy_magnet(self) -> None:
        """Copy the chosen share's magnet link."""
        share = self.chosen_share
        if share is not None:
            self._copy(share.magnet, "The magnet link")

    def _copy(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)  # OSC 52: the terminal's own, also over SSH
        self.store.tell(Level.GOOD, f"{what} was copied.", "Anyone who gets it can download.")
        self.draw()

    def action_stop(self) -> None:
        """Ask, then share the chosen share no longer."""
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

    def action_where(self) -> None:
        """Say where the finished file is, and copy that to the clipboard."""
        finished = self._finished
        if finished is not None:
            path = _path_of(finished.url)
            self.app.copy_to_clipboard(path)
            self.store.tell(Level.GOOD, path, "Copied to the clipboard.")
            self.draw()

    @on(TalkBar.Said)
    def _said(self, event: TalkBar.Said) -> None:
        self.post_message(SayLine(event.text, self.query_one("#talk", TalkBar)))

    @on(TalkField.Closed)
    def _stop_writing(self) -> None:
        self.query_one("#talk", TalkBar).close()
        self.query_one("#table", TransferList).focus()


def _path_of(url: str) -> str:
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    return url2pathname(urlsplit(url).path)
