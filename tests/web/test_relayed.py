"""A page where nothing but the relay gets through: its transit carries what it cannot read."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import RunningRelay
from tests.e2e.processes import Filesend, World, contents, fill
from tests.web.browser import Browser
from tests.web.test_page import (
    MB,
    a_folder,
    a_folder_arrives,
    a_relay_comes_back,
    linked,
    page,
)

RELAYED = ("--road", "relayed")


def roads(process: Filesend) -> set[str]:
    """By which roads somebody was connected."""
    return {each["road"] for each in process.events if each["event"] == "peerConnected"}


def test_a_folder_arrives(world: World, browser: Browser, tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    sender, link = linked(world, folder, *RELAYED)
    a_folder_arrives(browser, link, sender, folder)
    assert roads(sender) == {"relayed"}


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
    assert roads(a_relay_comes_back(world, browser, tmp_path, *RELAYED)) == {"relayed"}
