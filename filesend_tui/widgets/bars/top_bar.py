"""The line at the top: the places, unread messages, limits, the partner and the relay's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from filesend_tui.core.util.figures import typed_rate
from filesend_tui.keys import shown
from filesend_tui.state.views import RelayStatus
from filesend_tui.widgets.ink import fit

#: The places: mode, key and word.
PLACES: Final = (
    ("pair", shown("pair"), "Pair"),
    ("send", shown("send files"), "Send"),
    ("transfers", shown("transfers"), "Transfers"),
)

_RELAY: Final = {
    "connecting": ("○", "relay…", "$warning"),
    "connected": ("●", "relay", "$success"),
    "lost": ("✗", "no relay", "$error"),
    "closed": ("○", "no relay", "$error"),
}
#: Limits of upload and download, in bytes a second; None for none.
Limits: TypeAlias = tuple[int | None, int | None]
#: Columns below which the brand is hidden, and words on the right are short.
_NARROW: Final = 60


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
        """The place was clicked."""

        mode: str

    def __init__(self, mode: str, key: str, word: str) -> None:
        super().__init__(Content.assemble((key, "$primary bold"), " ", word))
        self._mode = mode

    def show(self, here: str) -> None:
        """Show whether this is the current place."""
        self.set_class(here == self._mode, "-here")

    def on_click(self) -> None:
        """Post that the place was clicked."""
        self.post_message(self.Picked(self._mode))


class TopBar(Horizontal):
    """Brand, places, messages, partner and relay."""

    DEFAULT_CSS = """
    TopBar {
        height: 1;
        background: $panel;
        #brand { width: auto; padding: 0 2 0 1; color: $primary; text-style: bold; }
        #link { width: 1fr; text-align: right; padding: 0 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._state: tuple[str, RelayStatus, str | None, str, int] = "", RelayStatus(), None, "", 0
        self._limits: Limits = (None, None)
        self._others = 0
        self._shown: object = None

    def compose(self) -> ComposeResult:
        """Yield brand, places and the connection's state."""
        yield Static("FileSend", id="brand", markup=False)
        for mode, key, word in PLACES:
            yield Place(mode, key, word)
        yield Static("", id="link", markup=False)

    def show(
        self,
        here: str,
        relay: RelayStatus,
        partner: str | None,
        absence: str,
        unread: int,
        *,
        limits: Limits = (None, None),
        others: int = 0,
    ) -> None:
        """Show the place, the relay, the partner, the count of unread messages, and the limits.

        absence: how long the partner is away; empty while they are there. limits: of upload and
        download, in bytes a second. others: how many are here beside the partner.
        """
        self._state, self._limits = (here, relay, partner, absence, unread), limits
        self._others = others
        width = self.size.width
        if (now := (self._state, limits, others, width)) == self._shown or not width:
            return
        self._shown = now
        for place in self.query(Place):
            place.show(here)
        narrow = width < _NARROW
        self.query_one("#brand").display = not narrow
        symbol, word, colour = _RELAY.get(relay.state, _RELAY["lost"])
        parts: list[Content | tuple[str, str]] = []
        if unread:
            words = "new" if narrow else "message" if unread == 1 else "messages"
            parts.append((f" {unread} {words} ", "$background on $accent bold"))
            parts.append(("" if narrow else "  ", ""))
        if limited := _limited(limits, narrow=narrow):
            parts.append((limited if narrow else f"{limited}   ", "$warning"))
        if partner is not None and absence:
            away = absence if narrow else f"{fit(partner, 20)} away {absence}   "
            parts.append((f"… {away}", "$warning bold"))
        elif partner is not None and not narrow:
            more = f" +{others}" if others else ""
            parts.append((f"⇄ {fit(partner, 20)}{more}   ", "$success bold"))
        elif others and not narrow:
            parts.append((f"{others} here: {shown('people')}   ", "$success bold"))
        parts.append((f" {symbol}" if narrow else f"{symbol} ", colour))
        parts.append(("" if narrow else word, "$foreground 70%"))
        self.query_one("#link", Static).update(Content.assemble(*parts))

    def on_resize(self) -> None:
        """Show as much as fits."""
        self.show(*self._state, limits=self._limits, others=self._others)


def _limited(limits: Limits, *, narrow: bool) -> str:
    """Return the limits, such as `≤ ↑500k ↓2M`; on a narrow screen which there are, `≤↑↓`."""
    said = [
        way if narrow else f"{way}{typed_rate(limit)}"
        for way, limit in zip("↑↓", limits, strict=True)
        if limit is not None
    ]
    return "" if not said else f"≤{''.join(said)}" if narrow else f"≤ {' '.join(said)}"
