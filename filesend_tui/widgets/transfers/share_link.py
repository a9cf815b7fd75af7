"""The link of one open share, what it allows, and the command that downloads it."""

from __future__ import annotations

import shlex

from textual.content import Content
from textual.widgets import Static

from filesend_tui.state.views import ShareRow


class ShareLink(Static):
    """The link for a browser where there is one, and the exact command with the magnet link."""

    DEFAULT_CSS = """
    ShareLink {
        width: 3fr;
        height: 1fr;
        padding: 0 1;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._shown: tuple[str, str] | None = None

    def show(self, share: ShareRow) -> None:
        """Show how others get this share."""
        if (shown := (share.magnet, share.link)) == self._shown:
            return
        self._shown = shown
        if share.preparing:
            self.update(Content("The link is ready when everything was read once."))
            return
        parts = [("Anyone with the link can download.\n", "$warning")]
        if share.link:
            parts += [*_heading("For a browser", "c", "the link"), (share.link + "\n", "")]
        key = "C" if share.link else "c"
        parts += [*_heading("For a terminal", key, "the magnet link"), (command(share.magnet), "")]
        self.update(Content.assemble(*parts))


def command(magnet: str) -> str:
    """Return the command that downloads it."""
    return f"filesend download {shlex.quote(magnet)}"


def _heading(words: str, key: str, what: str) -> list[tuple[str, str]]:
    return [
        (f"{words}  ", "bold"),
        (key, "$primary bold"),
        (f" copies {what}\n", "$foreground 60%"),
    ]
