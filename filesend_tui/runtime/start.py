"""How a run begins: its settings and its log, and the screens where no more was said.

`filesend` alone opens the screens without the command line's library, which takes longer to load
than a person should wait for the first paint. Which options there are is cli.py's.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from filesend_tui.settings.load import Settings


#: Objects made, less those that went, before Python looks for cycles among them. With its own 700
#: a folder of 10,000 files has every object of the program looked at, time and again, for 0.2 s,
#: and the first screen comes 15 ms later.
_CYCLES_AFTER: Final = 50_000
_INTERRUPTED: Final = 130


class Refused(Exception):
    """A run that cannot begin; the text says why, for the person who asked for it."""


def main() -> None:
    """Run the program; the console script's entry."""
    gc.set_threshold(_CYCLES_AFTER)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name that this terminal cannot show is shown in part, and stops nothing.
            stream.reconfigure(errors="replace")
    try:
        _begin()
    except KeyboardInterrupt:  # while nothing ran yet that could be ended in order
        sys.exit(_INTERRUPTED)
    except OSError as error:  # of standard output: what else may fail is told where it does
        print(f"Error: This cannot be written: {error.strerror}.", file=sys.stderr)
        # What is left would be flushed at the end, and fail again.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        sys.exit(1)


def _begin() -> None:
    # A shell that completes a command line asks by such a variable, and without arguments.
    if sys.argv[1:] or any(name.endswith("_COMPLETE") for name in os.environ):
        from filesend_tui.cli import cli

        cli()
        return
    try:
        code = screens({})
    except Refused as error:
        print(f"Error: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Point standard streams that came closed (`<&-`, `>&-`) to nowhere.

    Else the next file or socket would get such a stream's number, and what is printed with it.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free: this one, as those before it are open by now.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            stream = open(descriptor, "w" if descriptor else "r", encoding="utf-8")  # noqa: PTH123, SIM115 - no path
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def screens(options: Mapping[str, Any]) -> int:
    """Open the screens; return the exit code. Raises Refused."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise Refused("The screens need a terminal; `filesend --help` lists commands that do not.")
    settings = settle(options, log_to_stderr=False)
    from filesend_tui.runtime.compose import open_screens

    return open_screens(settings)


def settle(
    options: Mapping[str, Any], *, log_to_stderr: bool = True, service: bool = False
) -> Settings:
    """Return the settings, and begin to log as they say. Raises Refused.

    Args:
        options: They beat what the environment and the settings file say.
        log_to_stderr: Log there where no file is named.
        service: Standard error is a log, and no person's terminal.
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
