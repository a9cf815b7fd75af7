"""The table of keys as Textual bindings, for a screen or a widget.

The keys and their meanings are defined in keys.py.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

from filesend_tui.keys import TABLE


def bindings(place: str) -> list[BindingType]:
    """Return the bindings of one group of the table. Raises KeyError where there is none."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label or key.about or key.does,
            show=bool(key.label),
            key_display=key.shown,
            priority=key.priority,
            id=f"{place}.{key.does}",
        )
        for key in TABLE[place].keys
    ]


def has_first_claim(binding: Binding) -> bool:
    """Return whether a binding gets room first in the line at the bottom."""
    return binding.id in _FIRST


_FIRST = {
    f"{place}.{key.does}" for place, group in TABLE.items() for key in group.keys if key.first
}
