"""Core dumps, disabled: a crash would write this process's memory, with its keys, to disk.

The rest of a run's start is the command line's (cli/).
"""

from __future__ import annotations

import sys
from typing import Final

# Linux pipes cores to a program (core(5)) whatever the limit is, unless that is 1: a limit below
# any core's size, which also disables piping (fs/coredump.c).
_LIMIT: Final = 1 if sys.platform == "linux" else 0


def forbid() -> None:
    """Disable core dumps of this process and of its children. Does nothing on Windows.

    PR_SET_DUMPABLE would do the same on Linux, but also deny the process's own user its files below
    /proc, debuggers and profilers. Protection between one user's programs is not promised
    (docs/security.md). The hard limit stays, for a user who wants a core: `prlimit --core`.
    """
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    limit = _LIMIT if most == resource.RLIM_INFINITY else min(_LIMIT, most)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, most))
