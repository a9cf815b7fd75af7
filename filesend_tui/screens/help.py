"""Help: the keys on one page."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from filesend_tui.widgets.words import Words

_PAGE: Final = (
    (
        "How it works",
        (
            ("1", "Pair: tell your code, or type theirs."),
            ("2", "Send: choose files; the other person says yes or no."),
            ("3", "The files go straight from one machine to the other."),
        ),
    ),
    (
        "Anywhere",
        (
            ("p s t", "go to Pair, Send, Transfers"),
            ("Ctrl+P", "all commands, by name"),
            ("r", "try the relay again"),
            ("Esc", "hide the notice, close a box, leave a field"),
            ("q", "quit; asks while something runs"),
        ),
    ),
    (
        "Pair",
        (
            ("Enter", "type their code; Tab completes a word"),
            ("c  n", "copy your code; ask for a new one"),
        ),
    ),
    (
        "Send",
        (
            ("Space", "choose or unchoose; also whole folders"),
            ("Enter ←", "open a folder; go up"),
            ("/  .", "type or paste a path; show hidden files"),
            ("s  u", "send what is chosen; choose nothing"),
            ("o", "share it openly: anyone with the link can download"),
            ("drop", "drop files on the window to choose them"),
        ),
    ),
    (
        "Transfers",
        (
            ("o  c", "open the folder of what arrived; copy where it is"),
            ("r  x", "send again what is over; cancel what is not"),
            ("c  C", "of an open share: copy its link; copy its magnet"),
            ("i", "pieces and peers"),
            ("m  d", "write a line; disconnect from the partner"),
            ("v", "words to compare: the same where nobody is in between"),
        ),
    ),
)


class HelpScreen(ModalScreen[None]):
    """One page that scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "Close"),
    ]

    def compose(self) -> ComposeResult:
        """The page."""
        with Vertical(id="box"):
            with VerticalScroll(id="page"):
                yield Static(self._page(), markup=False)
            yield Words("↑ ↓ scroll · Esc closes", id="foot")

    def on_mount(self) -> None:
        """Name the box; the arrows scroll the page."""
        self.query_one("#box").border_title = "Help"
        self.query_one("#page").focus()

    @staticmethod
    def _page() -> Content:
        parts: list[tuple[str, str]] = []
        for heading, lines in _PAGE:
            parts.append((("\n" if parts else "") + heading + "\n", "$primary bold"))
            for key, words in lines:
                parts += [(f"  {key:<9}", "bold"), (words + "\n", "")]
        return Content.assemble(*parts).rstrip()
