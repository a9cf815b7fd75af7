"""Where the relay's log lines go and what they look like: text for people, or JSON for programs.

What is logged is each module's; how many lines a stranger can cause is guard/bounded_log.py's.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final

from relay.guard.bounded_log import BoundedLog

#: What a line may look like.
FORMATS: Final = ("text", "json")
_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """Formats each record as one JSON object on a line.

    `time` (UTC, RFC 3339), `level`, `logger`, `message`; `exception` with its traceback, if any.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without its end."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": when.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # In ASCII: some who read it take other characters for the end of a line, or for orders.
        return json.dumps(line, ensure_ascii=True)


def set_up(level: str, form: str) -> None:
    """Bound the lines of this process, and format them; they go where they went before.

    Args:
        level: The lowest level of the relay's own lines.
        form: One of FORMATS.
    """
    logging.basicConfig(format=_TEXT)  # where nobody has said where they go
    for handler in logging.getLogger().handlers:
        handler.addFilter(BoundedLog())
        if form == "json":
            handler.setFormatter(JsonLines())
    logging.getLogger("relay").setLevel(level.upper())
