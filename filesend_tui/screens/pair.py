"""Pairing: your own code to give away, and a field for the other person's.

Room goes to code and field first, then to the lines beside them, to the command for the other
person, and to its QR code last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from filesend_tui.keys import shown
from filesend_tui.screens.base import Clock, PlaceScreen
from filesend_tui.screens.commands import JoinCode, NewCode
from filesend_tui.state.notices import RELAY
from filesend_tui.state.store import Store
from filesend_tui.state.views import Level, named
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.code_card import CodeCard, QrCode, Sharing
from filesend_tui.widgets.fields.code_field import CodeField
from filesend_tui.widgets.fields.completing_field import CompletingField
from filesend_tui.widgets.words import Words

#: The most cells that card and QR code take side by side, and the gap between them.
_WIDEST: Final = 90
_BESIDE: Final = 2
#: Cells of the card's frame and padding, left and right.
_FRAME: Final = 6
#: Lines beside those of the card: with blank lines, with those in it counted; with the lines of
#: text; with frames.
_ROOMY: Final = 12
_LOOSE: Final = 10
_TOLD: Final = 7
_BOXED: Final = 5


class Places(Protocol):
    """Where a code of this side can be used; meeting_places.py has it."""

    def where(self) -> str:
        """Return that in a few words."""

    def command(self, code: str) -> str:
        """Return what the other person types."""

    def link(self, code: str) -> str:
        """Return the link by which a browser uses it; empty where there is none."""


class Pairing(Vertical):
    """The whole place, which shares its room between the widgets."""

    @dataclass
    class Resized(Message):
        """The size changed."""

    def on_resize(self) -> None:
        """Report the new size."""
        self.post_message(self.Resized())

    def share_room(self, code: str) -> None:
        """Hide the widgets that do not fit beside this code and the field for the other's."""
        width, height = self.size
        picture = self.query_one(QrCode)
        wide = min(width, _WIDEST) - picture.picture.width - _BESIDE >= max(34, len(code) + 6)
        picture.display = bool(code) and wide and picture.picture.height <= height
        card = self.query_one(CodeCard)
        taken = picture.picture.width + _BESIDE if picture.display else 0
        inside = min(width, _WIDEST) - taken - _FRAME
        told = bool(code) and height >= card.lines(inside, told=True) + _TOLD
        lines = card.lines(inside, told=told)
        loose = card.lines(inside, told=told, dense=False)
        low = height < max(lines + _ROOMY, loose + _LOOSE)
        card.pack(dense=low, told=told)
        self.set_class(low, "-low")  # no blank lines
        self.set_class(height < lines + _TOLD, "-lower")  # code and field only
        self.set_class(height < lines + _BOXED, "-lowest")  # no frames around them


class PairScreen(PlaceScreen):
    """Your code, and a field for the other person's; either is enough to pair."""

    PLACE = "pair"
    BINDINGS: ClassVar[list[BindingType]] = bindings("pair")

    def __init__(
        self,
        store: Store,
        clock: Clock,
        complete: Callable[[str], Sequence[str]],
        places: Places,
    ) -> None:
        super().__init__(store, clock)
        self._complete = complete
        self._places = places

    def compose_body(self) -> ComposeResult:
        """Yield card and QR code side by side, the field and the relay's state below."""
        with Pairing(id="pairing"), Horizontal(id="both"):
            with Vertical(id="codes"):
                yield CodeCard(id="own")
                yield Words(id="advice")
                yield CodeField(self._complete, id="theirs")
                yield Words(id="relay-line")
            yield QrCode(id="qr")

    def on_mount(self) -> None:
        """Draw every second, for the code's remaining time."""
        super().on_mount()
        self.query_one("#theirs", CodeField).border_title = "Their code"
        self.set_interval(1, self.draw)

    def draw_body(self) -> None:
        """Draw code, QR code, field and relay."""
        store, now = self.store, self.clock()
        code = store.code if self._pairs else None
        if code is not None and code.gone == "joined" and "join" in store.busy:
            code = None  # it was given up for the other's, which is being joined
        card = self.query_one("#own", CodeCard)
        card.border_title = "Your code" if self._pairs else "Paired"
        working = code.code if code is not None and code.works(now) else ""
        command = self._places.command(working) if working else ""
        link = self._places.link(working) if working else ""
        sharing = Sharing(command, self._places.where(), link) if working else None
        card.show(code, self._waiting(), now, sharing)
        self.query_one("#qr", QrCode).show(link or command)
        field = self.query_one("#theirs", CodeField)
        field.display = self._pairs
        if not self._pairs and (field.value or field.has_focus):
            field.clear()
            self.set_focus(None)
        self.query_one("#advice", Words).show(self._advice(bool(working)))
        self.query_one("#relay-line", Words).show(self._relay_line())
        self.query_one(Pairing).share_room(working)

    @property
    def _pairs(self) -> bool:
        """Whether one may pair now: with nobody there, or with a code for somebody else, too."""
        store = self.store
        return store.partner is None or store.invites(self.clock()) or "join" in store.busy

    @on(Pairing.Resized)
    def _room_changed(self) -> None:
        self.draw()

    def _waiting(self) -> str:
        if not self._pairs:
            return self._partners()
        match self.store.relay.state:
            case "connected" if "join" in self.store.busy:
                return "Pairing…"
            case "connected":
                if "code" in self.store.busy:
                    return "Asking for a code…"
                return f"Press {shown('new code')} for a code."
            case "connecting":
                return "Your code comes in a moment…"
            case _:
                return "No code yet."  # the line below, or the notice, shows why

    def _partners(self) -> str:
        if absence := self.store.absence:
            return f"{self.store.partner} is away, {absence}."
        return f"You are paired with {named([each.name for each in self.store.partners])}."

    def _advice(self, alive: bool) -> Content:
        if not self._pairs:
            send, transfers, part = map(shown, ("send files", "transfers", "disconnect"))
            return Content(
                f"Press {send} to send something, {transfers} for transfers, {part} to disconnect."
            )
        if "join" in self.store.busy:
            return Content.assemble(("Pairing…", "$primary bold"), " one moment.")
        if alive:
            return Content("Tell it to them, or type theirs:")
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
                return Content("")  # the notice shows it already
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
                return self._pairs
            case "copy":
                code = store.code
                return self._pairs and code is not None and code.works(self.clock())
            case "new_code":
                return connected
            case _:
                return True

    def action_type_code(self) -> None:
        """Focus the field."""
        self.query_one("#theirs", CodeField).focus()

    def action_copy(self) -> None:
        """Copy the code to the clipboard, through the terminal (OSC 52)."""
        if self.store.code is not None and self.store.code.works(self.clock()):
            self.app.copy_to_clipboard(self.store.code.code)
            self.store.add_notice(
                Level.GOOD, "Code copied.", "Paste it where the other person reads it."
            )
            self.draw()

    def action_new_code(self) -> None:
        """Ask for a new code."""
        self.post_message(NewCode())

    def expect_key(self, event: events.Key) -> None:
        """Focus the field when a digit is typed: a code starts with one."""
        digit = event.character is not None and event.character.isdigit()
        if digit and self.focused is None and self.check_action("type_code", ()):
            self.set_focus(self.query_one("#theirs", CodeField))

    def on_paste(self, event: events.Paste) -> None:
        """Put a code pasted anywhere into the field."""
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
