"""A real coturn on this machine, with the secret that a relay shares with it."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.certificates import own_certificate
from tests.interop import deps

SECRET = "0123456789abcdef0123456789abcdef"
HOST = "127.0.0.1"
_STARTING = 20.0
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
#: What differs where peers are on this machine; a server on the internet must have none of it.
_HERE = [
    f"listening-ip={HOST}",
    f"relay-ip={HOST}",
    "allow-loopback-peers",
    "no-dtls",
    "verbose",
    "log-file=stdout",
]


@dataclass(frozen=True)
class Coturn:
    """A running one. certificate: a file to trust it by. log: what it says."""

    port: int
    tls_port: int
    certificate: Path
    secret_file: Path
    log: Path

    @property
    def udp(self) -> str:
        return f"turn:{HOST}:{self.port}?transport=udp"

    @property
    def tcp(self) -> str:
        return f"turn:{HOST}:{self.port}?transport=tcp"

    @property
    def tls(self) -> str:
        return f"turns:localhost:{self.tls_port}"


@contextmanager
def coturn(folder: Path, *options: str) -> Iterator[Coturn]:
    """Run one in an empty folder of its own, which has UDP, TCP and TLS but for `options`."""
    program = deps.server("turnserver")
    if program is None:
        pytest.skip("there is no coturn here: make interop-deps installs it, as root on Debian")
    certificate, key = own_certificate(folder)
    secret = folder / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    port, tls_port = _free_port(), _free_port()
    log = folder / "log"
    own = {
        "static-auth-secret": SECRET,
        "listening-port": str(port),
        "tls-listening-port": str(tls_port),
        "cert": str(certificate),
        "pkey": str(key),
    }
    config = folder / "turnserver.conf"
    config.write_text(
        "\n".join(
            [
                *_as_the_readme_says(own),
                *_HERE,
                f"userdb={folder / 'db'}",
                f"pidfile={folder / 'pid'}",
                *options,
            ]
        )
    )
    with log.open("w") as said:
        process = subprocess.Popen([program, "-c", str(config)], stdout=said, stderr=said)
    try:
        if "no-tcp" not in options:
            _wait_until_it_listens(process, port, log)
        _wait_until_it_listens(process, tls_port, log)
        yield Coturn(port, tls_port, certificate, secret, log)
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def dead_server() -> Iterator[str]:
    """The URL of a UDP server that never answers, as behind a firewall."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((HOST, 0))
        yield f"turn:{HOST}:{silent.getsockname()[1]}?transport=udp"


def _as_the_readme_says(own: dict[str, str]) -> list[str]:
    """The lines of its configuration, with these values in place of its own."""
    found = re.search(r"^# /etc/turnserver.conf\n(.+?)^```", README, re.DOTALL | re.MULTILINE)
    assert found
    lines = dict.fromkeys(found[1].splitlines())
    for name, value in own.items():
        (line,) = [each for each in lines if each.startswith(f"{name}=")]
        del lines[line]
        lines[f"{name}={value}"] = None
    del lines["denied-peer-ip=127.0.0.0-127.255.255.255"]
    return [*lines]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _STARTING
    while True:
        assert process.poll() is None, f"it did not start: {log.read_text()}"
        assert time.monotonic() < deadline, f"it does not listen: {log.read_text()}"
        try:
            socket.create_connection((HOST, port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
