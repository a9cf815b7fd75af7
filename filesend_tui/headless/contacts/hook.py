"""The command that runs for each transfer that a standing receiver took. Never by a shell.

The path is an argument, and absolute, so that no name of a sender's is an option; what else is
known of the transfer is in variables of the environment.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from filesend_tui.system.child_environment import without_logins

#: Most commands at once; the rest wait for their turn, and so many at most.
AT_ONCE: Final = 2
MAX_WAITING: Final = 1_000
#: Seconds that one has to end, once it was asked to.
PARTING: Final = 3.0


class Arrived(NamedTuple):
    """A transfer that arrived. files: how many. size: bytes in all."""

    path: Path
    folder: Path
    sender: str
    contact: str
    transfer: str
    files: int
    size: int


def command_of(text: str) -> tuple[str, ...]:
    """Return the program and its arguments, as a shell splits them, and nothing else of a shell.

    Raises:
        ValueError: It is no command, or there is no such program.
    """
    parts = shlex.split(text)
    if not parts or "\0" in text:
        raise ValueError("it names no program")
    if shutil.which(parts[0]) is None:
        raise ValueError(f"there is no program {parts[0]}, or it may not be run")
    return tuple(parts)


class Hook:
    """The commands of one run.

    Args:
        command: The program and its arguments.
    """

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def run(self, arrived: Arrived) -> str:
        """Run it for a transfer; return what went wrong, empty if nothing did."""
        if self._waiting >= MAX_WAITING:
            return "too many commands wait already"
        self._waiting += 1
        try:
            async with self._turn:
                return await self._run(arrived)
        finally:
            self._waiting -= 1

    async def _run(self, arrived: Arrived) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                os.fspath(arrived.path),
                env=_environment(arrived),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=2,  # standard output is for events
                stderr=2,
            )
        except (OSError, ValueError) as error:
            return f"it cannot be started: {getattr(error, 'strerror', None) or error}"
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError, TimeoutError):
                process.terminate()
                async with asyncio.timeout(PARTING):
                    await process.wait()
            raise
        return f"it ended with {code}" if code else ""


def _environment(arrived: Arrived) -> dict[str, str]:
    return {
        **without_logins(os.environ),
        "FILESEND_FROM": arrived.sender,
        "FILESEND_CONTACT": arrived.contact,
        "FILESEND_TRANSFER": arrived.transfer,
        "FILESEND_PATH": os.fspath(arrived.path),
        "FILESEND_FOLDER": os.fspath(arrived.folder),
        "FILESEND_FILES": str(arrived.files),
        "FILESEND_BYTES": str(arrived.size),
    }
