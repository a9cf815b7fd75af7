"""Pairing: your own code to tell, and a field for the other person's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input

from filesend_tui.keys import shown
from filesend_tui.notices import RELAY
from filesend_tui.screens.base import Clock, PlaceScreen
from filesend_tui.screens.commands import JoinCode, NewCode
from filesend_tui.store import Store
from filesend_tui.views import Level
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.code_card import CodeCard, QrCode
from filesend_tui.widgets.code_field import CodeField
from filesend_tui.widgets.completing_field import CompletingField
from filesend_tui.widgets.words import Words


class PairScreen(PlaceScreen):
    """One code to tell, one field to type the other's; either is enough."""

    MODE = "pair"
    BINDINGS: ClassVar[list[BindingType]] = bindings("pair")

    def __init__(
        self, store: Store, clock: Clock, complete: Callable[[str], Sequence[str]]
    ) -> None:
        super().__init__(store, clock)
        self._complete = complete

    def compose_body(self) -> ComposeResult:
        """Card and picture side by side, the field and the relay's state below."""
        with Horizontal(id="pairing"):
            with Vertical(id="codes"):
                yield CodeCard(id="own")
                yield Words(id="advice")
                yield CodeField(self._complete, id="theirs")
                yield Words(id="relay-line")
            yield QrCode(id="qr")

    def on_mount(self) -> None:
        """Keep the code's clock going."""
        super().on_mount()
        self.query_one("#theirs", CodeField).border_title = "Their code"
        self.set_interval(1, self.draw)

    def draw_body(self) -> None:
        """Draw code, picture, field and relay."""
        store, now = self.store, self.clock()
        code = None if store.partner else store.code
        card = self.query_one("#own", CodeCard)
        card.border_title = "Your code" if store.partner is None else "Paired"
        card.show(code, self._waiting(), now)
        alive = code is not None and not code.gone and code.expires_at > now
        self.query_one("#qr", QrCode).show(code.code if code is not None and alive else "")
        field = self.query_one("#theirs", CodeField)
        field.display = store.partner is None
        if store.partner is not None and (field.value or field.has_focus):
            field.clear()
            self.set_focus(None)
        self.query_one("#advice", Words).show(self._advice(alive))
        self.query_one("#relay-line", Words).show(self._relay_line())

    def _waiting(self) -> str:
        if self.store.partner:
            return f"You are paired with {self.store.partner}."
        match self.store.relay.state:
            case "connected":
                if "code" in self.store.busy:
                    return "Asking for a code…"
                return f"Press {shown('new code')} for a code."
            case "connecting":
                return "Your code comes in a moment…"
            case _:
                return "No code yet."  # why, the line below tells, or the notice

    def _advice(self, alive: bool) -> Content:
        if self.store.partner:
            send, transfers, part = map(shown, ("send files", "transfers", "disconnect"))
            return Content(
                f"Press {send} to send something, {transfers} for transfers, {part} to disconnect."
            )
        if "join" in self.store.busy:
            return Content.assemble(("Pairing…", "$primary bold"), " one moment.")
        if alive:
            return Content("Tell it to the other person, or type theirs:")
        return Content("Or type the other person's code:")

    def _relay_line(self) -> Content:
        relay = self.store.relay
        match relay.state:
            case "connecting" if not relay.url:
                return Content.assemble(("○ ", "$warning"), "Looking for a relay…")
            case "connecting":
                return Content.assemble(("○ ", "$warning"), f"Connecting to {relay.url} …")
            case "connected":
                return Content.assemble(("● ", "$success"), f"Relay: {relay.url}")
            case _ if self.store.notice is not None and self.store.notice.about == RELAY:
                return Content("")  # told once, and not in two places
            case _:
                return Content.assemble(
                    ("✗ ", "$error"),
                    "The relay is not there. ",
                    (f"Press {shown('try again')} to try again.", "bold"),
                )

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer only what makes sense now."""
        store = self.store
        connected = store.relay.state == "connected"
        match action:
            case "type_code":
                return store.partner is None
            case "copy":
                return store.partner is None and store.code is not None and not store.code.gone
            case "new_code":
                return store.partner is None and connected
            case _:
                return True

    def action_type_code(self) -> None:
        """Put the keys into the field."""
        self.query_one("#theirs", CodeField).focus()

    def action_copy(self) -> None:
        """Copy the code to the clipboard, through the terminal (OSC 52)."""
        if self.store.code is not None:
            self.app.copy_to_clipboard(self.store.code.code)
            self.store.tell(Level.GOOD, "Code copied.", "Paste it where the other person reads it.")
            self.draw()

    def action_new_code(self) -> None:
        """Ask for a new code."""
        self.post_message(NewCode())

    def expect_key(self, event: events.Key) -> None:
        """A code starts with a digit: typing one starts the field, which then gets all of it."""
        digit = event.character is not None and event.character.isdigit()
        if digit and self.focused is None and self.check_action("type_code", ()):
            self.set_focus(self.query_one("#theirs", CodeField))

    def on_paste(self, event: events.Paste) -> None:
        """A code pasted anywhere goes into the field."""
        if self.check_action("type_code", ()):
            event.stop()
            self.query_one("#theirs", CodeField).take(event.text)

    @on(CompletingField.Left, "#theirs")
    def _field_left(self) -> None:
        self.set_focus(None)

    @on(Input.Submitted, "#theirs")
    def _join(self, event: Input.Submitted) -> None:
        if code := event.value.strip():
            self.post_message(JoinCode(code))
