"""A relay that nginx has mounted below a path, beside other things: the page, and terminals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningRelay
from tests.e2e.processes import World, contents, digest, fill
from tests.security.proxies import free_port, running_nginx
from tests.web.browser import Browser
from tests.web.test_page import linked

pytestmark = pytest.mark.webrtc

_HTTP = """
server {{
    listen 127.0.0.1:{port};
    location / {{ return 404; }}
    location /tools/fs/ {{
        proxy_pass {relay}/;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
    }}
}}
"""


@pytest.fixture
def below(relay: RunningRelay, world: World, tmp_path: Path) -> Iterator[str]:
    """The relay's URL below a path, which is where everybody is."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    port = free_port()
    with running_nginx(_HTTP.format(port=port, relay=relay.url), folder, port):
        url = world.environment["FILESEND_RELAY"] = f"http://127.0.0.1:{port}/tools/fs"
        yield url


def test_a_file_goes_each_way(below: str, world: World, browser: Browser, tmp_path: Path) -> None:
    sent = fill(tmp_path / "a.bin", 1_000_000)
    sender, link = linked(world, sent)
    assert link.startswith(f"{below}/r#")
    browser.open(link)
    browser.click("Accept")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    browser.click("Save")
    assert browser.saved(1)["a.bin"] == sent.read_bytes()

    browser.open(f"{below}/")
    receiver = world.receive(browser.code(), tmp_path / "to")
    browser.shows("You are paired with Bob")
    browser.do("choose", at="#files", paths=[str(sent)])
    browser.shows("Bob has it, verified")
    assert receiver.end() == 0, receiver.report()
    assert contents(tmp_path / "to") == {"a.bin": digest(sent)}
