"""The link of one open share: what it means, what to copy, and the link itself in full."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from filesend_tui.views import ShareRow


class ShareLink(Static):
    """Heading and link, for a browser where there is one, and the magnet."""

    DEFAULT_CSS = "ShareLink { width: 3fr; height: 1fr; padding: 0 1; overflow-y: auto; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._shown: tuple[str, str] | None = None

    def show(self, share: ShareRow) -> None:
        """Show this share's links."""
        if (shown := (share.magnet, share.link)) == self._shown:
            return
        self._shown = shown
        if share.preparing:
            self.update(Content("The link is ready when everything was read once."))
            return
        parts = [("Anyone with the link can download.\n", "$warning")]
        if share.link:
            parts += [*_heading("Link for a browser", "c"), (share.link + "\n", "$foreground")]
        key = "C" if share.link else "c"
        parts += [*_heading("Magnet link", key), (share.magnet, "$foreground")]
        self.update(Content.assemble(*parts))


def _heading(words: str, key: str) -> list[tuple[str, str]]:
    return [
        (f"{words}  ", "bold"),
        (key, "$primary bold"),
        (" copies it\n", "$foreground 60%"),
    ]
