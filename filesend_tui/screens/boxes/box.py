"""The base of all boxes, and of those about a request."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from filesend_tui.core.errors import FileSendError
from filesend_tui.widgets.bars.key_bar import KeyBar

if TYPE_CHECKING:
    from filesend_tui.core.checks import Existing
    from filesend_tui.core.choices import Arriving

ResultT = TypeVar("ResultT")


class BoxScreen(ModalScreen[ResultT]):
    """A box on top of the current screen, with its keys below. A subclass fills the box."""

    #: The group of the table of keys whose bindings it has.
    PLACE: ClassVar[str] = ""
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (9, "-low"), (20, "-roomy")]  # noqa: RUF012 - Textual's
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (81, "-wide")]  # noqa: RUF012 - Textual's

    def compose(self) -> ComposeResult:
        """Yield the box and the keys."""
        with Vertical(id="box"):
            yield from self.compose_box()
        yield KeyBar()

    def compose_box(self) -> ComposeResult:
        """Yield what is in the box."""
        raise NotImplementedError

    def offer_keys(self) -> None:
        """Show the keys that make sense now."""
        for bar in self.query(KeyBar):
            bar.show(self.active_bindings.values())

    def on_mount(self) -> None:
        """Show the keys, and update them whenever the focus moves."""
        self.bindings_updated_signal.subscribe(self, lambda _: self.offer_keys())
        self.offer_keys()


class LiveBox(BoxScreen[ResultT]):
    """A box that shows the store while it is open."""

    def draw(self) -> None:
        """Draw the store."""
        raise NotImplementedError


class BoxEnd(Enum):
    """Why the box about a request closed."""

    ANSWERED = "answered"
    LATER = "later"
    GONE = "gone"


class RequestScreen(LiveBox[BoxEnd]):
    """The question about one request of the partner's; approval.py asks it."""

    def show_existing(self, found: Sequence[Existing], arriving: Arriving) -> None:
        """Show what becomes of files that are in the folder already."""
        raise NotImplementedError

    def refuse(self, error: FileSendError) -> None:
        """Show why the answer could not be given."""
        raise NotImplementedError
