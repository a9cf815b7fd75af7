"""The history: what was sent and received, the newest first; to find it again, or to delete it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from filesend_tui.core.events import History
from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.commands import ClearHistory
from filesend_tui.state.past import matches
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.fields.filter_field import FilterField
from filesend_tui.widgets.history_list import HistoryList
from filesend_tui.widgets.line_list import LineList


class HistoryScreen(BoxScreen[str | None]):
    """The history; its result is the URL of what arrived, whose folder is to be opened.

    Args:
        entries: The newest first.
    """

    PLACE = "history"
    AUTO_FOCUS = "#entries"
    BINDINGS: ClassVar[list[BindingType]] = bindings("history")

    def __init__(self, entries: Sequence[History]) -> None:
        super().__init__()
        self._entries = entries
        # Held, not looked for: Textual asks for a screen's keys while it is made and removed, too.
        self._filter = FilterField(id="find")
        self._list = HistoryList(id="entries")

    def compose_box(self) -> ComposeResult:
        """Yield the filter and the list."""
        yield self._filter
        yield self._list

    def on_mount(self) -> None:
        """Show the entries."""
        super().on_mount()
        self.query_one("#box").border_title = "History"
        self._show()

    def forget(self) -> None:
        """Show that the history was deleted."""
        self._entries = ()
        self._filter.value = ""
        self._show()

    def _show(self) -> None:
        part = self._filter.value
        self._list.show_entries([each for each in self._entries if matches(each, part)], part)
        self._filter.display = bool(part) or self._filter.has_focus
        self.refresh_bindings()

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer only what makes sense now."""
        chosen = self._list.chosen
        offered = {
            "open": chosen is not None and bool(chosen.url) and not self._filter.has_focus,
            "filter": bool(self._entries) and not self._filter.has_focus,
            "clear": bool(self._entries),
        }
        return offered.get(action, True)

    def action_open(self) -> None:
        """Close with what arrived."""
        chosen = self._list.chosen
        if chosen is not None and chosen.url:
            self.dismiss(chosen.url)

    def action_filter(self) -> None:
        """Focus the filter."""
        self._filter.display = True
        self._filter.focus()

    def action_clear(self) -> None:
        """Ask, then delete the whole history."""
        count = len(self._entries)
        self.app.push_screen(
            ConfirmScreen(
                "Delete the history?",
                f"{count:,} {'entry goes' if count == 1 else 'entries go'}. Files stay where they "
                "are, and what is unfinished stays.",
                yes="Delete it",
                no="Keep it",
            ),
            self._answered,
        )

    def _answered(self, yes: bool | None) -> None:
        if yes:
            self.post_message(ClearHistory())

    @on(Input.Changed, "#find")
    def _filtered(self) -> None:
        self._show()

    @on(FilterField.Left)
    def _filter_left(self, event: FilterField.Left) -> None:
        event.stop()
        if not event.keep:
            self._filter.value = ""
        self._list.focus()
        self.call_after_refresh(self._show)

    @on(LineList.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(LineList.Pressed)
    def _pressed(self, event: LineList.Pressed) -> None:
        if event.twice:
            self.action_open()
