"""Proxies that lie, and passwords of proxies: what comes of them, and where they are seen."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core.config import ClientConfig
from filesend_tui.core.errors import ChannelFailed, FileSendError, RelayUnreachable
from filesend_tui.core.relay_client.connection import RelayConnection
from filesend_tui.core.transports.base import RelayEntry
from filesend_tui.core.transports.relayed.pipe import Pipe
from filesend_tui.core.util.proxies import Proxies, everything_by
from filesend_tui.runtime import local_relay
from filesend_tui.settings.load import Settings, SettingsError, load
from filesend_tui.settings.schema import FILE_VARIABLE
from tests.going_around import noted
from tests.recording_proxy import FAR
from tests.util.test_tunnel import saying, serving
from tests.util.test_unreachable import tracker as tracker_told

PASSWORD = "correct-horse"
URL = f"http://ann:{PASSWORD}@proxy.example:3128"


async def relay(proxies: Proxies) -> FileSendError:
    link = RelayConnection(lambda _word: None, lambda _state: None, proxies)
    with pytest.raises(RelayUnreachable) as caught:
        await link.connect(f"http://{FAR}:8421")
    await link.close()
    return caught.value


async def tracker(proxies: Proxies) -> FileSendError:
    return await tracker_told(f"ws://{FAR}:8421/announce", ClientConfig(proxies=proxies))


async def transit(proxies: Proxies) -> FileSendError:
    entry = RelayEntry(FAR, f"ws://{FAR}:8421/transit", "", "", bytes(16))
    with pytest.raises(ChannelFailed) as caught:
        await Pipe.open(entry, bytes(16), proxies.of(entry.transit))
    return caught.value


@pytest.mark.parametrize("reach", [relay, tracker, transit], ids=["relay", "tracker", "transit"])
@pytest.mark.parametrize(
    ("scheme", "answer", "then", "told"),
    [
        ("http", b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000, "does not speak HTTP"),
        ("http", b"\x00\xff\x1b[31m", b"\x1b[31m\r\n\r\n" * 1000, "does not speak HTTP"),
        ("http", b"HTTP/1.1 302 \x1b\r\nLocation: http://127.0.0.1/\r\n\r\n", b"", "proxy at"),
        ("http", b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching\r\n\r\n", b"", "out of turn"),
        ("http", b"", b"", "hung up"),
        ("socks5h", b"\xff" * 100, b"\xff" * 1000, "does not speak SOCKS 5"),
    ],
    ids=["endless", "garbage", "a redirect", "an answer before the question", "silence", "socks"],
)
async def test_a_hostile_proxy_is_told_and_gone_around_by_nothing(
    reach: Callable[[Proxies], Awaitable[FileSendError]],
    scheme: str,
    answer: bytes,
    then: bytes,
    told: str,
) -> None:
    async with serving(saying(answer, then=then)) as port:
        with noted() as uses:
            error = await asyncio.wait_for(
                reach(everything_by(f"{scheme}://ann:{PASSWORD}@127.0.0.1:{port}")), 20
            )
    assert f"the proxy at 127.0.0.1:{port} " in error.message
    assert told in error.message
    assert error.message.isprintable()
    assert PASSWORD not in error.message + error.hint + repr(error.__cause__)
    assert uses
    assert {use.where for use in uses} == {("127.0.0.1", port)}


def test_what_holds_a_password_does_not_show_it() -> None:
    proxies = everything_by(URL)
    holders = proxies, ClientConfig(proxies=proxies), Settings(name="Ann", proxy=proxies)
    for shown in (text for each in holders for text in (repr(each), str(each))):
        assert PASSWORD not in shown
        assert "proxy.example:3128" in shown


@pytest.mark.parametrize("where", ["variable", "file"], ids=str)
def test_what_is_no_proxy_is_not_repeated(tmp_path: Path, where: str) -> None:
    file = tmp_path / "settings.toml"
    broken = URL.replace("3128", "port")
    environment = {FILE_VARIABLE: str(file)}
    if where == "variable":
        environment["FILESEND_PROXY"] = broken
    else:
        file.write_text(f'proxy = "{broken}"\n')
    with pytest.raises(SettingsError, match="a proxy is http://") as caught:
        load({}, environment)
    assert PASSWORD not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows' modes do not say who may read")
@pytest.mark.parametrize(("url", "exposed"), [(URL, True), ("http://p:1", False)], ids=str)
def test_a_password_in_a_file_that_others_can_read_is_said(
    tmp_path: Path, url: str, exposed: bool
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f'proxy = "{url}"\n')
    file.chmod(0o644)
    assert load({}, {FILE_VARIABLE: str(file)}).exposed == (file if exposed else None)
    file.chmod(0o600)
    assert load({}, {FILE_VARIABLE: str(file)}).exposed is None


def test_the_setting_is_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    environment = {FILE_VARIABLE: str(file), "HTTPS_PROXY": "http://env:1", "NO_PROXY": "x.example"}
    assert load({}, environment).proxy.of("https://relay.example").name == "env:1"  # type: ignore[union-attr]
    file.write_text('proxy = "http://file:1"\n')
    by_file = load({}, environment).proxy
    assert by_file == everything_by("http://file:1")
    assert by_file.of("https://x.example"), "NO_PROXY is for the proxies of the environment"
    environment["FILESEND_PROXY"] = "none"
    assert load({}, environment).proxy == Proxies()


def test_a_relay_of_this_machine_gets_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("FILESEND_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(variable, URL)
    environments: list[dict[str, str]] = []

    class Started:
        def __init__(self, _command: object, *, env: dict[str, str], **_: Any) -> None:
            environments.append(env)

    monkeypatch.setattr(subprocess, "Popen", Started)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        local_relay._spawn("127.0.0.1", 1, [], nowhere)
    assert environments
    assert PASSWORD not in repr(environments)
    assert environments[0]["PATH"]
