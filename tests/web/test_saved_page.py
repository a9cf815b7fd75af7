"""The page as a file of a person's own: opened from disk, in a real Chromium, at a real relay."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.headless.exit_codes import ExitCode
from relay.web.page_key import SavedPages
from tests.conftest import RunningRelay, running_relay
from tests.e2e.processes import World, contents, fill
from tests.web.browser import Browser
from tests.web.test_page import MB, digests, linked

pytestmark = pytest.mark.webrtc

KEY = "abcdefghijklmnopqrst-_"
#: What a site in a browser sees of a socket to a relay: "heard" something, or "closed".
REACH = """(url) => new Promise((done) => {
  const frame = document.createElement('iframe')
  frame.sandbox = 'allow-scripts'
  addEventListener('message', ({ data }) => done(data))
  frame.srcdoc = `<script>
    const socket = new WebSocket(${JSON.stringify(url)})
    socket.onmessage = () => parent.postMessage([origin, 'heard'], '*')
    socket.onclose = () => parent.postMessage([origin, 'closed'], '*')
  <${'/'}script>`
  document.body.append(frame)
})"""
#: What it sees of the key.
READ = """(url) => fetch(url).then((answer) => answer.text(), (error) => String(error))"""


@pytest.fixture
def relay() -> Iterator[RunningRelay]:
    """A relay that lets saved pages in."""
    with running_relay(pages=SavedPages(KEY)) as relay:
        yield relay


@pytest.fixture
def saved(build: Path, relay: RunningRelay, tmp_path: Path) -> Path:
    """The page, saved by the program."""
    path = tmp_path / "kept" / "page of ü.html"
    path.parent.mkdir()
    with path.open("wb") as file:
        subprocess.run(filesend("page", "--relay", relay.url), stdout=file, check=True, timeout=60)
    return path


def filesend(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "filesend_tui", *arguments]


def check(path: Path) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        filesend("page", "--check", path, "--json"), capture_output=True, timeout=60, check=False
    )
    return done.returncode, json.loads(done.stdout)


def a_file_arrives(saved: Path, world: World, browser: Browser, tmp_path: Path) -> None:
    """Take a file by a link that is pasted into the page from disk."""
    sent = fill(tmp_path / "from" / "photo of ü.jpg", 20 * MB)
    sender, link = linked(world, sent)
    browser.open(saved.as_uri())
    browser.shows("they type it into filesend")
    assert "/r#" not in browser.do("text", at="#page")
    browser.join(link)
    browser.shows("would like to send you a file")
    browser.click("Accept")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    browser.click("Save")
    assert digests(browser.saved(1)) == digests({sent.name: sent.read_bytes()})


def test_a_file_arrives_from_disk(
    saved: Path, world: World, browser: Browser, tmp_path: Path
) -> None:
    a_file_arrives(saved, world, browser, tmp_path)


def test_a_file_arrives_from_disk_in_firefox(
    saved: Path, world: World, firefox: Browser, tmp_path: Path
) -> None:
    a_file_arrives(saved, world, firefox, tmp_path)


def test_what_is_chosen_goes_out_from_disk(
    saved: Path, world: World, browser: Browser, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 20 * MB)
    browser.open(saved.as_uri())
    receiver = world.receive(browser.code(), tmp_path / "to")
    browser.shows("You are paired with Bob")
    browser.do("choose", at="#files", paths=[str(sent)])
    browser.shows("Bob has it, verified")
    assert receiver.end() == 0, receiver.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    browser.click("Start again")
    assert browser.code()


def test_a_link_behind_the_file_is_followed_and_a_page_loaded_anew_goes_on(
    saved: Path, world: World, browser: Browser, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "a.bin", 6 * MB)
    sender, link = linked(world, sent, "--upload-limit", "1M")
    browser.open(f"{saved.as_uri()}#{link.partition('#')[2]}")
    browser.click("Accept")
    browser.shows("left")  # it moves
    browser.do("reload")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    # A browser has no files of its own for a page from disk: what came went with the page.
    browser.do("reload")
    browser.shows("What had arrived was gone with the page")


def test_it_is_what_this_program_makes_until_a_byte_is_another(
    saved: Path, relay: RunningRelay
) -> None:
    code, told = check(saved)
    assert (code, told["relay"]) == (ExitCode.DONE, relay.url)
    content = saved.read_bytes()
    saved.write_bytes(content.replace(b"Accept", b"accept", 1))
    code, told = check(saved)
    assert (code, told["code"]) == (ExitCode.FAILED, "pageDiffers")


def test_a_site_that_a_person_visits_reaches_no_relay_by_a_frame_in_a_sandbox(
    browser: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    site = tmp_path / "site.html"
    site.write_text("<body></body>")
    browser.open(site.as_uri())  # of no site: its frame has the origin of a saved page
    socket = f"{relay.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    reach, read = (f"({script})" for script in (REACH, READ))
    assert browser.do("evaluate", script=f"{reach}('{socket}')") == ["null", "closed"]
    wrong = f"{socket}&pageKey={'A' * 22}"
    assert browser.do("evaluate", script=f"{reach}('{wrong}')") == ["null", "closed"]
    right = f"{socket}&pageKey={KEY}"
    assert browser.do("evaluate", script=f"{reach}('{right}')") == ["null", "heard"]
    assert KEY not in browser.do("evaluate", script=f"{read}('{relay.url}/page-key')")
    browser.forgive("WebSocket connection")
    browser.forgive("page-key")
    browser.forgive("Failed to load resource")
