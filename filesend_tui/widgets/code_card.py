"""Your own code, large, with the time it still lives; and the same code as a QR picture."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from filesend_tui.views import OwnCode
from filesend_tui.widgets.figures import countdown

#: Light modules around the picture; the standard asks for four, two are enough for cameras.
_BORDER: Final = 2
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


@lru_cache(maxsize=4)
def _modules(text: str) -> tuple[tuple[bool, ...], ...]:
    import segno  # late: only needed once there is a code

    made = segno.make_qr(text, error="l", boost_error=True)
    return tuple(
        tuple(bool(module) for module in line) for line in made.matrix_iter(border=_BORDER)
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
        return len(_modules(self._text)) if self._text else 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Two modules a line."""
        return (len(_modules(self._text)) + 1) // 2 if self._text else 0

    def render_line(self, y: int) -> Strip:
        """Draw two rows of modules as one line (Textual's line API)."""
        if not self._text:
            return Strip.blank(self.size.width, self.rich_style)
        modules = _modules(self._text)
        if y * 2 >= len(modules):
            return Strip.blank(self.size.width, self.rich_style)
        upper = modules[y * 2]
        lower = modules[y * 2 + 1] if y * 2 + 1 < len(modules) else (False,) * len(upper)
        blocks = {
            (True, True): "█",
            (True, False): "▀",
            (False, True): "▄",
            (False, False): " ",
        }
        text = "".join(blocks[pair] for pair in zip(upper, lower, strict=True))
        return Strip([Segment(text, _ON_PAPER)], len(text))
