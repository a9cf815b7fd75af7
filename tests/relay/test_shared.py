"""Which store a relay has, by options and files; and that no password of it shows anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from relay import __main__ as relay_main
from relay.guard.limits import Limits
from relay.protocol.store import StoreUrl
from relay.server import serve
from relay.shared import shared_by, store_url
from relay.starting import RelayOptions
from tests.relay.stores.redis_server import RedisServer

HUSH = "redis://:hush@127.0.0.1:1/0"


def test_a_file_names_a_store_with_its_password(tmp_path: Path) -> None:
    file = tmp_path / "store"
    file.write_text(f"{HUSH}\n")
    assert store_url(None, file) == StoreUrl(HUSH)
    file.write_text("memory")
    assert store_url(None, file) is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "a store is"),
        (b"hush", "a store is"),
        (b"redis://h hush", "more than one word"),
        (b"redis://" + b"hush" * 1000, "a store is"),
        (b"\xff\xfehush", "holds no URL"),
    ],
)
def test_a_file_of_no_use_is_told_without_what_is_in_it(
    tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "store"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=why) as caught:
        store_url(None, file)
    assert "hush" not in str(caught.value)


def test_a_store_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "store"
    file.write_text(HUSH)
    assert serve(RelayOptions(store=StoreUrl(HUSH), store_file=file)) == 1
    told = capsys.readouterr().err
    assert "--store and --store-file" in told and "hush" not in told


def test_a_password_in_an_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        relay_main.main(["--store", HUSH])
    told = capsys.readouterr().err
    assert "--store-file" in told and "hush" not in told


def test_without_the_library_it_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if "redis" in name.split(".")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ValueError, match=r"pip install 'filesend-tui\[redis\]'"):
        shared_by(StoreUrl(HUSH), Limits())


def test_a_password_shows_in_no_line_of_a_relay_whose_store_is_away(tmp_path: Path) -> None:
    file = tmp_path / "store"
    file.write_text(HUSH)
    file.chmod(0o600)
    relay = [sys.executable, "-m", "relay", "--port", "0", "--log-level", "debug"]
    running = subprocess.Popen(
        [*relay, "--store-file", str(file), "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if "it is tried again" in line:
            break
    told = "".join(lines) + running.communicate()[0]
    assert "ready at" in told and "closed" in told
    assert "hush" not in told


async def test_a_store_that_wants_a_password_is_not_reached_without(
    tmp_path: Path, redis_server_with_password: RedisServer
) -> None:
    server = redis_server_with_password
    right = shared_by(StoreUrl(f"unix://:right@{server.socket}"), Limits())
    wrong = shared_by(StoreUrl(f"unix://:hush@{server.socket}"), Limits())
    assert await right.stores.people.expire() == ()
    with pytest.raises(Exception, match="did not answer") as caught:
        await wrong.stores.people.expire()
    assert "hush" not in str(caught.value)
    await right.bus.close()
    await wrong.bus.close()


@pytest.fixture
def redis_server_with_password(tmp_path: Path):
    server = RedisServer(tmp_path, password="right")
    server.start()
    yield server
    server.stop()
