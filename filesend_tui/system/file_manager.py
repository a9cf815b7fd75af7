"""Locations of files on this machine: as a path, a terminal link, and in the file manager.

A received file is never opened here, only the folder that contains it: a received folder may be a
program to the system, such as an application of macOS. Never through a shell.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from filesend_tui.system.child_environment import without_logins

#: Seconds after which a file manager that has not exited counts as open.
PATIENCE: Final = 5.0


class CannotOpen(Exception):
    """The folder could not be opened; the text says why, for a person."""


def path_of(url: str) -> Path:
    """Return the path that a file:// URL names."""
    from urllib.request import url2pathname  # late: slow to import

    parts = urlsplit(url)
    return Path(url2pathname(f"//{parts.netloc}{parts.path}" if parts.netloc else parts.path))


def link_to(url: str) -> str:
    """Return a file:// URL of this machine for a terminal link (OSC 8).

    It names the host, so that a terminal on another machine does not take the path for its own.
    """
    parts = urlsplit(url)
    host = parts.netloc or quote(socket.gethostname())
    return f"file://{host}{quote(parts.path, safe='/%:')}"


def opener(
    environment: Mapping[str, str] = os.environ,
    system: str = sys.platform,
    which: Callable[[str], str | None] = shutil.which,
) -> str | None:
    """Return the program that shows a folder; None without one, without a display, or over SSH.

    Over SSH a window would open on the remote machine's display.
    """
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return None
    if system == "win32":
        return which("explorer")
    if system == "darwin":
        return which("open")
    shown = environment.get("WAYLAND_DISPLAY") or environment.get("DISPLAY")
    return which("xdg-open") if shown else None


async def open_folder_of(path: Path, program: str, environment: Mapping[str, str]) -> None:
    """Have a program show the folder that contains a file.

    Args:
        path: A file or folder of any name; it is not opened itself.
        program: What `opener` returned.
        environment: The program's environment; logins of TURN and of `FILESEND_PROXY` are removed.

    Raises:
        CannotOpen: The folder or the program is gone, or the program fails within PATIENCE.
    """
    folder = path.parent
    if not await asyncio.to_thread(folder.is_dir):
        raise CannotOpen("The folder is not there any more.")
    nothing = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            str(folder),
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env=without_logins(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise CannotOpen(error.strerror or "The program cannot be started.") from error
    try:
        async with asyncio.timeout(PATIENCE):
            code = await process.wait()
    except TimeoutError:
        return  # some run as long as the window they opened
    # Explorer returns 1 whatever happened.
    if code and sys.platform != "win32":
        raise CannotOpen(f"{Path(program).name} ended with {code}.")
