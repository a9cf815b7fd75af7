"""A Textual app with one line of text: the time that Textual itself needs for a first paint."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class EmptyApp(App[None]):
    """An app that shows one line."""

    def compose(self) -> ComposeResult:
        """Yield one line."""
        yield Static("nothing here")


if __name__ == "__main__":
    EmptyApp().run()
