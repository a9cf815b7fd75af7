"""What is unfinished: to go on with one of it or all, or to forget one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from filesend_tui.core.events import Direction, Unfinished
from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.commands import ForgetUnfinished
from filesend_tui.state.unfinished import idle
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.unfinished_list import UnfinishedList


class UnfinishedScreen(BoxScreen[Sequence[Unfinished]]):
    """The unfinished transfers; its result are those to go on with.

    Args:
        left: The oldest first.
    """

    PLACE = "unfinished"
    AUTO_FOCUS = "#left"
    BINDINGS: ClassVar[list[BindingType]] = bindings("unfinished")

    def __init__(self, left: Sequence[Unfinished]) -> None:
        super().__init__()
        self._left = left
        # Held, not looked for: Textual asks for a screen's keys while it is made and removed, too.
        self._list = UnfinishedList(id="left")

    def compose_box(self) -> ComposeResult:
        """Yield the list."""
        yield self._list

    def on_mount(self) -> None:
        """Show them."""
        super().on_mount()
        self.query_one("#box").border_title = "Unfinished"
        self.show(self._left)

    def show(self, left: Sequence[Unfinished]) -> None:
        """Show these from now on."""
        self._left = left
        self._list.show(left)
        self.refresh_bindings()

    @property
    def _chosen(self) -> Unfinished | None:
        chosen = self._list.chosen
        return None if chosen is None or chosen.running else chosen

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer only what makes sense now."""
        offered = {
            "choose": self._chosen is not None,
            "forget": self._chosen is not None,
            "resume": bool(idle(self._left)),
        }
        return offered.get(action, True)

    def action_choose(self) -> None:
        """Close, and go on with the chosen one."""
        if (chosen := self._chosen) is not None:
            self.dismiss((chosen,))

    def action_resume(self) -> None:
        """Close, and go on with all of them."""
        if left := idle(self._left):
            self.dismiss(left)

    def action_forget(self) -> None:
        """Ask, then forget the chosen one."""
        chosen = self._chosen
        if chosen is None:
            return
        sending = chosen.direction is Direction.SEND
        kept = "Your files stay." if sending else "What arrived of it so far is deleted."

        def answered(yes: bool | None) -> None:
            if yes:
                self.post_message(ForgetUnfinished(chosen))

        self.app.push_screen(
            ConfirmScreen(
                f"Forget {chosen.name}?",
                f"It cannot be gone on with any more. {kept}",
                yes="Forget it",
                no="Keep it",
            ),
            answered,
        )

    @on(LineList.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(LineList.Pressed)
    def _pressed(self, event: LineList.Pressed) -> None:
        if event.twice:
            self.action_choose()
