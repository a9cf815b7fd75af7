"""A page in a real Chromium and real `filesend` processes, through the relay that serves it."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from filesend_tui.core.sessions.places.links import link_to, new_secret
from tests.conftest import RunningRelay
from tests.e2e.processes import Filesend, World, contents, fill
from tests.web.browser import Browser

pytestmark = pytest.mark.webrtc

MB = 1_000_000
#: MB of a file that takes a while.
LARGE = 200
#: A folder as people have them: names of other scripts, a file without a byte, one in a folder.
FOLDER = {"a.bin": 3 * MB + 1, "ü/ж.bin": 17, "empty": 0, "b.bin": 5 * MB}


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def linked(world: World, *what: str | Path) -> tuple[Filesend, str]:
    """Begin to send by a link; return the process and the link."""
    sender = world.start("send", "--json", "--link", *what)
    return sender, sender.wait_for("link")["url"]


def page(relay: RunningRelay) -> str:
    return f"{relay.url}/"


def a_folder_arrives(browser: Browser, link: str, sender: Filesend, folder: Path) -> None:
    """Take what is in a folder by a link; what a browser saves has the same bytes."""
    browser.open(link)
    assert "4 files" in browser.shows("would like to send you")
    browser.click("Accept")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    browser.click("Save all")
    names = {Path(path).name: digest for path, digest in contents(folder).items()}
    assert digests(browser.saved(4)) == names


def a_folder(tmp_path: Path) -> Path:
    """Return a folder to send, alone in another."""
    for name, size in FOLDER.items():
        fill(tmp_path / "from" / "top" / name, size)
    return tmp_path / "from" / "top"


def a_relay_comes_back(world: World, browser: Browser, tmp_path: Path, *options: str) -> Filesend:
    """Kill and start the relay while a file moves, which arrives; return its sender."""
    relay = world.start_relay()
    url = world.environment["FILESEND_RELAY"]
    sent = fill(tmp_path / "a.bin", 6 * MB)
    sender, link = linked(world, sent, "--upload-limit", "1M", *options)
    browser.open(link)
    browser.click("Accept")
    browser.shows("left")  # it moves
    relay.process.kill()
    browser.shows("is away, or the relay.")
    world.start("relay", "--port", url.rpartition(":")[2]).wait_for_line("ready at")
    browser.shows("You are paired with")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    browser.click("Save")
    assert browser.saved(1)["a.bin"] == sent.read_bytes()
    browser.forgive("WebSocket connection")
    return sender


@pytest.mark.parametrize("by", ["code", "link", "link with a code"])
def test_a_file_arrives(
    by: str, world: World, browser: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    size = LARGE if by == "link" else 20
    sent = fill(tmp_path / "from" / "photo of ü.jpg", size * MB)
    if by == "link":
        sender, link = linked(world, sent)
        assert browser.open(link) == 200
    else:
        sender, code = world.send(sent)
        if by == "code":
            browser.open(page(relay))
            browser.join(code)
        else:
            browser.open(sender.wait_for("code")["link"])
    said = browser.shows("would like to send you a file")
    assert f"photo of ü.jpg {size}.0 MB" in said or f"photo of ü.jpg {size} MB" in said
    browser.click("Accept")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    browser.click("Save")
    assert digests(browser.saved(1)) == digests({sent.name: sent.read_bytes()})


def test_a_folder_arrives(
    world: World, browser: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    sender, link = linked(world, folder := a_folder(tmp_path))
    a_folder_arrives(browser, link, sender, folder)


def test_what_is_chosen_goes_to_a_terminal(
    world: World, browser: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    one = fill(tmp_path / "from" / "a.bin", LARGE * MB + 1)
    other = fill(tmp_path / "from" / "b", 0)
    browser.open(page(relay))
    receiver = world.receive(browser.code(), tmp_path / "to")
    browser.shows("You are paired with Bob")
    browser.do("choose", at="#files", paths=[str(one), str(other)])
    browser.shows("Bob has it, verified")
    assert receiver.end() == 0, receiver.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_a_folder_that_is_chosen_goes_to_a_terminal(
    world: World, browser: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    for name, size in FOLDER.items():
        fill(tmp_path / "from" / "top" / name, size)
    browser.open(page(relay))
    receiver = world.receive(browser.code(), tmp_path / "to")
    browser.shows("You are paired with Bob")
    browser.do("choose", at="#folder", paths=str(tmp_path / "from" / "top"))
    browser.shows("Bob has it, verified")
    assert receiver.end() == 0, receiver.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_what_is_declined_is_told(world: World, browser: Browser, tmp_path: Path) -> None:
    sender, link = linked(world, fill(tmp_path / "a.bin", MB))
    browser.open(link)
    browser.shows("would like to send you a file")
    browser.click("Decline")
    browser.shows("You declined.")
    assert sender.end() == 3, sender.report()


def test_what_is_cancelled_ends_on_both_sides(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    sender, link = linked(world, fill(tmp_path / "a.bin", 20 * MB), "--upload-limit", "1M")
    browser.open(link)
    browser.click("Accept")
    browser.shows("left")  # it moves
    browser.click("Cancel")
    browser.shows("You cancelled it.")
    assert sender.end() == 1, sender.report()
    assert sender.error_codes() == ["cancelled"]


def test_what_is_paused_rests_and_goes_on(world: World, browser: Browser, tmp_path: Path) -> None:
    sent = fill(tmp_path / "a.bin", 6 * MB)
    sender, link = linked(world, sent, "--upload-limit", "2M")
    browser.open(link)
    browser.click("Accept")
    browser.click("Pause")
    sender.wait_for("transferPaused")
    browser.shows("Paused.")
    browser.click("Go on")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    browser.click("Save")
    assert browser.saved(1)["a.bin"] == sent.read_bytes()


def test_a_partner_who_goes_is_told_of(world: World, browser: Browser, tmp_path: Path) -> None:
    sender, link = linked(world, fill(tmp_path / "a.bin", 20 * MB), "--upload-limit", "1M")
    browser.open(link)
    browser.click("Accept")
    browser.shows("left")
    sender.signal(signal.SIGINT)
    sender.end()
    browser.shows("Ann cancelled it.")
    browser.shows("You are not paired with Ann any more.")
    browser.click("Start again")
    assert browser.code()


def test_a_relay_that_is_restarted_ends_nothing(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    sender = a_relay_comes_back(world, browser, tmp_path)
    assert {"relayAway", "relayBack"} <= set(sender.names())


def test_a_relay_that_is_restarted_before_the_yes(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    relay = world.start_relay()
    url = world.environment["FILESEND_RELAY"]
    sent = fill(tmp_path / "a.bin", MB)
    sender, link = linked(world, sent)
    browser.open(link)
    browser.shows("would like to send you a file")
    relay.process.kill()
    browser.shows("is away, or the relay.")
    browser.click("Accept")  # it is said when there is a relay
    world.start("relay", "--port", url.rpartition(":")[2]).wait_for_line("ready at")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    browser.forgive("WebSocket connection")


def test_a_page_that_is_loaded_anew_goes_on(world: World, browser: Browser, tmp_path: Path) -> None:
    sent = fill(tmp_path / "a.bin", 8 * MB)
    sender, link = linked(world, sent, "--upload-limit", "1M")
    browser.open(link)
    browser.shows("would like to send you a file")
    browser.do("reload")
    browser.shows("would like to send you a file")
    browser.click("Accept")
    sender.wait_for("progressUpdate", lambda event: event["downloadedBytes"] > 3 * MB)
    browser.do("reload")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
    # What was verified before is not sent again.
    figures = [each["uploadedBytes"] for each in sender.events if each["event"] == "upload"]
    assert max(figures) < 8 * MB + 3 * MB
    browser.do("reload")
    browser.shows("Received and verified")
    browser.click("Save")
    assert browser.saved(1)["a.bin"] == sent.read_bytes()


def test_a_text_is_shown_as_it_is(world: World, browser: Browser) -> None:
    text = "<b>one</b>\n\ttwo \u202ethree"
    sender = world.start("send", "--json", "--link", "--text", text)
    browser.open(sender.wait_for("link")["url"])
    assert "<b>one</b>\n\ttwo three" in browser.shows("sent a text:")
    assert sender.end() == 0, sender.report()


def test_a_link_that_nobody_waits_at(browser: Browser, relay: RunningRelay) -> None:
    browser.open(link_to(f"{relay.url}/r", new_secret()))
    browser.shows("Waiting for the other person…")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("apple", "That is no code."),
        ("1-apple-violin or 2-apple-violin", "There are several codes in that."),
    ],
    ids=["none", "several"],
)
def test_what_is_no_code_is_told_and_ones_own_stays(
    typed: str, said: str, browser: Browser, relay: RunningRelay
) -> None:
    browser.open(page(relay))
    own = browser.code()
    browser.join(typed)
    browser.shows(said)
    assert browser.code() == own


def test_a_code_that_is_wrong_is_told_and_there_is_another_of_ones_own(
    world: World, browser: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    browser.open(page(relay))
    own = browser.code()
    browser.join("99999999-apple-violin")
    browser.shows("Nobody waits with that code.")
    another = browser.code()
    assert another != own
    sender = world.start("send", "--json", "--code", another, fill(tmp_path / "a.bin", 10))
    browser.shows("would like to send you a file")
    browser.click("Accept")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()


def test_a_wrong_guess_at_ones_own_code_is_told_and_there_is_another(
    world: World, browser: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    browser.open(page(relay))
    number, one, other = browser.code().split("-")
    guess = f"{number}-{other}-{one}"
    sender = world.start("send", "--json", "--code", guess, fill(tmp_path / "a.bin", 10))
    assert sender.end() == 5, sender.report()
    browser.shows("The code was not right")
    assert not browser.code().startswith(f"{number}-")


def test_whoever_cannot_see_or_use_a_mouse_can_use_it(
    world: World, browser: Browser, relay: RunningRelay, tmp_path: Path
) -> None:
    browser.open(page(relay))
    browser.code()
    assert browser.do("axe") == []
    sender, link = linked(world, fill(tmp_path / "a.bin", 3 * MB), "--upload-limit", "1M")
    browser.open(link)
    browser.shows("would like to send you a file")
    assert browser.do("axe") == []
    browser.do("press", at="text=Accept", key="Enter")
    browser.shows(" left")
    assert browser.do("axe") == []
    browser.shows("Received and verified")
    assert browser.do("axe") == []
    assert sender.end() == 0, sender.report()


def test_hostile_names_are_only_text(world: World, browser: Browser, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>.txt"
    sent = fill(tmp_path / name, 10)
    sender, link = linked(world, sent)
    browser.open(link)
    assert name in browser.shows("would like to send you a file")
    browser.click("Accept")
    browser.shows("Received and verified")
    browser.click("Save")
    assert list(browser.saved(1).values()) == [sent.read_bytes()]
    assert sender.end() == 0, sender.report()
