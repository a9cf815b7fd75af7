"""Sanitizing of text from other people: its characters, and its length.

Which characters may stay is decided here, once: for text that is shown (`clean`) and for file names
(storage/paths.py, which decides the rest of a name). Drawing text never lives here.
"""

from __future__ import annotations

import os
import re
import unicodedata
from typing import Final

#: Most marks on one character; living scripts need no more, and many of them paint over the lines
#: around it.
MAX_MARKS: Final = 5

# Cc control, Cf format (bidi overrides and isolates, zero width, tags), Cs surrogates, Zl and Zp
# line and paragraph separators; Co private use looks like anything.
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Blank characters that Unicode calls a letter, a mark or a sign.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
_VARIATION: Final = frozenset(
    chr(c) for c in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
_JOINERS: Final = frozenset("\u200c\u200d")
# Kinds of characters: `.` stays, `x` is removed, `p` is private use, `m` a mark, `j` a joiner, `v`
# a variation selector. Whether one of the last three stays depends on the characters around it.
_DEPENDENT: Final = re.compile("[mjv]+")
_LOOSE_JOINERS: Final = re.compile(
    "(?:^|(?<=[\0-\x7f]))[\u200c\u200d]+|[\u200c\u200d]+(?=[\0-\x7f]|$)"
)
# Flags such as Scotland's are spelled with tags (UTS 51, ED-14a); elsewhere these hide text.
_TAGS: Final = re.compile("[\U000e0020-\U000e007f]+")
_FLAG: Final = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_BREAKS: Final = re.compile("[\t\n\r]")
# What a block of text keeps of those, each as a part of its own.
_LAYOUT: Final = re.compile("([\t\n])")
_LAID_OUT: Final = {ord("\t"): None, ord("\n"): None}
_BLACK_FLAG: Final = "\U0001f3f4"
#: Characters of a path that are shown.
_MAX_PATH: Final = 1024


class _Kinds(dict[int, str]):
    """Code points to the letters above, computed on first use."""

    def __missing__(self, code: int) -> str:
        kind = _kind(chr(code))
        if len(self) < 0x10000:  # a stranger chooses the code points
            self[code] = kind
        return kind


class _Staying(dict[int, int | None]):
    """Code points to themselves, or to None if their kind is removed."""

    def __init__(self, gone: str) -> None:
        super().__init__()
        self._gone = gone

    def __missing__(self, code: int) -> int | None:
        stays = None if _kinds[code] in self._gone else code
        if len(self) < 0x10000:
            self[code] = stays
        return stays


def _kind(char: str) -> str:
    code, category = ord(char), unicodedata.category(char)
    if char in _JOINERS:
        return "j"
    if char in _VARIATION:
        return "v"
    if 0xE0020 <= code < 0xE0080:
        return "."  # handled before
    if category == "Co":
        return "p"
    no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code < 0xFDF0
    if category in _DROPPED or char in _BLANK or no_character:
        return "x"
    return "m" if category in ("Mn", "Me") else "."


_kinds: Final = _Kinds()
_staying: Final = {True: _Staying("x"), False: _Staying("xp")}


def visible(text: str, *, private_use: bool = True) -> str:
    """Return `text` without control characters, invisible characters and excess marks.

    Removes control, format and bidi characters, lone surrogates, tags and blanks; marks beyond
    MAX_MARKS on one character; joiners and variation selectors that change nothing where they are,
    and so would only make two names look the same. Emoji, flags and every script stay whole.

    Args:
        text: Any text; the time is linear in its length, and short.
        private_use: Keep characters that mean something to some fonts only.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _TAGS.sub(_flag, text.translate(_staying[private_use]))
    text = _LOOSE_JOINERS.sub("", text)
    kinds = text.translate(_kinds)
    kept: list[str] = []
    done = 0
    for found in _DEPENDENT.finditer(kinds):
        start, end = found.span()
        kept.append(text[done:start])
        kept.append(
            _depending(text[start:end], found[0], text[start - 1 : start], text[end : end + 1])
        )
        done = end
    return "".join(kept) + text[done:] if kept else text


def _flag(tags: re.Match[str]) -> str:
    before = tags.string[tags.start() - 1 : tags.start()]
    return tags[0] if before == _BLACK_FLAG and _FLAG.fullmatch(tags[0]) else ""


def _depending(run: str, kinds: str, before: str, after: str) -> str:
    """Return the marks, joiners and variation selectors that stay between two characters."""
    kept = before
    # A mark at the start would combine with what is shown before it.
    marks = 0 if before else MAX_MARKS
    joiner = ""  # stays if what comes next stays and can be joined
    for char, kind in zip(run, kinds, strict=True):
        if kind == "j":
            joiner = char if kept and _joins(kept[-1]) else ""
            continue
        if kind == "m":
            marks += 1
            if marks > MAX_MARKS:
                joiner = ""
                break
            kept += joiner + char
        elif kept and _carries_variation(kept[-1]):
            kept += char
        joiner = ""
    if joiner and after and _joins(after):
        kept += joiner
    return kept[len(before) :]


def _carries_variation(char: str) -> bool:
    return char in "0123456789#*" or (not char.isascii() and _kinds[ord(char)] in ".m")


def _joins(char: str) -> bool:
    return not char.isascii() and _kinds[ord(char)] in ".mv"


def clean(text: str, limit: int = 200) -> str:
    """Return `text` for display: `visible`, at most `limit` characters, in one line.

    A shortened text ends in an ellipsis. Tabs and line ends become spaces.
    """
    # Bound the work before looking at single characters: the text is a stranger's.
    head = text[: limit * 4]
    if not (head.isascii() and head.isprintable()):
        head = visible(_BREAKS.sub(" ", head), private_use=False)
    if len(head) > limit or limit * 4 < len(text):
        return head[: limit - 1] + "…"
    return head


def clean_block(text: str, limit: int) -> str:
    """Return some lines of `text` for display: as `clean` does, but for line ends and tabs.

    A line ends in a line feed. What is over `limit` characters is cut off.
    """
    text = text[:limit].replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and text.translate(_LAID_OUT).isprintable():
        return text
    return "".join(
        part if part in ("\n", "\t") else visible(part, private_use=False)
        for part in _LAYOUT.split(text)
    )


def path_text(path: str | os.PathLike[str]) -> str:
    """Return a path as text that can be printed, also where its bytes are none."""
    return os.fsencode(path).decode("utf-8", "replace")


def clean_path(path: str | os.PathLike[str]) -> str:
    """Return a path for display: `clean`, with room for a long one."""
    return clean(path_text(path), _MAX_PATH)
