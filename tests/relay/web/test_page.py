"""The page as a relay serves it: its headers, its files, and nothing beside them."""

from __future__ import annotations

import http.client
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from relay.web import page
from tests.conftest import RunningRelay, running_relay

HTML = '<script src="./assets/app-1.js"></script>'


class Answer:
    """What a relay answers to one request."""

    def __init__(self, relay: RunningRelay, path: str, method: str = "GET") -> None:
        parts = urlsplit(relay.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        connection.request(method, path)
        answer = connection.getresponse()
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        self.body = answer.read()
        connection.close()

    @property
    def kind(self) -> str:
        """The media type alone."""
        return self.headers.get("content-type", "").partition(";")[0]


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which relays serve; empty."""
    monkeypatch.setattr(page, "BUILT", tmp_path / "built")
    monkeypatch.setattr(page.Page.__init__, "__defaults__", (tmp_path / "built",))
    return tmp_path / "built"


def build(folder: Path) -> None:
    (folder / "assets").mkdir(parents=True)
    (folder / "assets" / "app-1.js").write_text("1")
    (folder / "assets" / "app-1.css").write_text("a{}")
    (folder.parent / "secret.js").write_text("2")
    (folder / "index.html").write_text(HTML)


@pytest.mark.parametrize("path", ["/", "/r"])
def test_a_relay_without_a_page_says_so_and_has_it_once_it_is_built(path: str, built: Path) -> None:
    with running_relay() as relay:
        answer = Answer(relay, path)
        assert (answer.status, answer.kind) == (404, "text/plain")
        assert b"make page" in answer.body
        build(built)
        answer = Answer(relay, path)
        assert (answer.status, answer.kind) == (200, "text/html")
        assert answer.body == HTML.encode()
        assert answer.headers["cache-control"] == "no-cache"
        assert Answer(relay, path, "HEAD").body == b""


@pytest.mark.parametrize(
    ("path", "kind"), [("app-1.js", "text/javascript"), ("app-1.css", "text/css")]
)
def test_what_it_loads_is_kept_for_ever_as_it_is_named_by_its_contents(
    path: str, kind: str, built: Path
) -> None:
    build(built)
    with running_relay() as relay:
        answer = Answer(relay, f"/assets/{path}")
        assert (answer.status, answer.kind) == (200, kind)
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        *("/assets/", "/assets/none.js", "/assets/../index.html", "/assets/../../secret.js"),
        *("/index.html", "/built/index.html", "/r/", "/r/x", "/assets/./app-1.js", "//assets"),
    ],
)
def test_nothing_else_is_served(path: str, built: Path) -> None:
    build(built)
    with running_relay() as relay:
        answer = Answer(relay, path)
        assert answer.status in (400, 404)
        assert answer.body != b"2"


@pytest.mark.parametrize("path", ["/", "/r", "/assets/app-1.js", "/assets/none.js"])
def test_it_may_load_and_reach_this_relay_alone_and_be_in_no_frame(path: str, built: Path) -> None:
    build(built)
    with running_relay() as relay:
        headers = Answer(relay, path).headers
    parts = headers["content-security-policy"].split("; ")
    policy = {name: value for name, _, value in (part.partition(" ") for part in parts)}
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert not re.search(r"unsafe|\*|https?:", headers["content-security-policy"])
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "set-cookie" not in headers
    assert "access-control-allow-origin" not in headers


def test_a_relay_on_loopback_serves_it_under_no_name_of_another(built: Path) -> None:
    build(built)
    with running_relay() as relay:
        parts = urlsplit(relay.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        connection.request("GET", "/r", headers={"Host": "evil.example"})
        answer = connection.getresponse()
        assert answer.status == 421
        assert HTML.encode() not in answer.read()
        connection.close()
