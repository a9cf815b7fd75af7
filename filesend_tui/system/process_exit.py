"""The end of a process that has done all it had to do, and must not wait for the rest.

A thread in a system call that takes its time (a name that is looked up, a folder on a server that
is gone) would hold the interpreter as long. Only for after everything was freed and told.
"""

from __future__ import annotations

import os
import threading
from typing import Final

#: Seconds that threads have to end by themselves.
GRACE: Final = 1.0
#: Ends the process; the tests, which call what ends one, put another in its place.
leave = os._exit


def end_soon(code: int, seconds: float = GRACE) -> None:
    """End this process with an exit code after so many seconds, unless it has ended by then."""
    last = threading.Timer(seconds, leave, (code,))
    last.daemon = True
    last.start()
