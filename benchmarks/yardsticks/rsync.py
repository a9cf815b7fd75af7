"""rsync between two processes: `rsync -a` to a daemon of our own on loopback, Debian's rsync."""

from __future__ import annotations

import getpass
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import Failed, Program

_START = 10.0
_CONFIGURATION = """\
port = {port}
address = 127.0.0.1
use chroot = no
lock file = {folder}/rsyncd.lock
[received]
path = {folder}/received
read only = no
uid = {user}
"""


@contextmanager
def daemon(folder: Path) -> Iterator[str]:
    """Run a daemon that writes into `received` in a folder; yield the URL of that.

    Raises Failed where rsync is not installed.
    """
    if shutil.which("rsync") is None:
        raise Failed("rsync is not installed: apt-get install rsync")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    (folder / "received").mkdir()
    configuration = folder / "rsyncd.conf"
    configuration.write_text(
        _CONFIGURATION.format(port=port, folder=folder, user=getpass.getuser())
    )
    command: list[str | Path] = ["rsync", "--daemon", "--no-detach", "--config", configuration]
    with Program(command, folder=folder):
        _wait_until_it_listens(port)
        yield f"rsync://127.0.0.1:{port}/received/"


def send(url: str, source: Path, seconds: float) -> float:
    """Send a folder to the daemon; return the seconds that `rsync` ran."""
    began = time.perf_counter()
    with Program(["rsync", "-a", source, url]) as program:
        program.end(seconds)
    return time.perf_counter() - began


def _wait_until_it_listens(port: int) -> None:
    deadline = time.monotonic() + _START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise Failed("rsync's daemon does not listen") from None
            time.sleep(0.05)
        else:
            return
