"""Two relays behind nginx, with their state on Redis, restarted one after the other under load."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Filesend, World, contents, digest, fill
from tests.relay.stores.redis_server import running_redis
from tests.security.proxies import free_port, running_nginx

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("transfers"),
    pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send to a child"),
]

#: Pairs of people, and what each sends: for longer than both relays take to be restarted.
PAIRS = 3
SIZE, LIMIT = 4_000_000, "400k"

_HTTP = """
upstream relays {{
    server 127.0.0.1:{one} max_fails=0;
    server 127.0.0.1:{other} max_fails=0;
}}
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://relays;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_read_timeout 1h;
    }}
}}
"""


class Relays:
    """Two processes that are one relay, and what is in front of them."""

    def __init__(self, world: World, store: str, ports: tuple[int, int]) -> None:
        self._world = world
        self._store = store
        self._ports = ports
        self._running = [self._start(port) for port in ports]

    def restart(self, which: int) -> None:
        """End one as whoever updates it does, and start it anew."""
        self._end(self._running[which])
        self._running[which] = self._start(self._ports[which])

    def close(self) -> None:
        """End both."""
        for relay in self._running:
            self._end(relay)

    def _end(self, relay: Filesend) -> None:
        relay.process.send_signal(signal.SIGTERM)
        assert relay.end() == 0, relay.report()

    def _start(self, port: int) -> Filesend:
        relay = self._world.start(
            *("relay", "--port", str(port), "--store", self._store),
            *("--trusted-proxy", "127.0.0.1", "--transit", "off"),
        )
        relay.wait_for_line("ready at")
        return relay


@pytest.fixture
def relays(lonely_world: World, tmp_path: Path) -> Iterator[Relays]:
    if shutil.which("redis-server") is None:
        pytest.skip(
            "there is no redis-server here: make interop-deps installs it, as root on Debian"
        )
    folder = tmp_path / "nginx"
    folder.mkdir()
    port, one, other = free_port(), free_port(), free_port()
    http = _HTTP.format(port=port, one=one, other=other)
    with running_redis(tmp_path) as server:
        relays = Relays(lonely_world, server.store.secret, (one, other))
        with running_nginx(http, folder, port):
            lonely_world.environment["FILESEND_RELAY"] = f"http://127.0.0.1:{port}"
            yield relays
            relays.close()


@pytest.mark.skipif(sys.platform != "linux", reason="nginx and redis-server are Debian's here")
def test_it_loses_no_transfer_and_no_word(
    lonely_world: World, relays: Relays, tmp_path: Path
) -> None:
    world = lonely_world
    sent = [fill(tmp_path / "from" / f"{number}.bin", SIZE) for number in range(PAIRS)]
    senders, receivers = [], []
    for number, path in enumerate(sent):
        sender, code = world.send(path, "--upload-limit", LIMIT)
        senders.append(sender)
        receivers.append(world.receive(code, tmp_path / f"to {number}"))
    for receiver in receivers:
        receiver.wait_for("download")
    for which in (0, 1):
        relays.restart(which)
    # Whoever comes now pairs as ever.
    late, code = world.send(fill(tmp_path / "late.bin", 1000))
    assert world.receive(code, tmp_path / "to late").end() == 0
    assert late.end() == 0, late.report()
    for sender, receiver in zip(senders, receivers, strict=True):
        assert receiver.end() == 0, receiver.report()
        assert sender.end() == 0, sender.report()
        # The words of the end came, each once.
        assert len([e for e in sender.events if e["event"] == "torrentDone"]) == 1
        assert not [e for e in sender.events + receiver.events if e["event"] == "error"]
    for number, path in enumerate(sent):
        assert contents(tmp_path / f"to {number}") == {path.name: digest(path)}
