"""The folders that something was lately chosen in, to go to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from filesend_tui.widgets.folder_list import FolderList
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.words import Words


class RecentScreen(ModalScreen[str | None]):
    """Ends with the folder to go to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right", "go", "Go there"),
        Binding("escape,e", "dismiss", "Close"),
    ]

    def __init__(self, folders: Sequence[str]) -> None:
        super().__init__()
        self._folders = folders

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(id="box"):
            yield FolderList(id="folders", empty=" None yet: choose something to send.")
            yield Words("Enter goes there · Esc closes", id="foot")

    def on_mount(self) -> None:
        """Newest first; the list has the keys."""
        self.query_one("#box").border_title = "Recent folders"
        folders = self.query_one("#folders", FolderList)
        folders.show(self._folders)
        folders.focus()

    def action_go(self) -> None:
        """End with the folder under the cursor."""
        self.dismiss(self.query_one("#folders", FolderList).chosen)

    @on(LineList.Pressed)
    def _pressed(self) -> None:
        self.action_go()
