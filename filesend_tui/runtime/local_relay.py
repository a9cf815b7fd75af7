"""The relay where none was named: one that answers on this machine, or one of our own.

Our own runs as a child process that ends when its standard input is closed, so it ends with this
process however that ends. It is for this machine, or wide: then it listens on the network as well,
and announces itself there. Nothing of the relay's implementation lives here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import Enum
from typing import IO, Any, Final, NamedTuple

from filesend_tui.core.errors import RelayUnreachable
from filesend_tui.core.util.proxies import VARIABLES
from filesend_tui.core.util.text import clean
from filesend_tui.system.child_environment import without_logins
from filesend_tui.system.port_owner import stranger
from relay.protocol.nearby import new_instance

#: Asks a person whether a relay that somebody else runs may be used; the text names its owner.
Ask = Callable[[str], Awaitable[bool]]

_log = logging.getLogger(__name__)

_HOST: Final = "127.0.0.1"
#: Timeout in seconds of one health check, whatever is received meanwhile.
_LOOK_SECONDS: Final = 1.0
_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 3.0
_RETRY_SECONDS: Final = 0.1
_MAX_HEALTH: Final = 16 * 1024


class _There(Enum):
    """What listens on a port."""

    NOBODY = "nobody"
    RELAY = "relay"
    SILENT = "silent"
    OTHER = "other"


class _Prepared(NamedTuple):
    """A process of a relay's, and what it complains of. It may wait for where it is to listen."""

    child: subprocess.Popen[bytes]
    complaints: IO[bytes]


class LocalRelay:
    """The relay of this machine, started if needed. Its methods are for one thread.

    Args:
        port: The port where it is looked for, and started.
        stranger: Returns the uid of another user who listens on a port, if one does.
        wide: One that is started here is for others on the network, too.
        transit: Bytes that such a one carries for an address in a day; 0: none, None: its default.
    """

    def __init__(
        self,
        port: int,
        stranger: Callable[[int], int | None] = stranger,
        *,
        wide: bool = False,
        transit: int | None = None,
    ) -> None:
        self._port = port
        self._stranger = stranger
        self._wide = wide
        self._transit = transit
        self._instance = ""
        self._accepted: set[int] = set()
        self._child: subprocess.Popen[bytes] | None = None
        self._prepared: _Prepared | None = None
        self._stopped = False
        self._finding = asyncio.Lock()

    @property
    def url(self) -> str:
        """Its URL, whether or not it runs yet."""
        return f"http://{_HOST}:{self._port}"

    @property
    def started(self) -> bool:
        """Whether it runs as a child of this process."""
        return self._child is not None

    @property
    def is_wide(self) -> bool:
        """Whether others on the network are told of it: it was started here, for them."""
        return self._child is not None and bool(self._instance)

    @property
    def instance(self) -> str:
        """The name by which it announces itself; empty where it does not."""
        return self._instance if self.is_wide else ""

    async def prepare(self) -> None:
        """Load what a relay is made of, where none answers; the next one is started sooner then.

        Returns at once: it is loaded in a process of its own. Nothing fails that `find` would not.
        """
        async with self._finding:
            wanted = self._child is None and self._prepared is None and not self._stopped
            if not wanted or await _who_listens(self._port) is not _There.NOBODY:
                return
            if self._stopped:
                return
            complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
            try:
                child = _spawn(_HOST, self._port, ["--wait-for-options"], complaints)
            except OSError as error:  # no process can be started
                complaints.close()
                _log.info("no relay of this machine could be prepared: %s", error)
                return
            self._prepared = _Prepared(child, complaints)

    async def widen(self) -> None:
        """Have it for others on the network, too, from now on; one that was started is restarted.

        That ends its connections; whoever had one comes back by `find_again`. One that belongs to
        somebody else stays as it is: see `is_wide`.
        """
        await self._be(wide=True)

    async def narrow(self) -> None:
        """Have it for this machine alone from now on; else as `widen`."""
        await self._be(wide=False)

    async def _be(self, *, wide: bool) -> None:
        async with self._finding:
            self._wide = wide
            child, was_wide = self._child, self.is_wide
            if child is None or was_wide == wide or self._stopped:
                return
            self._child = None
            await asyncio.to_thread(_end, child)  # a while: it says goodbye to everybody
            try:
                complaint = await self._start()
            except OSError as error:  # no process can be started
                complaint = str(error)
            if complaint:
                # Whoever looks for it again finds what there is then.
                _log.warning("the relay of this machine was not started again: %s", complaint)

    async def find(self, ask: Ask) -> str:
        """Return the URL of a relay that answers; may be called again when it is gone.

        Args:
            ask: Asked about a relay of another user, where the system tells its owner.

        Raises:
            RelayUnreachable: Another program has the port, it cannot be started, or the answer was
                no.
        """
        async with self._finding:  # else one would end the child that another just started
            try:
                return await self._find(ask)
            finally:
                self._drop_prepared()  # another one answers

    async def _find(self, ask: Ask) -> str:
        clock = asyncio.get_running_loop().time
        deadline = clock() + _START_SECONDS
        complaint = ""
        while not self._stopped and clock() < deadline:
            match await _who_listens(self._port):
                case _There.RELAY:
                    await self._check_owner(ask)
                    return self.url
                case _There.NOBODY:
                    # Another process may start one at the same time: if bind fails, check again.
                    complaint = await self._start()
                case _There.SILENT:
                    complaint = f"Port {self._port} is taken, and nothing answers there."
                case _There.OTHER:
                    raise RelayUnreachable(
                        f"Another program listens on port {self._port} of this machine.",
                        "Start a relay with `filesend relay --port N` and name it with --relay.",
                    )
            if complaint:
                await asyncio.sleep(_RETRY_SECONDS)
        raise RelayUnreachable(f"No relay could be started on this machine. {complaint}".strip())

    async def find_again(self) -> bool:
        """Have a relay there once more, after the connection to it was lost; ask nobody.

        It may have belonged to another process of this user that has ended, as may its heir.

        Returns:
            Whether a relay answers there now, of this user or of one whom the person accepted.
        """
        try:
            await self.find(_refuse)
        except (RelayUnreachable, OSError) as error:  # OSError: no process can be started
            _log.info("no relay on this machine to come back to: %s", error)
            return False
        return True

    def stop(self) -> None:
        """End the child process, if there is one; nothing can be started afterwards."""
        self._stopped = True
        self._drop_prepared()
        self._end_child()

    async def _check_owner(self, ask: Ask) -> None:
        uid = self._stranger(self._port)
        if uid is None or uid in self._accepted:
            return
        whose = f"The relay on port {self._port} of this machine is run by uid {uid}."
        if not await ask(whose):
            raise RelayUnreachable(
                whose,
                f"If you trust that user with when you meet whom, name it: --relay {self.url}. "
                "Else start one with `filesend relay --port N` and name that.",
            )
        self._accepted.add(uid)

    async def _start(self) -> str:
        """Start a child process and wait until it is ready; return its error text if it ended.

        Where it cannot be wide, as another program has the port on the network, it is narrow.
        """
        complaint = await self._start_as(new_instance() if self._wide else "")
        if complaint and self._wide and not self._stopped:
            _log.info("the relay of this machine cannot be on the network: %s", complaint)
            complaint = await self._start_as("")
        return complaint

    async def _start_as(self, instance: str) -> str:
        """Start it with this name of its announcement; empty: for this machine alone."""
        self._end_child()
        options = []
        if instance:
            options = ["--announce", "--announce-as", instance]
            if self._transit is not None:
                options += ["--transit", str(self._transit or "off")]
        host = _everywhere() if instance else _HOST
        child, complaints = self._spawn(host, options)
        self._instance = instance
        self._child = child
        with complaints:
            assert child.stdout is not None
            try:
                async with asyncio.timeout(_START_SECONDS):
                    ready = await asyncio.to_thread(child.stdout.readline, 1024)
            except BaseException as ended:
                child.kill()  # or the thread would go on reading
                if not isinstance(ended, TimeoutError):
                    raise
                ready = b""
            if ready:
                return ""
            self._end_child()
            complaints.seek(0)
            said = complaints.read(64 * 1024).decode(errors="replace").strip().splitlines()
            return clean(said[-1]) if said else f"It ended with {child.returncode}."

    def _spawn(self, host: str, options: Sequence[str]) -> _Prepared:
        """Start a process, or have the one that is prepared go on. Raises OSError."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            assert prepared.child.stdin is not None
            told = " ".join(["--host", host, *options, "\n"]).encode()
            with suppress(OSError):  # it has ended, and said why
                os.write(prepared.child.stdin.fileno(), told)  # nothing is left to flush then
            return prepared
        complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with what it is for
        try:
            return _Prepared(_spawn(host, self._port, options, complaints), complaints)
        except BaseException:
            complaints.close()
            raise

    def _drop_prepared(self) -> None:
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            prepared.child.kill()  # it holds nothing yet
            _end(prepared.child)
            prepared.complaints.close()

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            _end(child)


def _everywhere() -> str:
    """Return the address that is all of this machine's, of IPv6 too where the system has it."""
    return "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - that is asked for


async def _refuse(_: str) -> bool:
    return False


# A process group of its own: Ctrl-C must end the transfer first, which needs the relay.
if sys.platform == "win32":
    _OWN_GROUP: Final[dict[str, Any]] = {
        "creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    }
else:
    _OWN_GROUP: Final[dict[str, Any]] = {"start_new_session": True}


def _spawn(
    host: str, port: int, options: Sequence[str], complaints: IO[bytes]
) -> subprocess.Popen[bytes]:
    # -P: do not import a folder named `relay` in the current folder.
    command = [sys.executable, "-P", "-m", "relay", "--until-stdin-closes"]
    # It calls nobody, and so needs no proxy of other programs, either.
    told = without_logins(os.environ)
    environment = {key: value for key, value in told.items() if key not in VARIABLES}
    return subprocess.Popen(  # noqa: S603 - our own interpreter, numbers and a name that we made
        [*command, *options, "--host", host, "--port", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env=environment,
        **_OWN_GROUP,
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()  # last: a thread that still reads from it holds its lock


async def _who_listens(port: int) -> _There:
    """Return what listens on a port, bounded by _LOOK_SECONDS and _MAX_HEALTH bytes."""
    said = bytearray()
    connected = False
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            reader, writer = await asyncio.open_connection(_HOST, port)
            connected = True
            try:
                return await _ask_health(reader, writer, said)
            finally:
                writer.transport.abort()
    except ConnectionRefusedError:
        return _There.NOBODY
    except TimeoutError:
        if not connected:
            return _There.NOBODY  # Windows takes 2 s to refuse
        # A relay that is starting listens before it can answer, so silence may be a relay.
        return _There.OTHER if said else _There.SILENT
    except OSError:
        return _There.OTHER


async def _ask_health(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytearray
) -> _There:
    """Ask at /healthz whether it is a relay. said: collects what was read. Raises OSError."""
    import h11

    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEALTH)
    host = f"{_HOST}:{writer.get_extra_info('peername')[1]}"
    asking = http.send(h11.Request(method="GET", target="/healthz", headers=[("Host", host)]))
    writer.write((asking or b"") + (http.send(h11.EndOfMessage()) or b""))
    body = bytearray()
    try:
        while len(said) <= _MAX_HEALTH:
            match http.next_event():
                case h11.NEED_DATA:
                    data = await reader.read(4096)
                    said += data
                    http.receive_data(data)
                case h11.Data(data=data):
                    body += data
                case h11.EndOfMessage():
                    health = json.loads(body)
                    ours = isinstance(health, dict) and health.get("service") == "filesend-relay"
                    return _There.RELAY if ours else _There.OTHER
                case h11.ConnectionClosed() | h11.PAUSED:
                    return _There.OTHER
    except (h11.RemoteProtocolError, ValueError, RecursionError):
        pass
    return _There.OTHER
