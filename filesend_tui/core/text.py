"""Text from other people made harmless: what it is made of, and how long it may be.

What may stay in any text is decided here, once: for what is shown (`clean`) and for what becomes a
file's name (torrent/paths.py, which decides the rest of a name). Where text is drawn is not known.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Marks that may stand on one character; living scripts need no more, a flood of them paints over
#: the lines around it.
MAX_MARKS: Final = 5

# Cc control, Cf format (bidi overrides and isolates, zero width, tags), Cs surrogates, Zl and Zp
# line and paragraph separators; Co private use looks like anything.
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# What looks like nothing though Unicode calls it a letter, a mark or a sign.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
_VARIATION: Final = frozenset(
    chr(c) for c in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_JOINERS: Final = frozenset("\u200c\u200d")
# Each character by what becomes of it: `.` stays, `x` goes, `m` is a mark, `j` a joiner, `v` a
# variation selector, `t` a tag, `p` private use.
_SUSPECT: Final = re.compile(rf"[xjvtp]|^m|m{{{MAX_MARKS + 1}}}")
# Flags such as Scotland's are spelled with tags (UTS 51, ED-14a); elsewhere these hide text.
_FLAG: Final = re.compile(
    "(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
)


class _Kinds(dict[int, str]):
    """Code points to the letters above, worked out when they are first met."""

    def __missing__(self, code: int) -> str:
        kind = _kind(chr(code))
        if len(self) < 10_000:  # a stranger chooses what is looked up
            self[code] = kind
        return kind


def _kind(char: str) -> str:
    code, category = ord(char), unicodedata.category(char)
    if char in _JOINERS:
        return "j"
    if char in _VARIATION:
        return "v"
    if 0xE0020 <= code < 0xE0080:
        return "t"
    if category == "Co":
        return "p"
    no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code < 0xFDF0
    if category in _DROPPED or char in _BLANK or no_character:
        return "x"
    return "m" if category in ("Mn", "Me") else "."


_kinds: Final = _Kinds()


def visible(text: str, *, private_use: bool = True) -> str:
    """Return `text` without what steers, hides or floods.

    Control, format and bidi characters go, lone surrogates, tags, and what is blank; marks beyond
    MAX_MARKS on one character; joiners and variation selectors that change nothing where they are,
    and so would only make two names look the same. Emoji, flags and every script stay whole.

    Args:
        text: Anything at all.
        private_use: Keep characters that mean something to some fonts only.
    """
    if text.isascii() and text.isprintable():
        return text
    kinds = text.translate(_kinds)
    if not _SUSPECT.search(kinds):
        return text
    flags = {place for found in _FLAG.finditer(text) for place in range(*found.span())}
    kept: list[str] = []
    joiner = ""  # stays if what comes next stays and can be joined
    marks = MAX_MARKS  # a mark at the start would stand on what is shown before it
    for place, (char, kind) in enumerate(zip(text, kinds, strict=True)):
        if kind == "j":
            joiner = char if kept and _joins(kept[-1]) else ""
            continue
        if kind == "m":
            marks += 1
            stays = marks <= MAX_MARKS
        elif kind == "v":
            stays = bool(kept) and _carries_variation(kept[-1])
        else:
            stays = kind == "." or (kind == "p" and private_use) or place in flags
            marks = 0 if stays else marks
        if stays:
            kept.append(joiner + char if kind in ".m" and _joins(char) else char)
        joiner = ""
    return "".join(kept)


def _carries_variation(kept: str) -> bool:
    return kept in "0123456789#*" or (not kept.isascii() and _kinds[ord(kept[-1])] in ".m")


def _joins(kept: str) -> bool:
    return not kept.isascii() and _kinds[ord(kept[-1])] in ".mv"


def clean(text: str, limit: int = 200) -> str:
    """Return `text` as it may be shown: `visible`, at most `limit` characters, in one line.

    A shortened text ends in an ellipsis. Tabs and line ends become spaces.
    """
    # Bound the work before looking at single characters: the text is a stranger's.
    head = text[: limit * 4]
    if not (head.isascii() and head.isprintable()):
        head = visible(head.translate(_SPACED), private_use=False)
    if len(head) > limit or limit * 4 < len(text):
        return head[: limit - 1] + "…"
    return head


_SPACED: Final = {ord(char): " " for char in "\t\n\r"}
