"""The relay of somebody who named none: one that answers on this machine, or one of our own.

Our own runs as a child process that ends when its standard input does, so it ends with this
process however that ends. Nothing of the relay's inside lives here.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from enum import Enum
from typing import IO, Any, Final

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.text import clean

_HOST: Final = "127.0.0.1"
_PROBE_SECONDS: Final = 1.0
_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 3.0
_RETRY_SECONDS: Final = 0.1
_MAX_HEALTH: Final = 4096


class _There(Enum):
    """What listens on a port."""

    NOBODY = "nobody"
    RELAY = "relay"
    SILENT = "silent"
    OTHER = "other"


class LocalRelay:
    """The relay of this machine, started if need be.

    Args:
        port: Where it is looked for, and where it is started.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it is or will be."""
        return f"http://{_HOST}:{self._port}"

    async def find(self) -> str:
        """Return the URL of a relay that answers; may be called again when it went away.

        Raises:
            RelayUnreachable: Something else has the port, or it cannot be started.
        """
        return await asyncio.to_thread(self._find)

    def stop(self) -> None:
        """End the child, if there is one; nothing can be started afterwards."""
        with self._lock:
            self._stopped = True
            child, self._child = self._child, None
        if child is not None:
            _end(child)

    def _find(self) -> str:
        deadline = time.monotonic() + _START_SECONDS
        complaint = ""
        while not self._stopped and time.monotonic() < deadline:
            match _who_listens(self._port):
                case _There.RELAY:
                    return self.url
                case _There.NOBODY:
                    # Somebody else may do so at the same moment: who cannot bind asks again.
                    complaint = self._start()
                case _There.SILENT:
                    complaint = f"Port {self._port} is taken, and nothing answers there."
                case _There.OTHER:
                    raise RelayUnreachable(
                        f"Another program listens on port {self._port} of this machine.",
                        "Start a relay with `filesend relay --port N` and name it with --relay.",
                    )
            if complaint:
                time.sleep(_RETRY_SECONDS)
        raise RelayUnreachable(f"No relay could be started on this machine. {complaint}".strip())

    def _start(self) -> str:
        """Start a child and wait until it is ready; return its complaint where it ended."""
        with tempfile.TemporaryFile() as complaints:
            with self._lock:
                if self._stopped:
                    return "It was stopped."
                if self._child is not None:
                    _end(self._child)
                self._child = child = _spawn(self._port, complaints)
            # A relay that hangs must not hang us: its end is the end of what we read.
            watchdog = threading.Timer(_START_SECONDS, child.kill)
            watchdog.start()
            try:
                assert child.stdout is not None
                ready = child.stdout.readline(1024)
            finally:
                watchdog.cancel()
            if ready:
                return ""
            child.wait(_STOP_SECONDS)
            complaints.seek(0)
            said = complaints.read(64 * 1024).decode(errors="replace").strip().splitlines()
            return clean(said[-1]) if said else f"It ended with {child.returncode}."


# A group of its own: the terminal's Ctrl-C ends the transfer first, and that needs the relay.
if sys.platform == "win32":
    _OWN_GROUP: Final[dict[str, Any]] = {
        "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    }
else:
    _OWN_GROUP: Final[dict[str, Any]] = {"start_new_session": True}


def _spawn(port: int, complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    # -P: a folder named `relay` where this was called from is not our relay.
    command = [sys.executable, "-P", "-m", "relay", "--until-stdin-closes"]
    # It needs no setting of ours, and a TURN server's credential is one of them.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FILESEND_TURN_")}
    return subprocess.Popen(  # noqa: S603 - our own interpreter, and a number
        [*command, "--host", _HOST, "--port", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env=environment,
        **_OWN_GROUP,
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _who_listens(port: int) -> _There:
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(_HOST, port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        health = json.loads(connection.getresponse().read(_MAX_HEALTH))
        ours = isinstance(health, dict) and health.get("service") == "filesend-relay"
        return _There.RELAY if ours else _There.OTHER
    except ConnectionRefusedError:
        return _There.NOBODY
    except TimeoutError:
        return _There.SILENT  # a relay that is only now starting listens before it answers
    except (HTTPException, ValueError, OSError):
        return _There.OTHER
    finally:
        connection.close()
