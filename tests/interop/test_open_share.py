"""An open share of the real screen, taken by strangers who know the copied link alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import World
from tests.e2e.screen import Screen
from tests.interop.kinds import Chromium, Libtorrent
from tests.interop.payloads import Payload, single


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    folder = tmp_path / "shared"
    folder.mkdir()
    return single(folder, seed="open share")


@pytest.fixture
def screen(tmp_path: Path, payload: Payload) -> Iterator[Screen]:
    assert shutil.which("tmux"), "install tmux to run these tests"
    world = World(tmp_path)
    world.start_relay()
    screen = Screen(world, "Ann", payload.path.parent, 120, 40)
    yield screen
    screen.kill()
    world.close()
    assert world.leftovers() == []


def test_a_browser_and_libtorrent_take_what_the_screen_shares(
    screen: Screen, payload: Payload, chromium: Chromium, libtorrent: Libtorrent
) -> None:
    screen.code()
    screen.press("s")
    screen.wait_for(payload.name)
    screen.press("Space")
    screen.wait_for("✓ single.bin")
    screen.press("O")
    screen.wait_for("Anyone with the link can download")
    screen.wait_for("shared openly", press="y")
    screen.press("c")
    screen.until(lambda: screen.copied.startswith("magnet:?"), "copied link")
    assert screen.copied in "".join(screen.seen.split())

    for took, stranger in enumerate((chromium, libtorrent), 1):
        download = stranger.download(screen.copied, payload)
        assert download.done().files == payload.files
        screen.wait_for(f"{took} took it")
        # The next would take some of it there, and may leave without telling us of that.
        chromium.close_pages()

    screen.press("x")
    screen.wait_for("Stop sharing")
    screen.wait_for("is no longer shared", press="y")
    screen.quit()
