"""The field for the other person's code: completes words, extracts the code from pasted text.

A relay's address may stand with the code, as in `4711-apple-violin@192.168.1.7`; a link to a
relay's page is as good. Parsing is the core's (core/checks.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.suggester import Suggester

from filesend_tui.core.checks import read_code, read_link, split_place
from filesend_tui.core.errors import InvalidCode
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.fields.completing_field import CompletingField

#: Longest text that can be typed; a code with an address is far shorter, a link mostly.
_MAX: Final = 600
#: Longest pasted text that is searched for a code; a whole chat may be pasted.
_MAX_PASTED: Final = 2000


class _Words(Suggester):
    def __init__(self, complete: Callable[[str], Sequence[str]]) -> None:
        super().__init__(case_sensitive=False)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        found = self._complete(value)
        return found[0] if found and found[0].casefold().startswith(value) else None


class CodeField(CompletingField):
    """A field for a code; Tab completes the word, Enter submits it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("code")

    def __init__(self, complete: Callable[[str], Sequence[str]], *, id: str | None = None) -> None:
        super().__init__(
            placeholder="for example 4711-apple-violin",
            suggester=_Words(complete),
            max_length=_MAX,
            id=id,
        )

    def take(self, text: str) -> None:
        """Replace the field's text by a pasted code, and focus the field."""
        self.value = _code_in(text[:_MAX_PASTED])[:_MAX]
        self.focus()
        # Focusing selects all, so that the next code replaces one that was refused.
        self.call_after_refresh(self.action_end)

    def on_input_submitted(self) -> None:
        """Select the submitted code: if it is refused, the next input replaces it."""
        self.action_select_all()

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.take(event.text)


def _code_in(text: str) -> str:
    """Return the one code in a text, with the address of a relay if one stands with it; or a link.

    Where there is no code or several: the text in one line.
    """
    try:
        if (link := read_link(text)) is not None:
            return link.url
        code, place = split_place(text)
        return f"{read_code(code)}@{place}" if place else read_code(code)
    except InvalidCode:
        # A code copied from a chat often comes with spaces and a line end.
        return " ".join(text.split())
