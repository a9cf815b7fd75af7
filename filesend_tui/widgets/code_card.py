"""Your own code, large, with the time it still lives; and the same code as a QR picture."""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from filesend_tui.qr import half_blocks
from filesend_tui.views import OwnCode
from filesend_tui.widgets.figures import countdown

_ON_PAPER: Final = Style(color="#000000", bgcolor="#ffffff")


class CodeCard(Static):
    """The code in large letters, and how long it works; or what is being done to get one."""

    DEFAULT_CSS = """
    CodeCard {
        height: auto;
        border: round $primary 60%;
        border-title-color: $primary;
        padding: 1 2;
        text-align: center;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._shown: object = None

    def show(self, code: OwnCode | None, waiting: str, now: float) -> None:
        """Show the code at time `now`; without one, `waiting` says why."""
        left = None if code is None else max(0, int(code.expires_at - now))
        if (shown := (code, waiting, left, self.size.width)) == self._shown:
            return
        self._shown = shown
        self.update(self._content(code, waiting, left or 0))

    def _content(self, code: OwnCode | None, waiting: str, left: int) -> Content:
        if code is None:
            return Content.assemble("\n", (waiting, "$foreground 70%"), "\n")
        if code.gone or not left:
            why = "It was burned." if code.gone == "burned" else "Its time is over."
            return Content.assemble(
                (f"{why}\n\n", "$warning bold"), ("Press n for a new code.", "$foreground 70%")
            )
        spaced = " ".join(code.code)
        large = spaced if len(spaced) <= self.content_size.width else code.code
        return Content.assemble(
            (large, "$primary bold"),
            "\n\n",
            ("works once · ", "$foreground 60%"),
            (countdown(left), "bold" if left >= 60 else "$warning bold"),
            (" left", "$foreground 60%"),
        )


class QrCode(Widget):
    """A text as a QR picture of half blocks: black on white whatever the theme, as cameras need."""

    DEFAULT_CSS = "QrCode { width: auto; height: auto; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""

    def show(self, text: str) -> None:
        """Show this text as a picture; nothing where it is empty."""
        if text != self._text:
            self._text = text
            self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """As wide as the picture."""
        picture = half_blocks(self._text) if self._text else ()
        return len(picture[0]) if picture else 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Two modules a line."""
        return len(half_blocks(self._text)) if self._text else 0

    def render_line(self, y: int) -> Strip:
        """Draw two rows of modules as one line (Textual's line API)."""
        width = self.size.width
        picture = half_blocks(self._text) if self._text else ()
        if y >= len(picture):
            return Strip.blank(width, self.rich_style)
        return Strip([Segment(picture[y], _ON_PAPER)]).adjust_cell_length(width, self.rich_style)
