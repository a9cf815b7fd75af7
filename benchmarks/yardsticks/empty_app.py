"""A Textual app with one line of text: how soon Textual itself can have painted anything."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class EmptyApp(App[None]):
    """Shows one line."""

    def compose(self) -> ComposeResult:
        """One line."""
        yield Static("nothing here")


if __name__ == "__main__":
    EmptyApp().run()
