"""The rate limits of this run, shown and changed; the settings stay as they are."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input

from filesend_tui.core.util.figures import typed_rate
from filesend_tui.keys import TABLE
from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.screens.commands import LimitRates
from filesend_tui.settings import parse
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.fields.rate_field import USUAL, RateField
from filesend_tui.widgets.words import Words

_WAYS: Final = {"upload": "Send at most", "download": "Receive at most"}
_SET, _CLOSE = (key.shown for key in TABLE["limits"].keys[:2])
_STEPS: Final = "".join(key.shown for key in TABLE["rate"].keys[:2])


class LimitsScreen(BoxScreen[None]):
    """A field for each direction.

    Args:
        upload: The limit now, in bytes a second; None for none.
        download: Likewise.
    """

    PLACE = "limits"
    BINDINGS: ClassVar[list[BindingType]] = bindings("limits")

    def __init__(self, upload: int | None, download: int | None) -> None:
        super().__init__()
        self._now = {"upload": upload, "download": download}

    def compose_box(self) -> ComposeResult:
        """Yield two fields, the usual rates, the problem, and two buttons."""
        with Vertical(id="page"):
            for way, label in _WAYS.items():
                with Horizontal(classes="line"):
                    words = Words(label)
                    words.add_class("label")
                    yield words
                    yield RateField(typed_rate(self._now[way]), id=way)
            yield Words(f"{_STEPS}  {' '.join(USUAL)}; empty: no limit", id="usual")
        with Vertical(id="claims"):
            yield Words(id="problem")
            with Horizontal(id="buttons"):
                yield Button(f"{_SET}  Set", id="set", variant="success", compact=True)
                yield Button(f"{_CLOSE}  Leave", id="close", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Focus the first field."""
        super().on_mount()
        self.query_one("#box").border_title = "Limits until you quit"
        self.query_one("#problem").display = False
        self.query_one("#upload").focus()

    def action_set(self) -> None:
        """Set the limits; where one is no rate, say so and stay."""
        rates: dict[str, int | None] = {}
        for way in _WAYS:
            field = self.query_one(f"#{way}", RateField)
            try:
                rates[way] = parse.limit_now(field.value)
            except ValueError as error:
                self._refuse(field, f"{_WAYS[way]}: {error}")
                return
        self.post_message(LimitRates(**rates))
        self.dismiss()

    def _refuse(self, field: RateField, problem: str) -> None:
        words = self.query_one("#problem", Words)
        words.show(Content.assemble(("✗ ", "$error bold"), (problem, "$error")))
        words.display = True
        field.focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_set()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "set":
            self.action_set()
        else:
            self.dismiss()
