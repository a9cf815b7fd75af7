"""Some words in one place, laid out anew only when they differ."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Words(Static):
    """A Static that never reads markup, and whose `show` costs nothing when nothing changed."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(text, id=id, markup=False)
        self._shown = Content(text)

    def show(self, content: Content) -> None:
        """Show this in place of the last."""
        if content.plain != self._shown.plain or content.spans != self._shown.spans:
            self._shown = content
            self.update(content)
