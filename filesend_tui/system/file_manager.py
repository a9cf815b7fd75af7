"""Where files are on this machine: as a path, as a link in a terminal, and in the file manager.

What came from somebody is never opened here, only the folder that it was put into: a received
folder may be a program to the system, such as an application of macOS. Never through a shell.
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

#: Seconds after which a file manager that has not failed counts as open.
PATIENCE: Final = 5.0


class CannotOpen(Exception):
    """The folder could not be opened; the text says why, for a person."""


def path_of(url: str) -> Path:
    """Return the path that a file:// URL names."""
    from urllib.request import url2pathname  # late: slow to import

    parts = urlsplit(url)
    return Path(url2pathname(f"//{parts.netloc}{parts.path}" if parts.netloc else parts.path))


def link_to(url: str) -> str:
    """Return a file:// URL of this machine as a terminal may link to it (OSC 8).

    It names the machine, so that a terminal on another one does not take the path for its own.
    """
    parts = urlsplit(url)
    host = parts.netloc or quote(socket.gethostname())
    return f"file://{host}{quote(parts.path, safe='/%:')}"


def opener(
    environment: Mapping[str, str] = os.environ,
    system: str = sys.platform,
    which: Callable[[str], str | None] = shutil.which,
) -> str | None:
    """Return the program that shows a folder here; None where there is none, or nobody to see it.

    Over SSH a window would open in front of somebody else.
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
    """Have a program show the folder in which something is.

    Args:
        path: A file or folder of any name; it is not opened itself.
        program: What `opener` returned.
        environment: What the program is told; TURN logins are left out.

    Raises:
        CannotOpen: The folder or the program is gone, or the program says so within PATIENCE.
    """
    folder = path.parent
    if not await asyncio.to_thread(folder.is_dir):
        raise CannotOpen("The folder is not there any more.")
    told = {k: v for k, v in environment.items() if not k.startswith("FILESEND_TURN_")}
    nothing = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            str(folder),
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env=told,
            start_new_session=True,
        )
    except OSError as error:
        raise CannotOpen(error.strerror or "The program cannot be started.") from error
    try:
        async with asyncio.timeout(PATIENCE):
            code = await process.wait()
    except TimeoutError:
        return  # some last as long as the window they opened
    # Explorer returns 1 whatever happened.
    if code and sys.platform != "win32":
        raise CannotOpen(f"{Path(program).name} ended with {code}.")
