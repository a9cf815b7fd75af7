"""The key of saved pages: with it a page from disk is let in, and without it no page of another."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import stat
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from relay.web.page_key import SavedPages, saved_pages
from tests.conftest import RunningRelay, running_relay
from tests.relay.test_server import end, spawn

KEY = "abcdefghijklmnopqrst-_"
OTHER = "abcdefghijklmnopqrst-A"


@pytest.fixture
def letting() -> Iterator[RunningRelay]:
    """A relay that lets pages in with the key."""
    with running_relay(pages=SavedPages(KEY)) as relay:
        yield relay


def status(relay: RunningRelay, origin: str | None, query: str = "") -> int:
    """Return what a connection of socket.io from this origin is answered."""
    url = f"{relay.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket{query}"
    try:
        with connect(url, additional_headers={"Origin": origin} if origin else {}) as socket:
            assert str(socket.recv(timeout=30)).startswith("0{")  # a session was opened
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def asked(relay: RunningRelay, headers: dict[str, str] | None = None) -> tuple[int, bytes, str]:
    parts = urlsplit(relay.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request("GET", "/page-key", headers=headers or {})
    answer = connection.getresponse()
    told = "\n".join(f"{name.lower()}: {value}" for name, value in answer.getheaders())
    content = answer.read()
    connection.close()
    return answer.status, content, told


def test_a_page_from_disk_with_the_key_is_let_in(letting: RunningRelay) -> None:
    assert status(letting, "null", f"&pageKey={KEY}") == 101


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&pageKey=",
        f"&pageKey={OTHER}",
        f"&pageKey={KEY[:-1]}",
        f"&pageKey={OTHER}&pageKey={KEY}",
        "&pageKey=%00",
        "&pageKey=null",
        f"&pagekey={KEY}",
    ],
)
def test_a_frame_in_a_sandbox_of_any_site_is_refused_without_it(
    query: str, letting: RunningRelay
) -> None:
    assert status(letting, "null", query) == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "file://", "http://127.0.0.1:1"])
def test_the_key_lets_no_other_origin_in(origin: str, letting: RunningRelay) -> None:
    assert status(letting, origin, f"&pageKey={KEY}") == 403


def test_programs_and_the_relays_own_page_need_none(letting: RunningRelay) -> None:
    assert status(letting, None) == status(letting, letting.url) == 101


def test_a_relay_that_was_not_told_to_lets_none_in(relay: RunningRelay) -> None:
    assert status(relay, "null", f"&pageKey={KEY}") == 403
    assert asked(relay)[0] == 404


def test_whoever_asks_directly_is_told_the_key(letting: RunningRelay) -> None:
    answer, content, headers = asked(letting)
    assert answer == 200
    assert json.loads(content) == {"key": KEY}
    assert "cache-control: no-store" in headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        # A site that took this relay's name (DNS rebinding).
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_no_page_of_a_browser_is_told_it(headers: dict[str, str], letting: RunningRelay) -> None:
    answer, content, _ = asked(letting, headers)
    assert answer == 403
    assert content == b""


def test_nothing_lets_a_page_of_another_origin_read_it(letting: RunningRelay) -> None:
    _, _, headers = asked(letting)
    assert "access-control" not in headers
    assert "cross-origin-resource-policy: same-origin" in headers
    assert "x-content-type-options: nosniff" in headers


# -- the file of it


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "page-key"
    assert saved_pages(path) is not None
    made = path.read_text()
    assert saved_pages(path) is not None
    assert path.read_text() == made
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    another = tmp_path / "another"
    saved_pages(another)
    assert another.read_text() != made
    assert saved_pages(None) is None


@pytest.mark.parametrize("content", ["", "short\n", f"{KEY} {KEY}", f"{KEY}=", "ü" * 22])
def test_what_is_no_key_is_refused_and_not_repeated(content: str, tmp_path: Path) -> None:
    path = tmp_path / "page-key"
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(ValueError, match="holds no key") as refused:
        saved_pages(path)
    assert not content.strip() or content.strip() not in str(refused.value)
    assert path.read_text(encoding="utf-8") == content


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere" / "key"):
        with pytest.raises(ValueError, match=r"cannot be used|holds no key"):
            saved_pages(path)


@pytest.mark.skipif(os.name == "nt", reason="modes do not say who may read there")
def test_a_key_that_others_can_read_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "page-key"
    saved_pages(path)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        pages = saved_pages(path)
    (told,) = caplog.records
    assert "chmod 600" in told.getMessage()
    assert path.read_text().strip() not in told.getMessage() + repr(pages)


# -- the process


async def test_a_process_without_its_key_says_so_in_one_line(tmp_path: Path) -> None:
    none = tmp_path / "page-key"
    none.write_text("no key\n")
    none.chmod(0o600)
    status, out, err = await end(await spawn("--port", "0", "--page-key-file", str(none)))
    assert (status, out) == (1, b"")
    assert err.startswith(b"FileSend relay cannot let saved pages in: ")
    assert err.count(b"\n") == 1


async def test_a_process_that_is_told_to_lets_pages_in(tmp_path: Path) -> None:
    path = tmp_path / "page-key"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "filesend_tui", "relay", "--port", "0"),
        env={
            **os.environ,
            "FILESEND_SETTINGS": str(tmp_path / "none.toml"),
            "FILESEND_PAGE_KEY_FILE": str(path),
        },
        cwd=Path(__file__).parents[3],
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        url = line.decode().split()[-1]
        told = await asyncio.to_thread(read, f"{url}/page-key")
        assert json.loads(told) == {"key": path.read_text().strip()}
    finally:
        process.kill()
        await process.wait()


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content
