"""A part of a screen with its own keys, which may be beside others in a frame.

Where panes are side by side, the focused one has another frame and a sign before its title, and the
others name the key that focuses them. Their screen decides which are shown.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.containers import Vertical
from textual.geometry import Size

from filesend_tui.keys import shown

#: The sign before the title of the focused pane.
SIGN: Final = "▶"


class Pane(Vertical):
    """A pane. A subclass fills it and decides which widget gets the focus."""

    #: Its title, and the meaning, in the table of keys, of the key that focuses it.
    TITLE: ClassVar[str] = ""
    DOES: ClassVar[str] = ""
    DEFAULT_CSS = """
    Pane {
        height: 1fr;
        &.-framed {
            border: round $border-blurred;
            border-title-color: $foreground 60%;
        }
        &.-framed.-here {
            border: heavy $primary;
            border-title-color: $background;
            border-title-background: $primary;
            border-title-style: bold;
        }
    }
    """

    def take_keys(self) -> None:
        """Focus the widget of this pane that gets the focus first."""
        raise NotImplementedError

    def stand(self, *, framed: bool, here: bool) -> None:
        """Set whether it has a frame beside others, and whether it has the focus (`here`)."""
        self.set_class(framed, "-framed")
        self.set_class(here, "-here")
        title = f"{SIGN if here else shown(self.DOES)} {self.TITLE}"
        self.border_title = title if framed else None

    @property
    def framed(self) -> bool:
        """Whether it is beside others, in a frame."""
        return self.has_class("-framed")

    @property
    def room(self) -> Size:
        """Its size within its frame, in cells."""
        return self.outer_size.region.shrink(self.styles.border.spacing).size

    def on_click(self) -> None:
        """Take the focus on a click anywhere in the pane."""
        if not self.has_focus_within:
            self.take_keys()
