"""A text that is laid out again only when it changed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Words(Static):
    """A Static without markup, whose `show` does nothing when nothing changed."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(text, id=id, markup=False)
        self._shown = Content(text)

    def show(self, content: Content) -> None:
        """Show this, replacing the last."""
        if content.plain != self._shown.plain or content.spans != self._shown.spans:
            self._shown = content
            self.update(content)
