"""The command for the rate limits of programs that run: shown, and changed while they run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import FileSendError
from filesend_tui.headless.exit_codes import ExitCode, for_error
from filesend_tui.headless.printers import plain_printer
from filesend_tui.runtime.programs import Other, Wish, running

#: Seconds that a program has to take a wish; it looks for one each second.
PATIENCE: Final = 10.0
_LOOK_SECONDS: Final = 0.05
_NOTHING: Final = "No filesend of yours runs here."


class NoSuchProgram(FileSendError):
    """No program of this user's runs whose limits could be changed."""

    code = "noSuchProgram"
    default_hint = "filesend limit without options shows what runs."


class ProgramSilent(FileSendError):
    """A running program did not take new limits."""

    code = "programSilent"
    default_hint = "It may be stopped; it takes them once it goes on."


def run(state: Path, wish: Wish, pid: int | None, *, json: bool) -> ExitCode:
    """Change the limits of running programs, and print what they are; return the exit code.

    Args:
        state: The state folder.
        wish: The new limits; where it has none, they are only printed.
        pid: The process id of the only one meant; None for all.
        json: Print each as a JSON object on a line.
    """
    printer = plain_printer(json=json)
    try:
        meant = _meant(state, wish, pid)
        if not meant and not json:
            print(_NOTHING, file=sys.stderr)
        for program in _changed(meant, wish):
            card = program.card
            printer.show(
                events.Program(
                    pid=card.pid,
                    command=card.command,
                    upload=card.upload,
                    download=card.download,
                )
            )
    except FileSendError as error:
        printer.show(error_event(error))
        return for_error(error.code)
    return ExitCode.DONE


def _meant(state: Path, wish: Wish, pid: int | None) -> list[Other]:
    """Return the programs that are meant. Raises NoSuchProgram."""
    found = running(state)
    meant = [each for each in found if pid in (None, each.card.pid)]
    if not meant and pid is not None:
        raise NoSuchProgram(f"No filesend of yours with the process id {pid} runs here.")
    if not meant and wish != Wish():
        raise NoSuchProgram(_NOTHING, "Start it with --upload-limit and --download-limit.")
    return meant


def _changed(programs: Sequence[Other], wish: Wish) -> list[Other]:
    """Have them take the wish; return those that still run, as they are then.

    Raises:
        ProgramSilent: One did not take it.
    """
    if wish == Wish():
        return list(programs)
    try:
        asked = [(each, each.wish(wish)) for each in programs]
    except OSError as error:
        raise FileSendError(
            f"Nothing can be written to the state folder: {error.strerror}."
        ) from error
    deadline = time.monotonic() + PATIENCE
    changed = []
    for program, file in asked:
        while (now := program.now()) is not None and file.exists():
            if time.monotonic() > deadline:
                raise ProgramSilent(f"The process {program.card.pid} does not take the limits.")
            time.sleep(_LOOK_SECONDS)
        # Once more: it said what they are before it removed the wish.
        if now is not None and (now := program.now()) is not None:
            changed.append(now)
    if not changed:
        raise NoSuchProgram("What ran has ended meanwhile.")
    return changed
