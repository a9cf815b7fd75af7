"""Sending: the picker alone on a screen."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult

from filesend_tui.recent import RecentFolders
from filesend_tui.screens.base import Clock, PlaceScreen
from filesend_tui.screens.send_pane import SendPane
from filesend_tui.store import Store


class SendScreen(PlaceScreen):
    """The place for choosing what to send."""

    MODE: ClassVar[str] = "send"

    def __init__(self, store: Store, clock: Clock, start: Path, recent: RecentFolders) -> None:
        super().__init__(store, clock)
        self._start, self._recent = start, recent

    def compose_body(self) -> ComposeResult:
        """The picker."""
        yield SendPane(self.store, self._start, self._recent, id="send")

    def draw_body(self) -> None:
        """Draw the picker."""
        self.query_one("#send", SendPane).draw()

    def expect_key(self, event: events.Key) -> None:
        """Let the picker see it."""
        for pane in self.query(SendPane):
            pane.expect_key(event)
