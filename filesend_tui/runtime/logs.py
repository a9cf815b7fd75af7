"""Where log lines go. Never to stdout, and never to a terminal that the TUI draws on.

Only our own loggers can be made talkative, and only they may speak on a person's terminal: what
libraries say is meant for somebody else, and a stranger may have them say it without end. At their
lower levels they also write down whole session descriptions, candidates and frames: keys and
addresses that belong into no file.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import Final

#: The packages that are ours; what they log names no secret.
OURS: Final = ("filesend_tui", "relay")

_interpreter = logging.getLogger("python")


def configure(level: str, file: Path | None, *, to_stderr: bool, libraries: bool = False) -> None:
    """Set up logging for this process.

    Args:
        level: The least that is logged: debug, info, warning or error. Of libraries, warnings at
            the least.
        file: Appended to; its folder must exist. Libraries' lines go there too.
        to_stderr: Log there where no file is named.
        libraries: Also what libraries say, there: for a service, whose log that is.

    Raises:
        OSError: The file cannot be opened.
    """
    handler: logging.Handler
    if file is not None:
        handler = logging.FileHandler(file, encoding="utf-8")
    elif to_stderr:
        handler = logging.StreamHandler(sys.stderr)
        if not libraries:
            handler.addFilter(_is_ours)
    else:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], force=True)
    own = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(max(own, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(own)


def take_over() -> None:
    """Have the log hear of what Python would write to standard error by itself.

    That is warnings, what goes wrong in a thread or where an object ends, and a log that cannot be
    written. For the whole process; once.
    """
    logging.captureWarnings(True)
    logging.raiseExceptions = False
    sys.unraisablehook = _unraisable
    threading.excepthook = _in_thread


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] in OURS


def _unraisable(failed: sys.UnraisableHookArgs) -> None:
    what = failed.err_msg or "an exception was ignored in"
    cause = (failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)
    _interpreter.error("%s %r", what, failed.object, exc_info=cause)


def _in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is SystemExit:
        return
    name = failed.thread.name if failed.thread is not None else "a thread that is gone"
    cause = (failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)
    _interpreter.error("an exception ended %s", name, exc_info=cause)
