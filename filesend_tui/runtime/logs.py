"""Logging setup. Lines never go to stdout, nor to a terminal that the TUI draws on.

Only our own loggers can be set to a verbose level, and only they may write to a person's terminal:
libraries' lines are for developers, and a remote peer may trigger them without end. At lower levels
libraries also log whole session descriptions, candidates and frames: keys and addresses that belong
in no file.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import Final

#: Our own packages; their log lines contain no secrets.
OURS: Final = ("filesend_tui", "relay")

_interpreter = logging.getLogger("python")


def configure(level: str, file: Path | None, *, to_stderr: bool, libraries: bool = False) -> None:
    """Set up logging for this process.

    Args:
        level: The lowest level logged: debug, info, warning or error. For libraries, at least
            warning.
        file: Appended to; its folder must exist. Libraries' lines go there too.
        to_stderr: Log there where no file is named.
        libraries: Log libraries to standard error too: for a service, whose log that is.

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
    """Route to the log what Python would write to standard error by itself.

    That is warnings, exceptions in threads and finalizers, and log lines that cannot be written.
    For the whole process; called once.
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
