"""What a terminal is told beside what it shows: a notification, its window's title, a progress.

Sequences of ECMA-48's OSC kind, built and never written. All text in them may be a stranger's: what
could end a sequence, or begin another, is not among what stays of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Characters of a text: what a notification shows, and a title bar.
LONGEST: Final = 120
_NAME: Final = "FileSend"
#: Terminals whose notifications are OSC 777 (urxvt's); all others have OSC 9 (iTerm2's), or none.
_URXVT: Final = ("rxvt", "foot")
#: Terminals by TERM that know no such thing and would show it.
_WITHOUT: Final = frozenset({"", "dumb", "linux"})
#: Of VTE: since when OSC 9;4 is a progress.
_VTE_PROGRESS: Final = 7900
_END: Final = "\a"

#: Keeps the window's title, and gives it back (xterm: CSI 22 t, CSI 23 t).
KEEP_TITLE: Final = "\x1b[22;2t"
GIVE_TITLE_BACK: Final = "\x1b[23;2t"


def plain(text: str) -> str:
    """Return a text in one line of printable characters, no longer than LONGEST.

    Nothing of it ends an OSC, in either coding of C1, or is a separator of its fields.
    """
    kept = "".join(char if char.isprintable() else " " for char in text[: 4 * LONGEST])
    kept = kept.replace(";", ",").strip()
    return kept if len(kept) <= LONGEST else kept[: LONGEST - 1] + "…"


def can_be_told(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal keeps what is not meant to be shown to itself."""
    return environment.get("TERM", "") not in _WITHOUT


def notification(text: str, environment: Mapping[str, str]) -> str:
    """Return the sequence of a notification, with a bell for who has none.

    OSC 777 or OSC 9, whichever the terminal has: with both, some would show it twice. The program's
    name is first: no text of a stranger's is taken for a number, which means something else there.
    """
    term = environment.get("TERM", "")
    if "VTE_VERSION" in environment or term.startswith(_URXVT):
        told = f"\x1b]777;notify;{_NAME};{plain(text)}{_END}"
    else:
        told = f"\x1b]9;{_NAME}: {plain(text)}{_END}"
    return told + _END


def title(text: str) -> str:
    """Return the sequence that sets the window's title; the program's name follows the text."""
    return f"\x1b]2;{plain(text)} — {_NAME}{_END}" if text else f"\x1b]2;{_NAME}{_END}"


def progress(fraction: float | None, environment: Mapping[str, str]) -> str:
    """Return the sequence of a progress in the task bar (ConEmu: OSC 9;4).

    fraction: 0 to 1; below 0 for one that nobody knows; None: there is none any more. Empty for
    terminals that are not known to have it: some would show a notification.
    """
    if not _has_progress(environment):
        return ""
    if fraction is None:
        return f"\x1b]9;4;0{_END}"
    if fraction < 0:
        return f"\x1b]9;4;3{_END}"
    return f"\x1b]9;4;1;{int(min(fraction, 1.0) * 100)}{_END}"


def _has_progress(environment: Mapping[str, str]) -> bool:
    vte = environment.get("VTE_VERSION", "")
    return (
        "WT_SESSION" in environment
        or environment.get("ConEmuANSI") == "ON"
        or environment.get("TERM_PROGRAM") in {"ghostty", "WezTerm"}
        or (vte.isdecimal() and int(vte) >= _VTE_PROGRESS)
    )
