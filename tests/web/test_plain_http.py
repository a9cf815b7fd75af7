"""A page that came by http from another machine: no WebCrypto, no files of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.network import Host, why_none
from tests.e2e.processes import Filesend, World, contents, fill
from tests.web.browser import Browser
from tests.web.conftest import browsing
from tests.web.test_page import FOLDER, MB, digests

pytestmark = [
    pytest.mark.webrtc,
    pytest.mark.skipif(why_none() is not None, reason=why_none() or ""),
]

URL = "http://192.168.7.1:8421"


@pytest.fixture
def lan() -> Iterator[Host]:
    """One network, on which everybody here is."""
    with Host() as host:
        host.run("ip", "link", "add", "lan", "type", "bridge")
        host.run("ip", "address", "add", "192.168.7.1/24", "dev", "lan")
        host.run("ip", "link", "set", "lan", "up")
        yield host


@pytest.fixture
def here(lan: Host, tmp_path: Path) -> Iterator[World]:
    """People of that network, and their relay."""
    world = World(tmp_path)
    relay = world.start(
        *("relay", "--host", "0.0.0.0", "--port", "8421", "--no-announce"), inside=lan.inside
    )
    relay.wait_for_line("ready at")
    world.environment["FILESEND_RELAY"] = URL
    yield world
    world.close()


@pytest.fixture
def browser(build: Path, lan: Host, tmp_path: Path) -> Iterator[Browser]:
    # That header counts with TLS alone, which a browser says.
    header = "Cross-Origin-Opener-Policy"
    with browsing(tmp_path / "browser", inside=lan.inside, forgiving=header) as browser:
        yield browser


def person(world: World, lan: Host, *arguments: str | Path) -> Filesend:
    return world.start(*arguments, inside=lan.inside)


def test_a_folder_arrives(here: World, lan: Host, browser: Browser, tmp_path: Path) -> None:
    for name, size in FOLDER.items():
        fill(tmp_path / "from" / "top" / name, size)
    sender = person(here, lan, "send", "--json", "--link", tmp_path / "from" / "top")
    link = sender.wait_for("link")["url"]
    assert link.startswith(f"{URL}/r#")
    browser.open(link)
    assert browser.do("evaluate", script="[isSecureContext, typeof crypto.subtle]") == [
        False,
        "undefined",
    ]
    browser.click("Accept")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    browser.click("Save all")
    names = {Path(path).name: digest for path, digest in contents(tmp_path / "from").items()}
    assert digests(browser.saved(4)) == names


def test_where_udp_is_blocked_it_goes_by_the_relay(
    here: World, lan: Host, browser: Browser, tmp_path: Path
) -> None:
    lan.run("nft", "add table inet wall")
    lan.run("nft", "add chain inet wall out { type filter hook output priority 0; }")
    lan.run("nft", "add rule inet wall out meta l4proto udp drop")
    sent = fill(tmp_path / "from" / "a.bin", 2 * MB + 1)
    sender = person(here, lan, "send", "--json", "--link", sent)
    browser.open(sender.wait_for("link")["url"])
    browser.click("Accept")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    assert sender.wait_for("peerConnected")["road"] == "relayed"
    browser.click("Save")
    assert digests(browser.saved(1)) == digests({sent.name: sent.read_bytes()})


def test_what_is_chosen_goes_to_a_terminal(
    here: World, lan: Host, browser: Browser, tmp_path: Path
) -> None:
    one = fill(tmp_path / "from" / "a.bin", 2 * MB + 1)
    browser.open(f"{URL}/")
    shown = browser.shows("Your code")
    assert "Copy" not in shown, "what a browser forbids is not offered"
    receiver = person(
        here, lan, "receive", browser.code(), "--yes", "--json", "-o", tmp_path / "to"
    )
    browser.shows("You are paired with")
    browser.do("choose", at="#files", paths=[str(one)])
    browser.shows("has it, verified")
    assert receiver.end() == 0, receiver.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
