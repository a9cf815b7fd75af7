"""The line at the top: where you are, who is there, and whether the relay answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from filesend_tui.views import RelayLink
from filesend_tui.widgets.ink import fit

#: The places one can be: mode, key and word.
PLACES: Final = (("pair", "p", "Pair"), ("send", "s", "Send"), ("transfers", "t", "Transfers"))

_RELAY: Final = {
    "connecting": ("○", "relay…", "$warning"),
    "connected": ("●", "relay", "$success"),
    "lost": ("✗", "no relay", "$error"),
    "closed": ("○", "no relay", "$error"),
}


class Place(Static):
    """The name of a place, with its key; a click goes there."""

    DEFAULT_CSS = """
    Place {
        width: auto;
        padding: 0 1;
        color: $foreground 60%;
        &:hover { color: $foreground; }
        &.-here { color: $foreground; background: $primary 25%; text-style: bold; }
    }
    """

    @dataclass
    class Picked(Message):
        """Somebody wants to go there."""

        mode: str

    def __init__(self, mode: str, key: str, word: str, *, here: bool) -> None:
        super().__init__(
            Content.assemble((key, "$primary bold"), " ", word), classes="-here" if here else ""
        )
        self._mode = mode

    def on_click(self) -> None:
        """Go there."""
        self.post_message(self.Picked(self._mode))


class TopBar(Horizontal):
    """Brand, places, partner and relay."""

    DEFAULT_CSS = """
    TopBar {
        height: 1;
        background: $panel;
        #brand { width: auto; padding: 0 2 0 1; color: $primary; text-style: bold; }
        #link { width: 1fr; text-align: right; padding: 0 1; }
    }
    """

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here
        self._shown: tuple[RelayLink, str | None, int] | None = None

    def compose(self) -> ComposeResult:
        """Brand, a word for each place, and the link."""
        yield Static("FileSend", id="brand", markup=False)
        for mode, key, word in PLACES:
            yield Place(mode, key, word, here=mode == self._here)
        yield Static("", id="link", markup=False)

    def show(self, relay: RelayLink, partner: str | None, waiting: int) -> None:
        """Show the link to the relay, the partner's name and how many requests wait."""
        if (shown := (relay, partner, waiting)) == self._shown:
            return
        self._shown = shown
        symbol, word, colour = _RELAY.get(relay.state, _RELAY["lost"])
        parts: list[Content | tuple[str, str]] = []
        if waiting:
            parts.append((f"{waiting} asking  ", "$warning bold"))
        if partner is not None:
            parts.append((f"⇄ {fit(partner, 20)}   ", "$success bold"))
        parts += [(symbol + " ", colour), (word, "$foreground 70%")]
        self.query_one("#link", Static).update(Content.assemble(*parts))
