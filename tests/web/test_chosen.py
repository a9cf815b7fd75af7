"""What arrives goes where a person chose, and not through the browser's store: in a real Chromium.

A picker is the browser's own window, which nothing drives here. So the function that opens it gives
a file or folder of the origin's private file system instead: handles like those of a person's own,
with the same writers. All behind it is the page's.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.e2e.processes import World, contents, fill
from tests.web.browser import Browser
from tests.web.test_page import MB, a_folder, linked

pytestmark = pytest.mark.webrtc

#: Instead of the windows of a browser.
PICKERS = """
const top_ = () => navigator.storage.getDirectory();
globalThis.showSaveFilePicker = async ({ suggestedName }) =>
  (await top_()).getFileHandle(`mine ${suggestedName}`, { create: true });
globalThis.showDirectoryPicker = async () =>
  (await top_()).getDirectoryHandle('mine', { create: true });
"""
#: A browser that wants a yes again after a page is loaded anew, and what it is told then.
ASKING = """
Object.defineProperty(FileSystemHandle.prototype, 'queryPermission', { value: async function () {
  return sessionStorage.getItem('loaded') === 'once' ? 'granted' : 'prompt';
} });
Object.defineProperty(FileSystemHandle.prototype, 'requestPermission', { value: async function () {
  return navigator.userActivation.isActive ? 'ANSWER' : 'denied';
} });
sessionStorage.setItem('loaded', sessionStorage.getItem('loaded') === null ? 'once' : 'again');
"""
#: The digests of all files of the origin, by their paths.
FILES = """(async () => {
  const found = {};
  const look = async (folder, path) => {
    for await (const [name, handle] of folder) {
      if (handle.kind === 'directory') {
        await look(handle, `${path}${name}/`);
      } else {
        const content = await (await handle.getFile()).arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
        const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0'));
        found[path + name] = hex.join('');
      }
    }
  };
  await look(await navigator.storage.getDirectory(), '');
  return found;
})()"""

#: Ends once there is none; the page takes away what came without saying when it has.
GONE = f"""(async () => {{
  while (Object.keys(await {FILES}).length > 0) {{
    await new Promise((done) => setTimeout(done, 50));
  }}
}})()"""


def files(browser: Browser) -> dict[str, str]:
    """Return the digests of what is in the browser's file system."""
    return dict(browser.do("evaluate", script=FILES))


def shown(browser: Browser) -> str:
    return str(browser.do("text", at="#page"))


def test_a_file_goes_to_the_one_that_was_chosen(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "photo.jpg", 20 * MB)
    sender, link = linked(world, sent)
    browser.do("begin", script=PICKERS)
    browser.open(link)
    browser.click("Accept, and save as…")
    browser.shows("It is in mine photo.jpg, as you chose.")
    assert sender.end() == 0, sender.report()
    # There, and nowhere else: the browser's own store has nothing of it.
    digest = hashlib.sha256(sent.read_bytes()).hexdigest()
    assert files(browser) == {"mine photo.jpg": digest}
    assert "Save" not in shown(browser).splitlines()


def test_a_folder_goes_into_the_one_that_was_chosen_beside_what_is_there(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    sender, link = linked(world, folder := a_folder(tmp_path))
    browser.do("begin", script=PICKERS)
    browser.open(link)
    browser.shows("would like to send you")
    mine = (
        "(async () => { const made = await (await showDirectoryPicker()).getDirectoryHandle('top',"
    )
    mine += " { create: true }); await made.getFileHandle('a.bin', { create: true }) })()"
    browser.do("evaluate", script=mine)
    browser.click("Accept into a folder…")
    browser.shows("It is in mine, as you chose.")
    assert sender.end() == 0, sender.report()
    found = files(browser)
    assert found.pop("mine/top/a.bin") == hashlib.sha256(b"").hexdigest()
    wanted = {f"mine/top/{path}": digest for path, digest in contents(folder).items()}
    wanted["mine/top/a (2).bin"] = wanted.pop("mine/top/a.bin")
    assert found == wanted


def test_a_page_that_is_loaded_anew_goes_on_there(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    for name in ("a.bin", "b.bin"):
        fill(tmp_path / "from" / "top" / name, 4 * MB)
    sender, link = linked(world, tmp_path / "from" / "top", "--upload-limit", "1M")
    browser.do("begin", script=PICKERS)
    browser.open(link)
    browser.click("Accept into a folder…")
    sender.wait_for("progressUpdate", lambda event: event["downloadedBytes"] > 6 * MB)
    browser.do("reload")
    browser.shows("It is in mine, as you chose.")
    assert sender.end() == 0, sender.report()
    # The first file was whole, and is not sent again.
    figures = [each["uploadedBytes"] for each in sender.events if each["event"] == "upload"]
    assert max(figures) < 12 * MB
    folder = tmp_path / "from" / "top"
    assert files(browser) == {f"mine/top/{path}": each for path, each in contents(folder).items()}


@pytest.mark.parametrize("answer", ["granted", "denied"])
def test_a_browser_that_asks_again_after_that_is_told_by_the_person(
    answer: str, world: World, browser: Browser, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "a.bin", 6 * MB)
    sender, link = linked(world, sent, "--upload-limit", "1M")
    browser.do("begin", script=PICKERS)
    browser.do("begin", script=ASKING.replace("ANSWER", answer))
    browser.open(link)
    browser.click("Accept, and save as…")
    browser.shows("left")  # it moves
    browser.do("reload")
    browser.shows("The browser asks you once more before this page writes to mine a.bin")
    browser.click("Go on")
    if answer == "granted":
        browser.shows("It is in mine a.bin, as you chose.")
        assert sender.end() == 0, sender.report()
        assert files(browser) == {"mine a.bin": hashlib.sha256(sent.read_bytes()).hexdigest()}
    else:
        browser.shows("What you chose for it cannot be written to any more")
        assert sender.end() == 1, sender.report()


def test_what_is_cancelled_is_taken_away_there(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    sender, link = linked(world, fill(tmp_path / "a.bin", 20 * MB), "--upload-limit", "1M")
    browser.do("begin", script=PICKERS)
    browser.open(link)
    browser.click("Accept, and save as…")
    browser.shows("left")  # it moves
    browser.click("Cancel")
    browser.shows("You cancelled it.")
    assert sender.end() == 1, sender.report()
    browser.do("evaluate", script=GONE)


def test_who_chooses_nothing_has_said_nothing(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    sender, link = linked(world, fill(tmp_path / "a.bin", MB))
    closed = (
        "globalThis.showSaveFilePicker = async () => { throw new DOMException('', 'AbortError') }"
    )
    browser.do("begin", script=closed)
    browser.open(link)
    browser.click("Accept, and save as…")
    browser.click("Accept")
    browser.shows("Received and verified")
    assert sender.end() == 0, sender.report()
