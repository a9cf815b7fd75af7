"""Real nginx and Caddy in front of a relay, with TLS, configured as the README says."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.certificates import own_certificate
from tests.interop import deps
from tests.security.raw import Raw

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
#: What the README has in the places of these.
_SITE, _RELAY = "relay.example", "127.0.0.1:8421"
_STARTING = 30.0


@dataclass(frozen=True)
class Front:
    """A running proxy. certificate: a file to trust it by."""

    port: int
    certificate: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    async def connect(self, source: str = "127.0.0.1", *, protocol: str = "http/1.1") -> Raw:
        """Connect from an address of this machine, and agree on a protocol over HTTP."""
        trust = ssl.create_default_context(cafile=self.certificate)
        trust.set_alpn_protocols([protocol])
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            self.port,
            ssl=trust,
            server_hostname="localhost",
            local_addr=(source, 0),
            limit=2**20,
        )
        return Raw(reader, writer, None)


@contextmanager
def running(kind: str, relay_url: str, folder: Path) -> Iterator[Front]:
    """Run a proxy of a kind in front of a relay, in an empty folder of its own."""
    certificate, key = own_certificate(folder)
    relay = relay_url.partition("://")[2]
    port = free_port()
    with _listening(kind, _SETUPS[kind](folder, port, certificate, key, relay), folder, port):
        yield Front(port, certificate)


@contextmanager
def running_nginx(http: str, folder: Path, port: int) -> Iterator[None]:
    """Run nginx in an empty folder of its own; http: what its configuration says of HTTP."""
    with _listening("nginx", _nginx_of(folder, http), folder, port):
        yield


@contextmanager
def _listening(kind: str, arguments: list[str], folder: Path, port: int) -> Iterator[None]:
    command = [_program(kind), *arguments]
    log = folder / "log"
    own = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
    with log.open("w") as said:
        process = subprocess.Popen(command, env=own, stdout=said, stderr=said)
    try:
        _wait_until_it_listens(process, port, log)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _program(kind: str) -> str:
    program = deps.server(kind)
    if program is None:
        pytest.skip(f"there is no {kind} here: make interop-deps installs it, as root on Debian")
    return program


def _snippet(language: str, relay: str) -> str:
    """What the README shows for a proxy, with the relay's true address."""
    found = re.search(rf"^```{language}\n(.+?)^```", README, re.DOTALL | re.MULTILINE)
    assert found
    assert _RELAY in found[1]
    return found[1].replace(_RELAY, relay)


def _nginx(folder: Path, port: int, certificate: Path, key: Path, relay: str) -> list[str]:
    return _nginx_of(
        folder,
        f"""
            server {{
                listen 127.0.0.1:{port} ssl http2;
                ssl_certificate {certificate};
                ssl_certificate_key {key};
                {_snippet("nginx", relay)}
            }}
        """,
    )


def _nginx_of(folder: Path, http: str) -> list[str]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(
        f"""
        daemon off;
        master_process off;
        pid {folder / "pid"};
        events {{}}
        http {{
            access_log off;
            {paths}
            {http}
        }}
        """
    )
    return ["-p", str(folder), "-c", str(config), "-e", "stderr"]


def _caddy(folder: Path, port: int, certificate: Path, key: Path, relay: str) -> list[str]:
    site = _snippet("caddyfile", relay)
    assert site.startswith(f"{_SITE} {{\n")
    site = site.replace(f"{_SITE} {{", f":{port} {{\ntls {certificate} {key}", 1)
    config = folder / "Caddyfile"
    # No port 80, no port for orders, and certificates from nobody.
    config.write_text(
        f"""
        {{
            admin off
            auto_https off
            default_bind 127.0.0.1
        }}
        {site}
        """
    )
    return ["run", "--config", str(config), "--adapter", "caddyfile"]


_SETUPS: dict[str, Callable[[Path, int, Path, Path, str], list[str]]] = {
    "nginx": _nginx,
    "caddy": _caddy,
}
KINDS = list(_SETUPS)


def free_port() -> int:
    """Return a port of this machine's that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _STARTING
    while True:
        assert process.poll() is None, f"it did not start: {log.read_text()}"
        assert time.monotonic() < deadline, f"it does not listen: {log.read_text()}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
