"""A question with a yes and a no, on top of the current screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button

from filesend_tui.keys import TABLE
from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.words import Words

if TYPE_CHECKING:
    from filesend_tui.keyed_app import KeyedApp
    from filesend_tui.state.settling import Settling


class ConfirmScreen(BoxScreen[bool]):
    """A question; its result is True for yes. The safe answer has the focus at first.

    A yes counts only after a moment without a key since the box opened: somebody who is typing must
    not answer yes by accident. A no always counts.
    """

    PLACE = "question"
    BINDINGS: ClassVar[list[BindingType]] = bindings("question")

    def __init__(self, question: str, about: str, *, yes: str, no: str) -> None:
        super().__init__()
        self._question, self._about, self._yes, self._no = question, about, yes, no

    def compose_box(self) -> ComposeResult:
        """Yield the question, its explanation, and the buttons."""
        with Vertical(id="page"):
            yield Words(self._question, id="question")
            yield Words(self._about, id="about")
        with Horizontal(id="buttons"):
            yield from self.buttons()

    def buttons(self) -> Iterator[Button]:
        """Yield the buttons; the ids `yes` and `no` are those of the answers."""
        yes, no = self._label("answer(True)", self._yes), self._label("answer(False)", self._no)
        yield Button(yes, id="yes", variant="error", compact=True)
        yield Button(no, id="no", variant="primary", compact=True)

    def _label(self, action: str, words: str) -> Content:
        key = next(key for key in TABLE[self.PLACE].keys if key.action == action)
        return Content(f"{key.shown}  {words}")

    def on_mount(self) -> None:
        """Focus the safe answer."""
        super().on_mount()
        self._settling.changed()
        self.query_one("#no", Button).focus()

    @property
    def _settling(self) -> Settling:
        return cast("KeyedApp", self.app).settling

    def action_answer(self, yes: bool) -> None:
        """Close with the answer, if the key was meant for this question."""
        if yes and self._settling.wait:
            self.app.bell()
        else:
            self.dismiss(yes)

    def action_scroll(self, by: int) -> None:
        """Scroll a long text."""
        self.query_one("#box").scroll_relative(y=by, animate=False)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_answer(event.button.id == "yes")


class CompareScreen(ConfirmScreen, inherit_bindings=False):
    """Whether two people see different words; its result is True where they do.

    It has keys of its own: a quick `y` must not mean a difference.
    """

    PLACE = "comparing"
    BINDINGS: ClassVar[list[BindingType]] = bindings("comparing")

    def __init__(self, question: str, about: str) -> None:
        super().__init__(question, about, yes="Different", no="The same")


class QuitScreen(ConfirmScreen, inherit_bindings=False):
    """Whether to quit while transfers run; its result is True to quit and keep them for later.

    Args:
        question: What runs.
        about: What becomes of it.
        cancel: Called where they are to be cancelled instead; the result is False then.
    """

    PLACE = "quitting"
    BINDINGS: ClassVar[list[BindingType]] = bindings("quitting")

    def __init__(self, question: str, about: str, *, cancel: Callable[[], None]) -> None:
        super().__init__(question, about, yes="Keep", no="Stay")
        self._cancel = cancel

    def buttons(self) -> Iterator[Button]:
        """See ConfirmScreen."""
        keep, no = self._label("answer(True)", self._yes), self._label("answer(False)", self._no)
        cancel = self._label("cancel", "Give up")
        yield Button(keep, id="yes", variant="warning", compact=True)
        yield Button(cancel, id="cancel", variant="error", compact=True)
        yield Button(no, id="no", variant="primary", compact=True)

    def action_cancel(self) -> None:
        """Close, and have all cancelled, if the key was meant for this question."""
        if self._settling.wait:
            self.app.bell()
            return
        self.dismiss(False)
        self._cancel()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self, event: Button.Pressed) -> None:
        event.stop()
        event.prevent_default()
        self.action_cancel()
