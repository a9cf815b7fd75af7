"""A real redis-server, started by the tests and theirs alone.

Where FILESEND_TEST_STORE is `redis`, every relay that a test runs in its process keeps its state on
one, in a database of its own.
"""

from __future__ import annotations

import atexit
import itertools
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from relay.protocol.store import StoreUrl
from relay.stores.redis.server import client_of
from tests.interop import deps

#: Lua for a clock that stands still until a test moves it.
STILL_CLOCK = """
local function now()
  return tonumber(redis.call('GET', 'the clock of the tests'))
end
"""
NO_SERVER = "redis-server is not installed: make interop-deps"


class RedisServer:
    """A server on a Unix socket in a folder of its own; it keeps nothing on the disk.

    persistent: it keeps each write, also where it is killed. password: whoever asks must have it.
    """

    def __init__(self, folder: Path, *, persistent: bool = False, password: str = "") -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._folder = folder
        self._persistent = persistent
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = itertools.count(1)
        self._control = BlockingRedis(unix_socket_path=str(self.socket), password=password)

    def start(self) -> None:
        """Start it; return once it answers."""
        program = deps.server("redis-server")
        if program is None:
            pytest.skip(NO_SERVER)
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if self._persistent else []
        self._process = subprocess.Popen(
            [
                *(program, "--port", "0", "--unixsocket", str(self.socket), "--save", ""),
                *("--databases", "10000", "--requirepass", self._password),
                *("--dir", str(self._folder), "--logfile", str(self._folder / "log"), *kept),
            ]
        )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once."""
        self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def be_a_copy(self, *, is_copy: bool) -> None:
        """Become the copy of another server, as in a failover; or be one no more."""
        # Where nobody is: it takes no writes from then on, and keeps what it has.
        self._control.execute_command(
            "REPLICAOF", *(("127.0.0.1", 1) if is_copy else ("NO", "ONE"))
        )

    def flush(self) -> None:
        """Forget everything."""
        self._control.flushall()

    def size(self) -> int:
        """Return the bytes that it has taken for what it keeps."""
        return int(self._control.info("memory")["used_memory"])

    def set_clock(self, seconds: float) -> None:
        """Set the clock that STILL_CLOCK reads."""
        self._control.set("the clock of the tests", seconds)

    def listeners(self) -> list[int]:
        """How many hear each channel of a process."""
        channels = self._control.pubsub_channels("filesend:process:*")
        return [count for _, count in self._control.pubsub_numsub(*channels)]

    def kept(self) -> list[bytes]:
        """Every key, but for the tests' own."""
        return [key for key in self._control.scan_iter() if key != b"the clock of the tests"]

    def lasts(self, key: bytes) -> int:
        """The seconds that a key lasts; -1: for ever."""
        return int(self._control.ttl(key))

    @property
    def store(self) -> StoreUrl:
        """What relays that share it are told."""
        return StoreUrl(self.url)

    def fresh(self) -> StoreUrl:
        """Return an empty database."""
        return StoreUrl(f"{self.url}?db={next(self._databases)}")

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Redis]:
        """A client, as a relay has it."""
        client = client_of(self.url)
        try:
            yield client
        finally:
            await client.aclose()

    def _answers(self) -> bool:
        try:
            return bool(self._control.ping())
        except RedisError:
            return False


@cache
def _server_of_all() -> RedisServer:
    folder = tempfile.TemporaryDirectory(prefix="filesend-redis-")
    server = RedisServer(Path(folder.name))
    server.start()
    atexit.register(folder.cleanup)
    atexit.register(server.stop)
    return server


def fresh_store() -> StoreUrl:
    """Return an empty store for a relay, on a server that ends with the tests."""
    return _server_of_all().fresh()


@contextmanager
def running_redis(folder: Path, *, persistent: bool = False) -> Iterator[RedisServer]:
    """Run a server in this folder."""
    server = RedisServer(folder, persistent=persistent)
    server.start()
    try:
        yield server
    finally:
        server.stop()
