"""The places `send` and `transfers`: picker, transfers and talk, side by side where there is room.

In a narrow terminal one place is shown at a time. The panes are the same objects in both layouts,
so that their state survives a resize.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from textual import events, on
from textual.app import ComposeResult
from textual.dom import DOMNode

from filesend_tui.screens.base import Clock, PlaceScreen
from filesend_tui.screens.commands import SayLine
from filesend_tui.screens.send_pane import SendPane
from filesend_tui.screens.transfers_pane import TransfersPane
from filesend_tui.state.store import Store
from filesend_tui.system.recent_folders import RecentFolders
from filesend_tui.widgets.bars.talk_bar import TalkBar, TalkField
from filesend_tui.widgets.pane import Pane

#: Columns of the terminal from which panes are side by side.
_BESIDE: Final = 110


class WorkScreen(PlaceScreen):
    """The places `send` and `transfers`; the talk belongs to the second."""

    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-short"), (34, "-tall")]  # noqa: RUF012 - Textual's

    def __init__(self, store: Store, clock: Clock, start: Path, recent: RecentFolders) -> None:
        super().__init__(store, clock)
        self.picker = SendPane(store, start, recent, id="send")
        self.transfers = TransfersPane(store, clock, id="transfers")
        self.talk = TalkBar(id="talk")
        self._panes: dict[str, Pane] = {
            "send": self.picker,
            "transfers": self.transfers,
            "talk": self.talk,
        }
        #: The pane that has the focus, and the pane that gets it back when the talk closes.
        self._here: Pane = self.picker
        self._back: Pane = self.transfers
        self._beside = False

    def compose_body(self) -> ComposeResult:
        """Yield the panes."""
        yield from self._panes.values()

    def on_mount(self) -> None:
        """Focus the current pane."""
        self._beside = self.app.size.width >= _BESIDE
        self._arrange()
        super().on_mount()
        self._here.take_keys()

    @property
    def place(self) -> str:
        """The place that has the focus."""
        return "send" if self._here is self.picker else "transfers"

    @property
    def shows_talk(self) -> bool:
        """Whether it shows the talk."""
        return self.talk.display

    def shows(self, place: str) -> bool:
        """Return whether a place is on the screen."""
        return place in self._panes and self._panes[place].display

    def actor(self, place: str) -> DOMNode:
        """Return the node that has the actions of a place."""
        return self._panes.get(place, self)

    # -- which pane has the focus

    def go(self, place: str) -> None:
        """Focus a pane; show it where one is shown at a time."""
        if place == "transfers":
            self.transfers.seek_wish()
        if place == self.place and not self._beside and self.is_mounted:
            return
        pane = self._panes[place]
        self._come_to(pane)
        if self.is_mounted:
            pane.take_keys()

    def _come_to(self, pane: Pane) -> None:
        if pane is self._here:
            return
        if pane is self.talk:
            self._back = self._here
        elif self._beside:
            self.talk.close()
        self._here = pane
        self._arrange()
        self.call_later(self.draw)

    def watch_focused(self) -> None:
        """Make the pane around the focused widget the current one."""
        if self.focused is not None:  # nothing has the focus while the terminal has not
            for pane in self._panes.values():
                if pane in self.focused.ancestors:
                    self._come_to(pane)

    @on(TalkField.Closed)
    def _stop_writing(self) -> None:
        self.talk.close()
        (self._back if self._beside else self.transfers).take_keys()

    # -- which panes are shown

    def on_resize(self, event: events.Resize) -> None:
        """Lay the panes out side by side, or show those of one place."""
        beside = event.size.width >= _BESIDE
        if beside != self._beside:
            self._beside = beside
            self._arrange()
            self.call_after_refresh(self.draw)

    def _arrange(self) -> None:
        self.set_class(self._beside, "-beside")
        for pane in self._panes.values():
            pane.display = self._beside or (pane is self.picker) == (self._here is self.picker)
            pane.stand(framed=self._beside, here=pane is self._here)

    # -- drawing, and keys before they are dispatched

    def draw_body(self) -> None:
        """Draw the panes that are shown."""
        if self.picker.display:
            self.picker.draw()
        if self.transfers.display:
            self.transfers.draw()
        if self.talk.display:
            room = 3 if self.size.height >= 34 else 1
            partner = self.store.partner
            to = partner or "" if len(self.store.people) > 1 else ""
            self.talk.show(self.store.talk, room, heard=partner is not None, to=to)

    def expect_key(self, event: events.Key) -> None:
        """Show the picker a key before it is dispatched."""
        self.picker.expect_key(event)

    @on(TalkBar.Said)
    def _said(self, event: TalkBar.Said) -> None:
        self.post_message(SayLine(event.text, self.talk))
