"""Settings: theme, name, folder and limits, shown and edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input

from filesend_tui.keys import TABLE
from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.screens.commands import SavePreferences
from filesend_tui.settings.preferences import Preferences
from filesend_tui.settings.schema import SETTINGS
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.fields.completing_field import CompletingField
from filesend_tui.widgets.fields.folder_field import FolderField
from filesend_tui.widgets.turning import Turning
from filesend_tui.widgets.words import Words

_FIELDS: Final = {setting.key: setting.field for setting in SETTINGS if setting.field is not None}
_SAVE, _CLOSE = (key.shown for key in TABLE["settings"].keys[:2])


class SettingsScreen(BoxScreen[None]):
    """A line for each setting. One set by an option or a variable is shown read-only.

    Args:
        preferences: The current settings.
        theme: The current theme.
        themes: All themes that can be chosen.
    """

    PLACE = "settings"
    BINDINGS: ClassVar[list[BindingType]] = bindings("settings")

    def __init__(self, preferences: Preferences, theme: str, themes: Sequence[str]) -> None:
        super().__init__()
        self._preferences, self._theme, self._themes = preferences, theme, themes

    def compose_box(self) -> ComposeResult:
        """Yield a line for each setting, the problem, and two buttons."""
        with Vertical(id="page"):
            for key in _FIELDS:
                with Horizontal(classes="line"):
                    label = Words(_FIELDS[key].label)
                    label.add_class("label")
                    yield label
                    yield self._field(key)
        with Vertical(id="claims"):
            yield Words(id="problem")
            with Horizontal(id="buttons"):
                save, close = f"{_SAVE}  Save", f"{_CLOSE}  Leave"
                yield Button(save, id="save", variant="success", compact=True)
                yield Button(close, id="close", variant="primary", compact=True)

    def _field(self, key: str) -> Widget:
        held = self._preferences.held.get(key)
        text = self._preferences.text.get(key, "")
        if held is not None:
            return Words(f"{text or self._theme if key == 'theme' else text}  (set by {held})")
        if key == "theme":
            return Turning(self._themes, self._theme, id=key)
        if key == "output":
            field = FolderField(text, id=key)
            field.placeholder = _FIELDS[key].empty
            return field
        return Input(text, placeholder=_FIELDS[key].empty, compact=True, id=key)

    def on_mount(self) -> None:
        """Focus the first setting that can be changed."""
        super().on_mount()
        box = self.query_one("#box")
        box.border_title = "Settings"
        if self._preferences.file is not None:
            box.border_subtitle = Content(str(self._preferences.file))
        self.query_one("#problem").display = False
        for key in _FIELDS:
            if self.query(f"#{key}"):
                self.query_one(f"#{key}").focus()
                return

    def action_save(self) -> None:
        """Save the fields."""
        text = {key: field.value for key, field in self._fields()}
        self.post_message(SavePreferences(text))

    def _fields(self) -> list[tuple[str, Turning | Input]]:
        found = [(key, self.query(f"#{key}")) for key in _FIELDS]
        return [
            (key, field)
            for key, fields in found
            for field in fields
            if isinstance(field, Turning | Input)
        ]

    def refuse(self, key: str, problem: str) -> None:
        """Show a problem, and focus the field that has it."""
        words = self.query_one("#problem", Words)
        named = f"{_FIELDS[key].label}: " if key in _FIELDS else ""
        words.show(Content.assemble(("✗ ", "$error bold"), (f"{named}{problem}", "$error")))
        words.display = True
        for field in self.query(f"#{key}") if key in _FIELDS else ():
            field.focus()

    def action_close(self) -> None:
        """Close without saving, and restore the theme."""
        self.app.theme = self._theme
        self.dismiss()

    @on(Turning.Turned)
    def _theme_turned(self, event: Turning.Turned) -> None:
        self.app.theme = event.chosen

    @on(Input.Submitted)
    def _done_with_one(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    @on(CompletingField.Left)
    def _field_left(self) -> None:
        self.action_close()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "save":
            self.action_save()
        else:
            self.action_close()
