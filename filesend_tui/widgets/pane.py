"""A part of a screen with keys of its own, which may stand beside others in a frame.

Where panes stand side by side, the one that has the keys has another frame and a sign before its
title, and the others name the key that leads to them. Which of them are shown is their screen's.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.containers import Vertical
from textual.geometry import Size

from filesend_tui.keys import shown

#: Stands before the title of the pane that has the keys.
SIGN: Final = "▶"


class Pane(Vertical):
    """A pane. A subclass fills it and says who in it takes the keys."""

    #: Its title, and what the key that leads to it does, in the table of keys.
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
        """Give the keys to who takes them first in here."""
        raise NotImplementedError

    def stand(self, *, framed: bool, here: bool) -> None:
        """Stand beside others in a frame, or alone; `here` has the keys."""
        self.set_class(framed, "-framed")
        self.set_class(here, "-here")
        title = f"{SIGN if here else shown(self.DOES)} {self.TITLE}"
        self.border_title = title if framed else None

    @property
    def framed(self) -> bool:
        """Whether it stands beside others."""
        return self.has_class("-framed")

    @property
    def room(self) -> Size:
        """Cells within its frame."""
        return self.outer_size.region.shrink(self.styles.border.spacing).size

    def on_click(self) -> None:
        """Take the keys, wherever in here was clicked."""
        if not self.has_focus_within:
            self.take_keys()
