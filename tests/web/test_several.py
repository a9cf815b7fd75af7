"""Several people with one link: each of them, and nobody else, meets whoever made it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.sessions.places.links import link_to, new_secret
from tests.conftest import RunningRelay
from tests.e2e.processes import World, contents, digest, fill
from tests.web.browser import Browser
from tests.web.conftest import browsing
from tests.web.test_page import MB, digests, linked

pytestmark = pytest.mark.webrtc


@pytest.fixture
def other(build: Path, tmp_path: Path) -> Iterator[Browser]:
    """Somebody else with a real Chromium."""
    with browsing(tmp_path / "another browser") as other:
        yield other


def test_two_open_one_link_and_each_gets_it(
    world: World, browser: Browser, other: Browser, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 5 * MB)
    sender, link = linked(world, sent, "--receivers", "2")
    for each in (browser, other):
        each.open(link)
    for each in (browser, other):
        each.shows("would like to send you a file")
        each.click("Accept")
    for each in (browser, other):
        each.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    assert sender.wait_for("link")["people"] == 2
    assert len([each for each in sender.events if each["event"] == "torrentDone"]) == 2
    for each in (browser, other):
        each.click("Save")
        assert digests(each.saved(1)) == digests({sent.name: sent.read_bytes()})


async def test_two_who_opened_it_do_not_take_each_other_for_its_maker(
    relay: RunningRelay, browser: Browser, other: Browser, tmp_path: Path
) -> None:
    secret = new_secret()
    for each in (browser, other):  # they meet, and part again, as whoever made it is not there
        each.open(link_to(f"{relay.url}/r", secret))
    maker = Client(ClientConfig(name="Ann", output=tmp_path))
    try:
        await maker.connect(relay.url)
        for _ in range(2):
            await maker.meet(secret, relay.url)
        for each in (browser, other):
            each.shows("You are paired with Ann")
    finally:
        await maker.destroy()


@pytest.mark.usefixtures("build")
def test_whoever_has_filesend_opens_a_link_with_that(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "a.bin", MB)
    sender, link = linked(world, sent, "--receivers", "2")
    folders = tmp_path / "bob", tmp_path / "cid"
    receivers = [world.receive(link, folder) for folder in folders]
    for each in (sender, *receivers):
        assert each.end() == 0, each.report()
    for folder in folders:
        assert contents(folder) == {"a.bin": digest(sent)}


@pytest.mark.usefixtures("build")
def test_a_link_that_was_used_says_so(world: World, tmp_path: Path) -> None:
    sender, link = linked(world, fill(tmp_path / "a.bin", 1))
    assert world.receive(link, tmp_path / "bob").end() == 0
    assert sender.end() == 0, sender.report()
    late = world.receive(link, tmp_path / "cid")
    assert late.end() == 5
    assert late.wait_for("error")["code"] == "expiredCode"
