"""The app's own colours: one dark, one light. Everything else takes its colours from here."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

_DARK: Final = Theme(
    name="filesend",
    primary="#6cb8c9",
    secondary="#8aa4c8",
    accent="#e0b872",
    success="#8cc785",
    warning="#e3b566",
    error="#e0707a",
    foreground="#dce0e6",
    background="#15181d",
    surface="#1c2026",
    panel="#20252c",
    dark=True,
    variables={
        "scrollbar": "#343b45",
        "scrollbar-background": "#15181d",
        "border": "#6cb8c9",
        "border-blurred": "#343b45",
        "block-cursor-text-style": "none",
        "button-focus-text-style": "bold underline",
        "input-selection-background": "#6cb8c9 30%",
    },
)

_LIGHT: Final = Theme(
    name="filesend-light",
    primary="#1f7a8c",
    secondary="#4a678f",
    accent="#9a6b15",
    success="#33762c",
    warning="#8f5f08",
    error="#b3303d",
    foreground="#23272e",
    background="#f6f7f8",
    surface="#eceef1",
    panel="#e2e6ea",
    dark=False,
    variables={
        "scrollbar": "#bcc4cc",
        "scrollbar-background": "#f6f7f8",
        "button-focus-text-style": "bold underline",
        "border": "#1f7a8c",
        "border-blurred": "#bcc4cc",
        "block-cursor-text-style": "none",
    },
)

THEMES: Final = (_DARK, _LIGHT)
