"""Process exit without waiting for threads, once everything is done.

A thread in a slow system call (a name lookup, a folder on a server that is gone) would delay the
interpreter's exit as long. Only for use after everything was freed and printed.
"""

from __future__ import annotations

import os
import threading
from typing import Final

#: Seconds that threads get to end by themselves.
GRACE: Final = 1.0
#: Ends the process; tests replace it.
leave = os._exit


def end_soon(code: int, seconds: float = GRACE) -> threading.Timer:
    """End this process with an exit code after so many seconds, unless it has ended by then.

    Returns the timer, which can be cancelled.
    """
    last = threading.Timer(seconds, leave, (code,))
    last.daemon = True
    last.start()
    return last
