"""The settings that the screens can change: read once, written to the settings file.

A setting held by an option or a variable is read-only. No Textual ever lives here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from filesend_tui.core.util.figures import typed_rate
from filesend_tui.settings import file
from filesend_tui.settings.load import Settings
from filesend_tui.settings.schema import BY_KEY, SETTINGS

#: The settings that can be changed from the screens.
KEYS: Final = tuple(setting.key for setting in SETTINGS if setting.field is not None)


class Preferences(NamedTuple):
    """The settings that the screens show.

    file: where changes are saved; None: nowhere, as in tests. text: each value as a person types
    it; empty where not set. held: the option or variable that sets it, where one does.
    """

    file: Path | None = None
    text: Mapping[str, str] = {}
    held: Mapping[str, str] = {}

    @classmethod
    def of(cls, settings: Settings, file: Path) -> Preferences:
        """Return the preferences among the settings of a run."""
        text = {key: _as_typed(getattr(settings, key)) for key in KEYS}
        held = {key: source for key, source in settings.held.items() if key in KEYS}
        return cls(file, text, held)

    @property
    def limits(self) -> dict[str, int | None]:
        """The rate limits in bytes a second, by direction; None where there is none."""
        texts = {way: self.text.get(f"{way}_limit", "") for way in ("upload", "download")}
        return {
            way: BY_KEY[f"{way}_limit"].parse(text) if text else None for way, text in texts.items()
        }

    def changed(self, text: Mapping[str, str]) -> tuple[Preferences, dict[str, Any]]:
        """Return the preferences with new texts, and the parsed values of those changed. Blocking.

        Args:
            text: The new texts, by key; empty to unset one.

        Raises:
            BadPreference: A text is invalid; nothing was changed.
            SettingsError: The settings file cannot be changed.
        """
        new = {key: text[key].strip() for key in KEYS if key in text and key not in self.held}
        differing = {key: value for key, value in new.items() if value != self.text.get(key, "")}
        meant: dict[str, Any] = {}
        for key, value in differing.items():
            # The name must not be empty; all other settings may be.
            try:
                meant[key] = BY_KEY[key].parse(value) if value or key == "name" else None
            except (ValueError, RuntimeError) as error:
                raise BadPreference(key, str(error)) from None
        if differing and self.file is not None:
            file.change(self.file, {key: new[key] or None for key in differing})
        return self._replace(text={**self.text, **new}), meant


class BadPreference(ValueError):
    """A text that is invalid for a setting. key: the setting's."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def _as_typed(value: str | Path | int | None) -> str:
    """Return a value as typed text that parses to exactly that value; a number is a rate."""
    return typed_rate(value) if isinstance(value, int) else str(value or "")
