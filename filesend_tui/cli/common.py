"""The start of every run: settings and log; and the error of a run that cannot start.

Nothing of the command line's library is imported: the screens start here too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from filesend_tui.settings.load import Settings

#: How many paths an error names; the rest is counted.
_NAMED: Final = 10


class Refused(Exception):
    """A run that cannot start; the text says why, for the person who started it."""


def settle(
    options: Mapping[str, Any], *, log_to_stderr: bool = True, service: bool = False
) -> Settings:
    """Return the settings, and configure the log by them. Raises Refused.

    Args:
        options: They override the environment and the settings file.
        log_to_stderr: Log to standard error where no file is named.
        service: Standard error is a log, not a person's terminal.
    """
    from filesend_tui.runtime import logs
    from filesend_tui.settings.load import SettingsError, load

    try:
        settings = load(options)
    except SettingsError as error:
        raise Refused(str(error)) from error
    try:
        logs.configure(
            settings.log_level, settings.log_file, to_stderr=log_to_stderr, libraries=service
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        hint = "Name a file that you may write to."
        raise Refused(f"--log-file: {settings.log_file} cannot be opened: {why}. {hint}") from error
    logs.take_over()
    return settings


def check_there(paths: Sequence[Path], *, skip_unreadable: bool) -> None:
    """Refuse paths that do not exist, all in one error. Raises Refused."""
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing and not (skip_unreadable and len(missing) < len(paths)):
        named = ", ".join(str(path) for path in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        verb = "is" if len(missing) == 1 else "are"
        raise Refused(f"{named}{more} {verb} not there. Check the spelling.")
