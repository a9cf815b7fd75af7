"""Real processes and a real proxy: what `filesend` sends through it, and what it says of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import Filesend, World, contents, digest, fill

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("transfers")]

#: A relay on loopback answers to it, and it is not loopback's name: a proxy reaches it.
HERE = socket.gethostname().lower()
LOGIN = "ann:s3cret"


@pytest.fixture
def proxy(world: World) -> Iterator[Filesend]:
    """A proxy that connects to this machine, whatever is asked for; everybody has to use it."""
    proxy = Filesend(["127.0.0.1", "0", LOGIN], world.environment, "tests.recording_proxy")
    try:
        port = proxy.wait_for_line("a proxy at").split()[-1]
        relay = world.environment["FILESEND_RELAY"]
        world.environment["FILESEND_RELAY"] = f"http://{HERE}:{relay.rpartition(':')[2]}"
        world.environment["HTTPS_PROXY"] = f"http://{LOGIN}@127.0.0.1:{port}"
        yield proxy
    finally:
        proxy.kill()


def through(proxy: Filesend) -> set[str]:
    return {line.rpartition(" ")[2] for line in proxy.lines if line.startswith("asked for")}


def said(*processes: Filesend) -> str:
    return "\n".join(line for each in processes for line in (*each.lines, *each.errors))


@pytest.mark.parametrize("scheme", ["http", "socks5h"], ids=str)
def test_a_folder_goes_through_it(
    world: World, proxy: Filesend, tmp_path: Path, scheme: str
) -> None:
    named = world.environment.pop("HTTPS_PROXY").replace("http://", f"{scheme}://")
    world.environment["FILESEND_PROXY" if scheme == "socks5h" else "ALL_PROXY"] = named
    fill(tmp_path / "from" / "album" / "one.bin", 3_000_000)
    fill(tmp_path / "from" / "album" / "two.bin", 1)
    sender, code = world.send(tmp_path / "from" / "album")
    receiver = world.receive(code, tmp_path / "to")
    assert (receiver.end(), sender.end()) == (0, 0), (receiver.report(), sender.report())
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert receiver.wait_for("downloadComplete")["road"] == "relayed"
    assert through(proxy) == {world.environment["FILESEND_RELAY"].removeprefix("http://")}
    assert "s3cret" not in said(sender, receiver)


def test_none_goes_without_it(world: World, proxy: Filesend, tmp_path: Path) -> None:
    world.environment["FILESEND_RELAY"] = world.environment["FILESEND_RELAY"].replace(
        HERE, "127.0.0.1"
    )
    world.environment["FILESEND_PROXY"] = "none"
    source = fill(tmp_path / "from" / "film.bin", 100_000)
    sender, code = world.send(source)
    receiver = world.receive(code, tmp_path / "to")
    assert (receiver.end(), sender.end()) == (0, 0), (receiver.report(), sender.report())
    assert digest(tmp_path / "to" / "film.bin") == digest(source)
    assert not through(proxy)


def test_a_wrong_password_ends_it_and_is_not_repeated(
    world: World, proxy: Filesend, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    world.environment["HTTPS_PROXY"] = world.environment["HTTPS_PROXY"].replace("s3cret", "s3cret-")
    world.environment |= {"FILESEND_LOG_LEVEL": "debug", "FILESEND_LOG_FILE": str(log)}
    process = world.start("send", __file__, "--json")
    assert process.end() == 4, process.report()
    error = process.wait_for("error")
    assert "does not accept this user name and password" in error["message"]
    assert "failed" in log.read_text()
    for text in (said(process), log.read_text()):
        assert "s3cret" not in text
        assert "YW5uOnMzY3JldC" not in text  # base64
    assert not through(proxy)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FILESEND_PROXY", "ftp://ann:s3cret@127.0.0.1:1"),
        ("ALL_PROXY", "socks4://ann:s3cret@127.0.0.1:1"),
    ],
    ids=str,
)
def test_what_is_no_proxy_is_told(world: World, variable: str, value: str) -> None:
    world.environment |= {variable: value, "FILESEND_RELAY": f"http://{HERE}:1"}
    process = world.start("send", __file__)
    # A setting of ours ends the run at once; another program's variable where it would be used.
    assert process.end() == (2 if variable == "FILESEND_PROXY" else 4), process.report()
    assert variable in said(process)
    assert "socks5h://" in said(process)
    assert "s3cret" not in said(process)


@pytest.mark.parametrize("command", ["seed", "download"], ids=str)
def test_a_share_for_anybody_is_refused(world: World, proxy: Filesend, command: str) -> None:
    tracker = world.environment["FILESEND_RELAY"].replace("http", "ws") + "/announce"
    magnet = f"magnet:?xt=urn:btih:{'ab' * 20}&tr={tracker}"
    process = world.start(command, __file__ if command == "seed" else magnet, "--json")
    assert process.end() == 1, process.report()
    error = process.wait_for("error")
    assert error["code"] == "channelFailed"
    assert "around the proxy" in error["message"]
    assert "--road webrtc" in error["hint"]


def test_the_doctor_says_which(world: World, proxy: Filesend) -> None:
    process = world.start("doctor", "--json")
    assert process.end() == 0, process.report()
    seen = [json.loads(line) for line in process.lines]
    names = [each.get("name") for each in seen]
    assert "proxy" in names
    assert not {"dns", "udp", "tcp", "upnp"} & set(names)
    assert "s3cret" not in said(process)
