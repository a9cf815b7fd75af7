"""Two people at two real terminals, by keys alone: from the code to the file that is the same."""

from __future__ import annotations

import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.processes import World, contents, fill
from tests.e2e.screen import Screen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("screens"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no tmux"),
]

#: The line of a transfer that is done.
DONE = re.compile(r"^ +✓ done", re.MULTILINE)


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def two_screens(
    request: pytest.FixtureRequest, world: World, tmp_path: Path
) -> Iterator[tuple[Screen, Screen]]:
    with opened(world, tmp_path, *request.param) as screens:
        yield screens


@contextmanager
def opened(
    world: World, tmp_path: Path, width: int, height: int, *arguments: str
) -> Iterator[tuple[Screen, Screen]]:
    assert shutil.which("tmux"), "install tmux to run these tests"
    ann, bob = (
        Screen(world, name, tmp_path / name, width, height, *arguments) for name in ("Ann", "Bob")
    )
    try:
        yield ann, bob
    finally:
        ann.kill()
        bob.kill()


def pair(maker: Screen, joiner: Screen) -> None:
    code = maker.code()
    joiner.code()  # its own: it is connected
    joiner.type(code)
    joiner.press("Enter")
    for screen in (joiner, maker):
        screen.wait_for("is here")


def choose(screen: Screen, name: str) -> None:
    # One thing is in the folder, so the bar is on it. Right after pairing no key counts yet.
    screen.until(lambda: re.search(rf"\[ \] . {name}", screen.seen), name)
    screen.wait_for("Show all", press="/")
    screen.press("Escape")
    screen.until(lambda: "Show all" not in screen.seen, "list")
    screen.press("Space")
    screen.wait_for("S to send")


def choose_and_send(screen: Screen, name: str) -> None:
    choose(screen, name)
    screen.press("S")


def look(screen: Screen) -> None:
    """Open the box about a request; until a key asks for it there is a bar."""
    screen.wait_for(" asks: ")
    assert "wants to send you" not in screen.seen
    screen.wait_for("wants to send you", press="F2")


def accept(screen: Screen) -> None:
    look(screen)
    screen.press("Enter")
    screen.until(lambda: "wants to send you" not in screen.seen, "answer")


def test_a_file_goes_by_keys_alone(two_screens: tuple[Screen, Screen], world: World) -> None:
    ann, bob = two_screens
    fill(ann.folder / "film.bin", 5_000_000)
    pair(ann, bob)
    choose_and_send(ann, "film.bin")
    accept(bob)
    bob.wait_for("film.bin arrived.")
    ann.wait_for("Bob has film.bin.")
    assert contents(bob.folder) == contents(ann.folder)
    ann.quit()
    bob.wait_for("Ann left.")
    bob.quit()


def test_a_transfer_survives_any_size_and_its_receipt_the_screens(
    world: World, tmp_path: Path
) -> None:
    with opened(world, tmp_path, 80, 24, "--upload-limit", "8M") as (ann, bob):
        fill(ann.folder / "film.bin", 100_000_000)
        pair(ann, bob)
        choose_and_send(ann, "film.bin")
        accept(bob)
        bob.wait_for("Rate  peak")

        def share() -> int:
            return max(map(int, re.findall(r"(\d+)%", ann.seen)), default=0)

        def has_size(width: int, height: int) -> bool:
            return bob.size == (width, height)

        def has_come(until: int) -> bool:
            return share() >= until or "✓ done" in ann.seen

        for width, height in ((9, 24), (5, 5), (1, 1), (80, 24)):
            bob.resize(width, height)
            bob.until(partial(has_size, width, height), "size")
            # So long that Bob's figures change, and are drawn.
            ann.until(partial(has_come, share() + 12), "progress")
        bob.wait_for("film.bin arrived.")
        assert contents(bob.folder) == contents(ann.folder)
        bob.keep_what_is_printed()
        bob.press("q")
        bob.wait_for("Received film.bin (100 MB) → ")
        assert str(bob.folder / "film.bin") in bob.seen.replace("\n", "")
        ann.wait_for("Bob left.")
        ann.quit()


def test_a_folder_goes_each_way_at_the_same_time(
    two_screens: tuple[Screen, Screen], world: World
) -> None:
    ann, bob = two_screens
    for screen, name in ((ann, "from-ann"), (bob, "from-bob")):
        for number in range(50):
            fill(screen.folder / name / f"{number:02}.bin", 40_000 + number)
    sent = contents(ann.folder) | contents(bob.folder)
    pair(ann, bob)
    # Both choose before either asks: Ann's question may come between Bob and his keys.
    choose(ann, "from-ann")
    choose(bob, "from-bob")
    for screen in (ann, bob):
        screen.press("S")
        screen.wait_for(f"↑ from-{'ann' if screen is ann else 'bob'}")
    accept(bob)
    accept(ann)
    for screen in (ann, bob):
        screen.until(partial(are_done, screen, 2), "two done")
    # Not before: a file that is found in a part folder may have moved when it is opened.
    assert contents(ann.folder) == contents(bob.folder) == sent
    ann.quit()
    bob.wait_for("Ann left.")
    bob.quit()


def test_a_no_is_told(two_screens: tuple[Screen, Screen], world: World) -> None:
    ann, bob = two_screens
    fill(ann.folder / "film.bin", 1000)
    pair(ann, bob)
    choose_and_send(ann, "film.bin")
    look(bob)
    bob.press("d", "d", "d")  # once is enough, and twice is no more: nobody is disconnected
    ann.wait_for("declined")
    assert contents(bob.folder) == {}


def test_the_relay_goes_away(two_screens: tuple[Screen, Screen], world: World) -> None:
    ann, bob = two_screens
    pair(ann, bob)
    world.processes[0].kill()
    for screen in (ann, bob):
        screen.wait_for("relay is away")
        screen.wait_for("away 0:0")  # nothing connects them meanwhile, and the count goes up
        screen.quit()


def test_the_relay_ends_with_the_window_that_started_it(
    lonely_world: World, tmp_path: Path
) -> None:
    """Three windows of one user, who names no relay: the other two go on by themselves."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        lonely_world.environment["FILESEND_PORT"] = str(free.getsockname()[1])
    first = Screen(lonely_world, "Carol", tmp_path / "Carol", 80, 24)
    try:
        first.code()
        with opened(lonely_world, tmp_path, 80, 24) as (ann, bob):
            pair(ann, bob)
            first.kill_program()
            ann.wait_for("Write a line", press="m")
            ann.type("still here?")
            ann.press("Enter")
            bob.wait_for("still here?")
            for screen in (ann, bob):
                screen.until(partial(says_nothing_of_the_relay, screen), "relay")
            ann.press("Escape")
            ann.until(lambda: "Write a line" not in ann.seen, "end of writing")
            ann.quit()
            # Where the next relay was hers, what is said of it soon stands over "Ann left."
            bob.until(lambda: "Ann" not in bob.seen.splitlines()[0], "end of the pair")
            bob.quit()
    finally:
        first.kill()


def test_a_terminal_that_goes_away(two_screens: tuple[Screen, Screen], world: World) -> None:
    ann, bob = two_screens
    pair(ann, bob)
    ann.kill()
    bob.wait_for("Ann left.")
    bob.quit()
    # The world's own end shows that Ann's process went with her terminal.


def test_a_line_that_comes_all_at_once_is_said_and_no_command(
    two_screens: tuple[Screen, Screen], world: World
) -> None:
    """As over a slow connection. Its letters would go to Send, disconnect and quit."""
    ann, bob = two_screens
    pair(ann, bob)
    bob.wait_for("Nothing chosen yet", press="s")
    ann.wait_for("Write a line", press="m")
    ann.press("Escape")
    ann.until(lambda: "Write a line" not in ann.seen, "end of writing")
    ann.type("mstop, Do not quit")
    ann.wait_for("stop, Do not quit")
    ann.press("Enter")
    ann.wait_for("you: stop, Do not quit")
    bob.wait_for("Ann: stop, Do not quit")  # who looks for files sees it, too
    bob.wait_for("1 message")
    ann.press("Escape")
    ann.until(lambda: "Write a line" not in ann.seen, "end of writing")
    for screen in (ann, bob):
        screen.quit()


def test_the_terminal_goes_to_the_shell_and_comes_back(world: World, tmp_path: Path) -> None:
    screen = Screen(world, "Ann", tmp_path / "Ann", 80, 24, shell=True)
    try:
        code = screen.code()
        screen.press("C-z")
        screen.wait_for("Stopped")
        screen.type("echo $((6 * 7))")
        screen.press("Enter")
        screen.wait_for("42")
        screen.type("fg")
        screen.press("Enter")
        assert screen.code() == code
        screen.press("q")
        screen.until(lambda: "Your code" not in screen.seen, "shell")
    finally:
        screen.kill()


def are_done(screen: Screen, count: int) -> bool:
    return len(DONE.findall(screen.seen)) == count


def says_nothing_of_the_relay(screen: Screen) -> bool:
    return "relay is away" not in screen.seen


def tells_trouble(screen: Screen) -> bool:
    return "✗" in screen.seen
