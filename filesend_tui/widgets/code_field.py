"""The field for the other person's code: completes words, forgives case, spaces and hyphens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.suggester import Suggester

from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.completing_field import CompletingField

#: Longest text that is looked at; a code is far shorter.
_MAX = 64


class _Words(Suggester):
    def __init__(self, complete: Callable[[str], Sequence[str]]) -> None:
        super().__init__(case_sensitive=False)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        found = self._complete(value)
        return found[0] if found and found[0].casefold().startswith(value) else None


class CodeField(CompletingField):
    """Takes a code; Tab completes the word, Enter sends it off."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("code")

    def __init__(self, complete: Callable[[str], Sequence[str]], *, id: str | None = None) -> None:
        super().__init__(
            placeholder="for example 4711-apple-violin",
            suggester=_Words(complete),
            max_length=_MAX,
            select_on_focus=False,
            id=id,
        )

    def take(self, text: str) -> None:
        """Put a pasted code in place of what was typed, and the keys into the field."""
        # A code copied from a chat often brings blanks and a line end along.
        self.value = " ".join(text[:_MAX].split())
        self.cursor_position = len(self.value)
        self.focus()

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.take(event.text)
