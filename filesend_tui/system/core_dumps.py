"""Core dumps: what a crash would write of this process's memory, and the keys in it. None is.

The rest of a run's beginning is the command line's (cli/).
"""

from __future__ import annotations

import sys
from typing import Final

# Linux gives cores that are piped to a program (core(5)) whatever the limit is, unless that is 1:
# a limit below any core's size, which also says that none is to be piped (fs/coredump.c).
_LIMIT: Final = 1 if sys.platform == "linux" else 0


def forbid() -> None:
    """Have no core dump made of this process, nor of those that it starts. Does nothing on Windows.

    PR_SET_DUMPABLE would do the same on Linux, and take a process from its own user as well: its
    files below /proc, debuggers, profilers. What one user's programs do to each other is not
    promised (docs/security.md). The hard limit stays, for who wants a core: `prlimit --core`.
    """
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    limit = _LIMIT if most == resource.RLIM_INFINITY else min(_LIMIT, most)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, most))
