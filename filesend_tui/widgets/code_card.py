"""Your own code, large, with its remaining time; and any text as a QR code.

A code that no longer works is never shown, only the reason why. What the other person types for it,
and where it works, are told below it where there is room.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from filesend_tui.keys import shown
from filesend_tui.state.figures import countdown
from filesend_tui.state.notices import code_changed
from filesend_tui.state.qr import half_blocks
from filesend_tui.state.views import OwnCode

_ON_PAPER: Final = Style(color="#000000", bgcolor="#ffffff")

_NEW: Final = f"Press {shown('new code')} for a new code."
#: Why a code no longer works, and what to do about it.
_GONE: Final = {
    "expired": ("Its time is over.", _NEW),
    "burned": ("It was used up by a wrong try.", _NEW),
    "joined": ("It no longer works: you typed another person's.", "A new one comes in a moment."),
    "relay": (
        "It no longer works: the connection to the relay was lost.",
        "A new one comes when the relay is back.",
    ),
}


class Sharing(NamedTuple):
    """How a code gets to the other person: what they type, and where it works, in a few words.

    link: for somebody who has only a browser; empty where there is none.
    """

    command: str
    where: str
    link: str = ""


class CodeCard(Widget):
    """The code in large letters, and its remaining time; or why it ended.

    Laid out for the available width: a code that is too long breaks at its hyphens.
    """

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
        super().__init__(id=id)
        self._shown: tuple[OwnCode | None, str, int] = (None, "", 0)
        self._sharing: Sharing | None = None
        self._dense = False
        self._told = False

    def show(
        self, code: OwnCode | None, waiting: str, now: float, sharing: Sharing | None = None
    ) -> None:
        """Show the code at time `now`; without one, the text `waiting`."""
        left = 0 if code is None or not code.works(now) else max(1, int(code.expires_at - now))
        before, self._shown = (*self._shown, self._sharing), (code, waiting, left)
        self._sharing = sharing
        if (*self._shown, sharing) != before:
            # A change of the seconds alone needs no new layout.
            same = before == (code, waiting, before[2], sharing)
            self.refresh(layout=not same or not left)

    def pack(self, *, dense: bool, told: bool = False) -> None:
        """Lay out without blank lines (dense), or with them; with how the code is shared (told)."""
        if (dense, told) != (self._dense, self._told):
            self._dense, self._told = dense, told
            self.refresh(layout=True)

    def lines(self, width: int, *, told: bool = False, dense: bool = True) -> int:
        """Return its height as it would be packed, at a width in cells."""
        return self._content(width, dense=dense, told=told).get_height({}, max(1, width))

    def render(self) -> Content:
        """Return the content for the available width."""
        return self._content(self.content_size.width, dense=self._dense, told=self._told)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Return the lines needed at that width."""
        content = self._content(width, dense=self._dense, told=self._told)
        return content.get_height({}, max(1, width))

    def _content(self, width: int, *, dense: bool, told: bool) -> Content:
        code, waiting, left = self._shown
        sharing = self._sharing if told else None
        blank = "\n" if dense else "\n\n"
        if code is None:
            air = "" if dense else "\n"
            return Content.assemble(air, (waiting, "$foreground 70%"), air)
        if not code.gone and code.claimed:
            return Content.assemble(
                ("Somebody typed it.", "$primary bold"), blank, ("One moment…", "$foreground 70%")
            )
        if not left:
            why, then = _GONE.get(code.gone, _GONE["expired"])
            return Content.assemble((why, "$warning bold"), blank, (then, "$foreground 70%"))
        changed = code_changed(code.replaced)
        return Content.assemble(
            (_large(code.code, width), "$primary bold"),
            blank,
            ("works once · ", "$foreground 60%"),
            (countdown(left), "bold" if left >= 60 else "$warning bold"),
            (" left", "$foreground 60%"),
            *_shared(sharing, blank),
            *([blank, (changed.message, "$warning")] if changed is not None else ()),
        )


def _shared(sharing: Sharing | None, blank: str) -> tuple[tuple[str, str] | str, ...]:
    """Return what the other person types, and where it works, below what stands there already."""
    if sharing is None:
        return ()
    where = (f"It works {sharing.where}.", "$foreground 60%")
    browser = ("or, in a browser, ", "$foreground 60%"), (f"{sharing.link}\n", "bold")
    return (
        *(blank, (sharing.command, "bold"), "\n"),
        *(browser if sharing.link else ()),
        where,
    )


def _large(code: str, width: int) -> str:
    """Return a code with spaced letters, else without, else one word a line, to fit the width."""
    spaced = " ".join(code)
    if len(spaced) <= width:
        return spaced
    return code if len(code) <= width else code.replace("-", "-\n")


class QrCode(Widget):
    """A text as a QR code of half blocks: black on white whatever the theme, for cameras."""

    DEFAULT_CSS = "QrCode { width: auto; height: auto; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""

    def show(self, text: str) -> None:
        """Show this text as a QR code; nothing where it is empty."""
        if text != self._text:
            self._text = text
            self.refresh(layout=True)

    @property
    def picture(self) -> Size:
        """The size of the QR code in cells; zero where there is none."""
        lines = self._lines
        return Size(len(lines[0]), len(lines)) if lines else Size(0, 0)

    @property
    def _lines(self) -> tuple[str, ...]:
        return half_blocks(self._text) if self._text else ()

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        """Return the QR code's width."""
        return self.picture.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Return the QR code's height; a line holds two modules."""
        return self.picture.height

    def render_line(self, y: int) -> Strip:
        """Draw two rows of modules as one line (Textual's line API)."""
        width, lines = self.size.width, self._lines
        if y >= len(lines):
            return Strip.blank(width, self.rich_style)
        return Strip([Segment(lines[y], _ON_PAPER)]).adjust_cell_length(width, self.rich_style)
