"""Keeping the machine from falling asleep while something runs. When that is, is the caller's.

What keeps it awake ends with this process, however that ends: a program that waits for the end of a
pipe, or for this process, or a flag of a thread.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Final

from filesend_tui.system.child_environment import without_logins

#: Windows: until told otherwise, the system is needed.
_CONTINUOUS: Final = 0x80000000
_SYSTEM_REQUIRED: Final = 0x00000001


def inhibitor() -> list[str] | None:
    """Return the command that keeps this machine awake until it ends; None where there is none."""
    if sys.platform == "darwin":
        return ["caffeinate", "-i", "-w", str(os.getpid())] if shutil.which("caffeinate") else None
    if sys.platform == "win32" or shutil.which("systemd-inhibit") is None:
        return None
    why = ("--who=FileSend", "--why=Files are being sent or received", "--what=sleep:idle")
    return ["systemd-inhibit", *why, "--mode=block", "cat"]


class Awake:
    """Keeps the machine awake while it is held. All calls in one thread, which outlives them."""

    def __init__(self) -> None:
        self._held = False
        self._changing = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def hold(self, wanted: bool) -> None:
        """Keep it awake from now on, or no longer; returns at once."""
        if wanted is self._held:
            return
        self._held = wanted
        if sys.platform == "win32":
            import ctypes

            flags = _CONTINUOUS | (_SYSTEM_REQUIRED if wanted else 0)
            ctypes.windll.kernel32.SetThreadExecutionState(flags)
        else:
            # Starting a program takes longer than an event loop should wait.
            threading.Thread(target=self._change, name="awake", daemon=True).start()

    def _change(self) -> None:
        with self._changing:
            if self._held and self._child is None:
                self._child = _start()
            elif not self._held and self._child is not None:
                child, self._child = self._child, None
                _end(child)


def _start() -> subprocess.Popen[bytes] | None:
    command = inhibitor()
    if command is None:
        return None
    with suppress(OSError):
        return subprocess.Popen(  # noqa: S603 - the command is this module's
            command,
            stdin=subprocess.PIPE,  # `cat` ends with it, and it with this process
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=without_logins(os.environ),
            start_new_session=True,  # or it might ask for a password on the terminal
        )
    return None


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if child.stdin is not None:
            child.stdin.close()
        child.terminate()
    child.wait()
