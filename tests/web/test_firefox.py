"""A page in a real Firefox, which has no picker of folders: what differs between browsers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RunningRelay
from tests.e2e.processes import World, contents, fill
from tests.web.browser import Browser
from tests.web.test_page import MB, a_folder, a_folder_arrives, digests, linked, page

pytestmark = pytest.mark.webrtc


def test_a_file_arrives_and_a_page_that_is_loaded_anew_goes_on(
    world: World, firefox: Browser, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "from" / "photo of ü.jpg", 8 * MB)
    sender, link = linked(world, sent, "--upload-limit", "1M")
    assert firefox.open(link) == 200
    firefox.shows("would like to send you a file")
    firefox.click("Accept")
    sender.wait_for("progressUpdate", lambda event: event["downloadedBytes"] > 3 * MB)
    firefox.do("reload")
    firefox.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    figures = [each["uploadedBytes"] for each in sender.events if each["event"] == "upload"]
    assert max(figures) < 11 * MB
    firefox.click("Save")
    assert digests(firefox.saved(1)) == digests({sent.name: sent.read_bytes()})


def test_a_folder_arrives(world: World, firefox: Browser, tmp_path: Path) -> None:
    sender, link = linked(world, folder := a_folder(tmp_path))
    a_folder_arrives(firefox, link, sender, folder)


def test_what_is_chosen_goes_to_a_terminal(
    world: World, firefox: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    one = fill(tmp_path / "from" / "a.bin", 5 * MB + 1)
    firefox.open(page(relay))
    receiver = world.receive(firefox.code(), tmp_path / "to")
    firefox.shows("You are paired with Bob")
    firefox.do("choose", at="#files", paths=[str(one)])
    firefox.shows("Bob has it, verified")
    assert receiver.end() == 0, receiver.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
