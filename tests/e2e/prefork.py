"""`filesend` processes that are forked from one that has imported the program already.

Importing takes a process of the program nine tenths of its processor time in a test, so those of
e2e tests come from here: real processes, each with its own memory, descriptors, environment and
session. What depends on how an interpreter starts (closed streams, what a process shows of its
arguments, another module) is tested with processes started in full, by subprocess. What is run in
a process never lives here.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import IO, Any, Final, NoReturn

#: What every process of the program imports sooner or later, but for the screens.
MODULES: Final = (
    "aiohttp",
    "aiortc",
    "filesend_tui.__main__",
    "filesend_tui.cli.root",
    "filesend_tui.core.relay_client.socket_client",
    "filesend_tui.core.transports.webrtc.aiortc.attempt",
    "filesend_tui.headless.history",
    "filesend_tui.headless.paired",
    "filesend_tui.headless.resuming",
    "filesend_tui.headless.swarms",
    "relay.server",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "websockets.asyncio.client",
)
#: Of sched.h: a network namespace.
_CLONE_NEWNET: Final = 0x40000000
#: Longest request, in bytes.
_LONGEST: Final = 1024 * 1024
#: What an interpreter, a loader or a library reads as it starts, before a program could change it.
_EARLY: Final = ("PYTHON", "LD_", "LC_", "LANG", "COVERAGE", "SSL_")


class Forked:
    """A process made by `start`, with those parts of subprocess.Popen that tests use."""

    def __init__(self, pid: int, ended: socket.socket, streams: Sequence[IO[str] | None]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = streams
        self._ended = ended
        self._reading = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal's; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            with self._reading:
                if self.returncode is None and select.select([self._ended], [], [], left)[0]:
                    said = self._ended.recv(64)
                    assert said, "the process that it was forked from has ended"
                    self.returncode = int(said)
                    self._ended.close()
            if self.returncode is None and left == 0:
                raise subprocess.TimeoutExpired("filesend", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end, by SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that forks, and a connection to it; made at the first start."""

    def __init__(self) -> None:
        self._connection: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()
        self._early = _early(os.environ)

    def can(
        self, inside: Sequence[str], environment: Mapping[str, str], options: Mapping[str, Any]
    ) -> bool:
        """Whether it can start a process so.

        Args:
            inside: A command by which it is to run somewhere else; a network namespace can be.
            environment: Its own.
            options: Of subprocess.Popen.
        """
        known = {"stdin", "stdout", "stderr", "encoding", "cwd", "start_new_session"}
        return (
            sys.platform == "linux"
            and (not inside or _network(inside) is not None)
            and options.keys() <= known
            and options["encoding"] == "utf-8"
            and _early(environment) == self._early
        )

    def start(
        self,
        arguments: Sequence[str],
        inside: Sequence[str],
        environment: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> Forked:
        """Start `filesend` with arguments; for the others see `can`."""
        passed: list[int] = []
        own: list[IO[str] | None] = []
        try:
            for name, mode in (("stdin", "w"), ("stdout", "r"), ("stderr", "r")):
                theirs, mine = _stream(options.get(name), mode)
                passed.append(theirs)
                own.append(mine)
            # By packets: the process may have ended before its id is read.
            here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            passed.append(there.detach())
            request = {
                "arguments": list(arguments),
                "environment": dict(environment),
                "cwd": str(options.get("cwd") or os.getcwd()),  # noqa: PTH109
                "session": bool(options.get("start_new_session")),
                "network": _network(inside),
                # nohup's, which a process inherits.
                "hangup": signal.getsignal(signal.SIGHUP) != signal.SIG_IGN,
            }
            with self._one_at_a_time:
                self._ask(json.dumps(request).encode(), passed)
                pid = int(here.recv(64))
        finally:
            for descriptor in passed:
                os.close(descriptor)
        return Forked(pid, here, own)

    def _ask(self, request: bytes, descriptors: list[int]) -> None:
        if self._connection is None:
            self._connection, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            for end in (self._connection, there):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST)
            command = [sys.executable, "-m", "tests.e2e.prefork", str(there.fileno())]
            self._process = subprocess.Popen(
                command, pass_fds=[there.fileno()], stdin=subprocess.DEVNULL
            )
            there.close()
            atexit.register(self.close)
        socket.send_fds(self._connection, [request], descriptors)

    def close(self) -> None:
        """End the process that forks; those it made run on."""
        if self._connection is not None and self._process is not None:
            self._connection.close()
            self._process.wait(10)
            self._connection = None


def _network(inside: Sequence[str]) -> str | None:
    """Return the path of the network namespace that a command of nsenter enters, and no other."""
    if len(inside) == 3 and inside[0] == "nsenter" and inside[1].startswith("--net="):
        return inside[1].removeprefix("--net=")
    return None


def _early(environment: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if value and key.startswith(_EARLY)}


def _stream(wanted: Any, mode: str) -> tuple[int, IO[str] | None]:
    """Return a descriptor for the process, and this side's end of it."""
    if wanted == subprocess.PIPE:
        reading, writing = os.pipe()
        theirs, mine = (reading, writing) if mode == "w" else (writing, reading)
        return theirs, os.fdopen(mine, mode, encoding="utf-8")
    if wanted is None or wanted == subprocess.DEVNULL:
        name = os.devnull if wanted is not None else f"/dev/fd/{0 if mode == 'w' else 1}"
        return os.open(name, os.O_RDWR if wanted is not None else os.O_WRONLY), None
    return os.dup(wanted if isinstance(wanted, int) else wanted.fileno()), None


def serve(connection: socket.socket) -> None:
    """Fork at each request, and tell how each process ended; return in each one, and at the end."""
    for module in MODULES:
        __import__(module)
    assert threading.active_count() == 1, "a fork has one thread only"
    gc.collect()
    gc.freeze()  # else each collection in a process copies all of this memory
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal of the tests
    waking, woken = os.pipe()
    for descriptor in (waking, woken):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}  # descriptors to tell the ends to, by process id
    while True:
        ready, _, _ = select.select([connection.fileno(), waking], [], [])
        if waking in ready:
            os.read(waking, 4096)
            _tell(running)
        if connection.fileno() in ready:
            request, descriptors, _, _ = socket.recv_fds(connection, _LONGEST, 4)
            if not request:
                return
            *streams, ended = descriptors
            if (pid := os.fork()) == 0:
                _become(json.loads(request), streams)
                return
            os.write(ended, b"%d" % pid)
            running[pid] = ended
            for descriptor in streams:
                os.close(descriptor)
            _tell(running)


def _tell(running: dict[int, int]) -> None:
    for pid in list(running):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            ended = running.pop(pid)
            with suppress(OSError):  # nobody waits for it
                os.write(ended, b"%d" % os.waitstatus_to_exitcode(status))
            os.close(ended)


def _become(request: dict[str, Any], streams: Sequence[int]) -> None:
    """Make this process what a new one would be."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL if request["hangup"] else signal.SIG_IGN)
    if request["session"]:
        os.setsid()
    if request["network"] is not None:
        network = os.open(request["network"], os.O_RDONLY)
        # os.setns is Python 3.12's.
        assert ctypes.CDLL(None, use_errno=True).setns(network, _CLONE_NEWNET) == 0
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, 65536)
    sys.argv = ["filesend", *request["arguments"]]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        mode = "r" if number == 0 else "w"
        raw = open(number, f"{mode}b", buffering=-1, closefd=False)  # noqa: SIM115
        new = TextIOWrapper(
            raw,
            encoding=old.encoding,
            errors=old.errors,
            line_buffering=number == 2 or os.isatty(number),
        )
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    gc.enable()


def _run() -> NoReturn:
    connection = socket.socket(fileno=int(sys.argv[1]))
    own = os.getpid()
    serve(connection)
    if os.getpid() == own:
        sys.exit(0)
    connection.detach()  # its descriptor is closed, and may be another's by now
    from filesend_tui.__main__ import main

    main()
    sys.exit(0)


NURSERY: Final = Nursery()

if __name__ == "__main__":
    _run()
