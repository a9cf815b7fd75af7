"""Where log lines go. Never to stdout, and never to a terminal that the TUI draws on.

Only our own loggers can be made talkative. Libraries at their lower levels write down whole session
descriptions, candidates and frames: keys and addresses that belong into no file.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Final

#: The packages that are ours; what they log names no secret.
OURS: Final = ("filesend_tui", "relay")


def configure(level: str, file: Path | None, *, to_stderr: bool) -> None:
    """Set up logging for this process.

    Args:
        level: The least that is logged: debug, info, warning or error. Of libraries, warnings at
            the least.
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
    logging.basicConfig(handlers=[handler], force=True)
    own = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(max(own, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(own)
