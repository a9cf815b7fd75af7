"""A page where nothing but the relay gets through: its transit carries what it cannot read."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import RunningRelay
from tests.e2e.processes import Filesend, World, contents, fill
from tests.web.browser import Browser
from tests.web.test_page import FOLDER, MB, digests, linked, page

RELAYED = ("--road", "relayed")


def roads(process: Filesend) -> set[str]:
    """By which roads somebody was connected."""
    return {each["road"] for each in process.events if each["event"] == "peerConnected"}


def test_a_folder_arrives(world: World, browser: Browser, tmp_path: Path) -> None:
    for name, size in FOLDER.items():
        fill(tmp_path / "from" / "top" / name, size)
    sender, link = linked(world, tmp_path / "from" / "top", *RELAYED)
    browser.open(link)
    browser.click("Accept")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    assert roads(sender) == {"relayed"}
    browser.click("Save all")
    names = {Path(path).name: digest for path, digest in contents(tmp_path / "from").items()}
    assert digests(browser.saved(4)) == names


def test_what_is_chosen_goes_to_a_terminal(
    world: World, browser: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    one = fill(tmp_path / "from" / "a.bin", 5 * MB + 1)
    browser.open(page(relay))
    receiver = world.receive(browser.code(), tmp_path / "to", *RELAYED)
    browser.shows("You are paired with Bob")
    browser.do("choose", at="#files", paths=[str(one)])
    browser.shows("Bob has it, verified")
    assert receiver.end() == 0, receiver.report()
    assert roads(receiver) == {"relayed"}
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_a_relay_that_is_restarted_is_come_back_to(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    relay = world.start_relay()
    url = world.environment["FILESEND_RELAY"]
    sent = fill(tmp_path / "a.bin", 6 * MB)
    sender, link = linked(world, sent, "--upload-limit", "1M", *RELAYED)
    browser.open(link)
    browser.click("Accept")
    browser.shows("left")  # it moves
    relay.process.kill()
    browser.shows("is away, or the relay.")
    world.start("relay", "--port", url.rpartition(":")[2]).wait_for_line("ready at")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    assert roads(sender) == {"relayed"}
    browser.click("Save")
    assert browser.saved(1)["a.bin"] == sent.read_bytes()
    browser.forgive("WebSocket connection")
