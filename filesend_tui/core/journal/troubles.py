"""The words for what goes wrong with the journal: what happened, what it costs, what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from filesend_tui.core.events import JournalTrouble
from filesend_tui.core.util.text import clean_path

_IN_MEMORY: Final = (
    "Transfers work, but what is unfinished when the program ends cannot go on by itself, and what "
    "ends is not in the history."
)
_ANOTHER: Final = "or name another folder with FILESEND_STATE."
#: Reasons of a trouble after which nothing that is written outlives the process.
FORGETFUL: Final = frozenset({"unusable", "newer", "stopped"})
#: Primary result codes of SQLite (sqlite.org/rescode.html).
ERROR, BUSY, LOCKED, READONLY, INTERRUPT, IOERR, CORRUPT = 1, 5, 6, 8, 9, 10, 11
FULL, CANTOPEN, NOTADB = 13, 14, 26
_REASONS: Final = {
    BUSY: "another program keeps it locked",
    LOCKED: "another program keeps it locked",
    READONLY: "it may only be read",
    IOERR: "the disk fails, or a limit was reached",
    FULL: "the disk is full",
    CANTOPEN: "it cannot be opened",
}


def code_of(error: BaseException) -> int:
    """Return SQLite's primary result code of an error; 0 where it has none."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def is_damage(error: BaseException) -> bool:
    """Return whether an error says that the file itself is damaged."""
    # The name of a column that is no text: every statement is right, so the tables are not.
    return code_of(error) in (CORRUPT, NOTADB) or isinstance(error, UnicodeDecodeError)


def is_of_the_file(error: BaseException) -> bool:
    """Return whether an error is about the file or the disk, and not about what was to be kept."""
    busy_or_broken = (BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN)
    return code_of(error) in busy_or_broken or is_damage(error)


def reason_of(error: BaseException) -> str:
    """Return an error's reason, as a clause about the file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return _REASONS.get(code_of(error), str(error) or type(error).__name__)


def unusable(path: Path, error: BaseException) -> JournalTrouble:
    """Return that a folder or file cannot be used, and the journal is in memory."""
    return _trouble(
        "unusable",
        path,
        f"The journal {clean_path(path)} cannot be used: {reason_of(error)}.",
        f"{_IN_MEMORY} Mend that, {_ANOTHER}",
    )


def newer(path: Path) -> JournalTrouble:
    """Return that the file is of a later version, and the journal is in memory."""
    return _trouble(
        "newer",
        path,
        f"The journal {clean_path(path)} is of a newer FileSend, and is left as it is.",
        f"{_IN_MEMORY} Update FileSend, {_ANOTHER}",
    )


def damaged(kept: Path | None, path: Path) -> JournalTrouble:
    """Return that the file was damaged, and where it is kept; None where it is gone."""
    what = f"was damaged, and is kept as {clean_path(kept)}" if kept else "was deleted or replaced"
    return _trouble(
        "damaged",
        kept or path,
        f"The journal {what}. A new one begins.",
        "What was unfinished can no longer be continued by itself. Files that arrived are where "
        "they are; part files are found by their folders.",
    )


def spoiled(path: Path) -> JournalTrouble:
    """Return that some entries are no longer what was written."""
    return _trouble(
        "spoiled",
        path,
        f"Something in the journal {clean_path(path)} is damaged and was left out.",
        "What it was about can no longer be continued by itself; all else can. Check the disk.",
    )


def unwritten(path: Path, error: BaseException) -> JournalTrouble:
    """Return that nothing can be written for now."""
    return _trouble(
        "unwritten",
        path,
        f"The journal {clean_path(path)} cannot be written: {reason_of(error)}.",
        "Transfers go on, but if the program ended now, they could not go on by themselves. "
        "It is tried again by itself: free some room, or check the disk.",
    )


def stopped(path: Path) -> JournalTrouble:
    """Return that nothing is written any more until the next start."""
    return _trouble(
        "stopped",
        path,
        f"The journal {clean_path(path)} could not be written for too long, and is given up.",
        "Transfers go on, but what is new is not kept. Start again once the disk works.",
    )


def _trouble(reason: str, path: Path, message: str, hint: str) -> JournalTrouble:
    return JournalTrouble(reason=reason, path=clean_path(path), message=message, hint=hint)
