"""The entry point, as `filesend` and as `python -m filesend_tui`, and its error messages.

`filesend` alone opens the screens without the command line's library, which takes longer to load
than a person should wait for the first paint. Which commands and options there are is cli/'s.
"""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper
from typing import Final

from filesend_tui.cli.common import Refused
from filesend_tui.core.util.text import clean

#: Allocations less deallocations that start a garbage collection. With Python's own 700, reading a
#: folder of 10,000 files triggers full collections that take 0.2 s, and the first screen comes 15
#: ms later.
_CYCLES_AFTER: Final = 50_000
_USAGE: Final = 2
_INTERRUPTED: Final = 130
#: Characters of a refusal; paths are long.
_LONGEST: Final = 4096


def main() -> None:
    """Run the program; the console script's entry."""
    gc.set_threshold(_CYCLES_AFTER)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name that this terminal cannot show is shown in part, instead of an error.
            stream.reconfigure(errors="replace")
    try:
        begin()
    except KeyboardInterrupt:  # before anything ran that needs an orderly end
        sys.exit(_INTERRUPTED)
    except OSError as error:  # of standard output: other errors are reported where they happen
        print(f"Error: This cannot be written: {error.strerror}.", file=sys.stderr)
        # What is still buffered would be flushed at exit, and fail again.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        sys.exit(1)


def begin() -> None:
    """Run the command line, and end with its exit code (SystemExit)."""
    try:
        # Shell completion sets such a variable, and passes no arguments.
        if sys.argv[1:] or any(name.endswith("_COMPLETE") for name in os.environ):
            from filesend_tui.cli.root import cli

            cli()
        else:
            from filesend_tui.cli.screens import open_screens

            sys.exit(open_screens({}))
    except Refused as error:
        # In one line, without terminal control characters.
        print(f"Error: {clean(str(error), _LONGEST)}", file=sys.stderr)
        sys.exit(_USAGE)


def _open_what_is_closed() -> None:
    """Open standard streams that were passed closed (`<&-`, `>&-`) on the null device.

    Else the next file or socket would get such a stream's descriptor, and receive what is printed.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            # os.open returns the lowest free descriptor: this one, as those below it are open.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            stream = open(descriptor, "w" if descriptor else "r", encoding="utf-8")  # noqa: PTH123, SIM115 - no path
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    main()
