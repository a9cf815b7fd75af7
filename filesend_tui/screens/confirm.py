"""A question with a yes and a no, on top of whatever is shown."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button

from filesend_tui.widgets.words import Words


class ConfirmScreen(ModalScreen[bool]):
    """Ends with True for yes. The safe answer has the keys at first."""

    #: The letters on the buttons; BINDINGS listen to them.
    YES: ClassVar[str] = "y"
    NO: ClassVar[str] = "n"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("left,right,h,l", "app.focus_next", "Other button", show=False),
    ]

    def __init__(self, question: str, about: str, *, yes: str, no: str) -> None:
        super().__init__()
        self._question, self._about, self._yes, self._no = question, about, yes, no

    def compose(self) -> ComposeResult:
        """The question, what it means, and two buttons."""
        with Vertical(id="box"):
            yield Words(self._question, id="question")
            yield Words(self._about, id="about")
            with Horizontal(id="buttons"):
                yield Button(f"{self.YES}  {self._yes}", id="yes", variant="error", compact=True)
                yield Button(f"{self.NO}  {self._no}", id="no", variant="primary", compact=True)

    def on_mount(self) -> None:
        """The safe answer first."""
        self.query_one("#no", Button).focus()

    def action_answer(self, yes: bool) -> None:
        """End with the answer."""
        self.dismiss(yes)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


class CompareScreen(ConfirmScreen, inherit_bindings=False):
    """Whether what two people see is different; ends with True where it is.

    Its letters say so: a quick `y` must not stand for a difference.
    """

    YES = "d"
    NO = "s"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "answer(True)", "Different"),
        Binding("s,escape", "answer(False)", "The same"),
        Binding("left,right,h,l", "app.focus_next", "Other button", show=False),
    ]

    def __init__(self, question: str, about: str) -> None:
        super().__init__(question, about, yes="Different", no="The same")
