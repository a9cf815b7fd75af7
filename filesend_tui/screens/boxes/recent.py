"""The recent folders, in which something was chosen, to go to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.picker.folder_list import FolderList


class RecentScreen(BoxScreen[str | None]):
    """The recent folders; its result is the folder to go to."""

    PLACE = "recent"
    BINDINGS: ClassVar[list[BindingType]] = bindings("recent")

    def __init__(self, folders: Sequence[str]) -> None:
        super().__init__()
        self._folders = folders

    def compose_box(self) -> ComposeResult:
        """Yield the list."""
        yield FolderList(id="folders", empty=" None yet: choose something to send.")

    def on_mount(self) -> None:
        """Show the folders, newest first, and focus the list."""
        super().on_mount()
        self.query_one("#box").border_title = "Recent folders"
        folders = self.query_one("#folders", FolderList)
        folders.show(self._folders)
        folders.focus()

    def action_go(self) -> None:
        """Close with the folder under the cursor."""
        self.dismiss(self.query_one("#folders", FolderList).chosen)

    @on(LineList.Pressed)
    def _pressed(self) -> None:
        self.action_go()
