"""Where log lines go. Never to stdout, and never to a terminal that the TUI draws on."""

from __future__ import annotations

import logging
import sys
from pathlib import Path


def configure(level: str, file: Path | None, *, to_stderr: bool) -> None:
    """Set up logging for this process.

    Args:
        level: The least that is logged: debug, info, warning or error.
        file: Appended to; its folder must exist.
        to_stderr: Log there where no file is named.

    Raises:
        OSError: The file cannot be opened.
    """
    handler: logging.Handler
    if file is not None:
        handler = logging.FileHandler(file, encoding="utf-8")
    elif to_stderr:
        handler = logging.StreamHandler(sys.stderr)
    else:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
