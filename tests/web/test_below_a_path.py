"""A relay that nginx has mounted below a path, beside other things: the page, and terminals."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningRelay
from tests.e2e.processes import World, contents, digest, fill
from tests.interop import deps
from tests.security.proxies import free_port, wait_until_it_listens
from tests.web.browser import Browser
from tests.web.test_page import linked

pytestmark = pytest.mark.webrtc

_CONFIG = """
daemon off;
master_process off;
pid {folder}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
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
}}
"""


@pytest.fixture
def below(relay: RunningRelay, world: World, tmp_path: Path) -> Iterator[str]:
    """The relay's URL below a path, which is where everybody is."""
    program = deps.server("nginx")
    if program is None:
        pytest.skip("there is no nginx here: make interop-deps installs it, as root on Debian")
    folder = tmp_path / "nginx"
    folder.mkdir()
    port = free_port()
    config, log = folder / "nginx.conf", folder / "log"
    config.write_text(_CONFIG.format(folder=folder, port=port, relay=relay.url))
    with log.open("w") as said:
        command = [program, "-p", str(folder), "-c", str(config), "-e", "stderr"]
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        wait_until_it_listens(process, port, log)
        url = world.environment["FILESEND_RELAY"] = f"http://127.0.0.1:{port}/tools/fs"
        yield url
    finally:
        process.terminate()
        process.wait(20)


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
