"""Killed screens, opened again: what was under way is told of, and goes on."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.processes import Filesend, World, digest, fill
from tests.e2e.screen import Screen
from tests.e2e.test_tmux import accept

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("screens"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no tmux"),
]

SIZE = 12_000_000
RATE = "2M"


class Bob:
    """Somebody at screens that are killed and opened again."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world, self._folder = world, folder
        self._opened = ExitStack()

    def open(self) -> Screen:
        assert shutil.which("tmux"), "install tmux to run these tests"
        self._world.environment["FILESEND_STATE"] = str(self._folder / "Bob's state")
        screen = Screen(self._world, "Bob", self._folder / "to", 120, 40)
        self._opened.callback(screen.kill)
        return screen

    def killed(self, screen: Screen) -> None:
        """Kill the program, and not only its terminal, which it would notice."""
        found = self._world.running().items()
        command = f"{sys.executable} -m filesend_tui -o"
        (pid,) = [pid for pid, line in found if line.startswith(command)]
        os.kill(pid, signal.SIGKILL)
        screen.until(lambda: screen.closed, "end")

    def close(self) -> None:
        self._opened.close()


@pytest.fixture
def bob(world: World, tmp_path: Path) -> Iterator[Bob]:
    someone = Bob(world, tmp_path)
    yield someone
    someone.close()


def ann(world: World, tmp_path: Path, *arguments: str | Path) -> Filesend:
    world.environment["FILESEND_STATE"] = str(tmp_path / "Ann's state")
    return world.start(*arguments, "--json", "--upload-limit", RATE)


def under_way(sender: Filesend, screen: Screen) -> None:
    code = sender.wait_for("code")["code"]
    screen.code()
    screen.type(code)
    screen.press("Enter")
    screen.wait_for("is here")
    accept(screen)
    sender.wait_for("upload", lambda event: event["uploadedBytes"] > SIZE // 4)


@pytest.mark.parametrize("how", ["at a key", "by itself"])
def test_a_killed_screen_goes_on_without_pairing_again(
    world: World, bob: Bob, tmp_path: Path, how: str
) -> None:
    """The sender is killed too, and comes back only once the screens wait for them."""
    sent = fill(tmp_path / "from" / "film.bin", SIZE)
    sender, screen = ann(world, tmp_path, "send", sent), bob.open()
    under_way(sender, screen)
    bob.killed(screen)
    sender.signal(signal.SIGKILL)
    sender.end()
    if how == "by itself":
        world.environment["FILESEND_RESUME"] = "auto"
    again = bob.open()
    if how == "at a key":
        again.wait_for("film.bin is unfinished.")
        again.press("F3")
    again.wait_for("Going on with film.bin.")
    again.wait_for("Ann is away", press="t")
    again.press("p")
    assert again.code(), "all else works meanwhile"
    back = ann(world, tmp_path, "resume")
    assert back.end() == 0, back.report()
    again.wait_for("✓ done", press="t")
    assert digest(tmp_path / "to" / "film.bin") == digest(sent)
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["film.bin"]
    assert back.wait_for("paired")["partner"] == "Bob"
    told = [event["uploadedBytes"] for event in back.events if event["event"] == "upload"]
    assert max(told) < SIZE, "what had arrived is not sent again"
    again.quit()


def test_what_a_killed_screen_left_is_forgotten_at_a_key(
    world: World, bob: Bob, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "from" / "film.bin", SIZE)
    sender, screen = ann(world, tmp_path, "send", sent), bob.open()
    under_way(sender, screen)
    bob.killed(screen)
    sender.signal(signal.SIGKILL)
    sender.end()
    assert len(list((tmp_path / "to").iterdir())) == 1
    again = bob.open()
    again.wait_for("film.bin is unfinished.")
    again.press("U")
    again.wait_for("from Ann · interrupted")
    again.press("x")
    again.wait_for("Forget film.bin?")
    again.until(lambda: "Nothing is unfinished." in again.seen, "end of it", press="y")
    assert list((tmp_path / "to").iterdir()) == []
    again.until(lambda: "Unfinished" not in again.seen, "end of the box", press="Escape")
    again.quit()


def test_screens_that_were_quit_keep_what_runs_for_later(
    world: World, bob: Bob, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "from" / "film.bin", SIZE)
    sender, screen = ann(world, tmp_path, "send", sent), bob.open()
    under_way(sender, screen)
    screen.wait_for("Quit while a transfer is running?", press="q")
    screen.until(lambda: screen.closed, "end", press="y")
    assert sender.wait_for("partnerAway")
    again = bob.open()
    again.wait_for("film.bin is unfinished.")
    again.press("F3")
    assert sender.end() == 0, sender.report()
    assert "cancelled" not in sender.phases()
    again.wait_for("✓ done", press="t")
    assert digest(tmp_path / "to" / "film.bin") == digest(sent)
    again.quit()
