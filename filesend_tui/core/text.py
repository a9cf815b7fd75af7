"""Text from other people made harmless: no control or bidi characters, bounded length.

Cleaning for display only; names that become files go through torrent/paths.py.
"""

from __future__ import annotations

import unicodedata

# Cc control, Cf format (bidi overrides and isolates, zero-width), Cs surrogates, Co private use,
# Zl and Zp line and paragraph separators.
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# Joiners that emoji and several scripts need to be drawn rightly; they cannot reorder a line.
_KEPT = {"\u200d", "\u200c"}


def clean(text: str, limit: int = 200) -> str:
    """Return `text` without control, format and bidi characters, at most `limit` characters.

    A shortened text ends in an ellipsis. Tabs and line ends become spaces.
    """
    if len(text) <= limit and text.isprintable():
        return text  # nearly every text: nothing printable is ever dropped
    # Bound the work before looking at single characters: the text is a stranger's.
    head = text[: limit * 4]
    kept = "".join(
        " " if char in "\t\n\r" else char
        for char in head
        if char in "\t\n\r" or char in _KEPT or unicodedata.category(char) not in _DROPPED
    )
    if len(kept) > limit or len(head) < len(text):
        return kept[: limit - 1] + "…"
    return kept
