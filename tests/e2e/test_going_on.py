"""Killed processes, and `filesend resume`: what was under way goes on, and arrives whole."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.processes import Filesend, World, digest, fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("transfers"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to end these with"),
]

SIZE = 12_000_000
RATE = "3M"


class Two(NamedTuple):
    """Two people on two machines, as far as their memories go."""

    world: World
    folder: Path

    @property
    def output(self) -> Path:
        return self.folder / "to"

    def start(self, who: str, *arguments: str | Path, **popen: Any) -> Filesend:
        self.world.environment["FILESEND_STATE"] = str(self.folder / f"{who}'s state")
        return self.world.start(*arguments, **popen)

    def begin(self, path: Path, **popen: Any) -> tuple[Filesend, Filesend]:
        """Start a transfer and return both sides once a part of it has arrived."""
        sender = self.start("Ann", "send", "--json", path, "--upload-limit", RATE, **popen)
        code = sender.wait_for("code")["code"]
        receiver = self.start(
            "Bob", "receive", code, "--yes", "--json", "--name", "Bob", "-o", self.output
        )
        receiver.wait_for("download", lambda event: event["downloadedBytes"] > SIZE // 4)
        return sender, receiver

    def limit(self, who: str, upload: str) -> None:
        limiting = self.start(who, "limit", "--upload", upload)
        assert limiting.end() == 0, limiting.report()

    def resume(self, who: str) -> Filesend:
        return self.start(who, "resume", "--json", "--upload-limit", RATE)


@pytest.fixture
def two(world: World, tmp_path: Path) -> Two:
    return Two(world, tmp_path)


def arrived(two: Two, path: Path) -> None:
    """Check that the file is there, whole, and nothing else."""
    assert [each.name for each in two.output.iterdir()] == [path.name]
    assert digest(two.output / path.name) == digest(path)


@pytest.mark.parametrize("killed", ["sender", "receiver", "both"])
def test_killed_in_mid_transfer_it_goes_on(two: Two, killed: str) -> None:
    path = fill(two.folder / "from" / "a.bin", SIZE)
    sides = dict(zip(("sender", "receiver"), two.begin(path), strict=True))
    for role in sides if killed == "both" else [killed]:
        sides[role].signal(signal.SIGKILL)
        sides[role].end()
        sides[role] = two.resume("Ann" if role == "sender" else "Bob")
    for side in sides.values():
        assert side.end() == 0, side.report()
        assert side.error_codes() == []
    arrived(two, path)
    assert sides["sender"].wait_for("torrentDone")
    if killed != "sender":
        complete = sides["receiver"].wait_for("downloadComplete")
        assert complete["resumedBytes"] > SIZE // 8
    for who in ("Ann", "Bob"):
        listing = two.start(who, "resume", "--list", "--json")
        assert listing.end() == 0
        assert "unfinished" not in listing.names()


def test_a_relay_that_was_killed_with_its_owner_is_started_by_who_is_left(
    lonely_world: World, tmp_path: Path
) -> None:
    """Nobody names a relay: it is the sender's child, and ends with the sender."""
    two = Two(lonely_world, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        lonely_world.environment["FILESEND_PORT"] = str(free.getsockname()[1])
    path = fill(two.folder / "from" / "a.bin", SIZE)
    sender, receiver = two.begin(path)
    sender.signal(signal.SIGKILL)
    sender.end()
    receiver.wait_for("relayAway")
    receiver.wait_for("relayBack")
    again = two.resume("Ann")
    for side in (again, receiver):
        assert side.end() == 0, side.report()
    arrived(two, path)
    assert lonely_world.leftovers() == [], "the relay went with the receiver"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("who", ["sender", "receiver"])
def test_told_to_end_nothing_is_cancelled_and_both_are_told_how_to_go_on(
    two: Two, who: str, how: signal.Signals
) -> None:
    """By a system that shuts down, or a script; Ctrl-C is somebody who gives up."""
    two.world.environment["FILESEND_ON_HANGUP"] = "stop"
    path = fill(two.folder / "from" / "a.bin", SIZE)
    sides = dict(zip(("sender", "receiver"), two.begin(path), strict=True))
    ended = sides.pop(who)
    (other,) = sides.values()
    ended.signal(how)
    assert ended.end() == 130, ended.report()
    assert ended.error_codes() == []
    kept = ended.wait_for("unfinished")
    assert (kept["name"], kept["running"]) == ("a.bin", False)
    assert ended.names()[-2:] == ["unfinished", "clientDestroyed"]
    assert other.wait_for("partnerAway")
    again = two.resume("Ann" if who == "sender" else "Bob")
    for side in (again, other):
        assert side.end() == 0, side.report()
    assert "cancelled" not in ended.phases() + other.phases()
    arrived(two, path)


def test_told_to_end_it_says_which_command_goes_on(two: Two) -> None:
    path = fill(two.folder / "from" / "a.bin", SIZE)
    sender = two.start("Ann", "send", path, "--upload-limit", RATE)
    code = sender.wait_for_line("Code: ").removeprefix("Code: ")
    receiver = two.start("Bob", "receive", code, "--yes", "--name", "Bob", "-o", two.output)
    receiver.wait_for_line("Receiving: ")
    receiver.signal(signal.SIGTERM)
    assert receiver.end() == 130, receiver.report()
    assert receiver.lines == [], "nothing arrived yet"
    (line,) = [line for line in receiver.errors if line.startswith("filesend resume ")]
    id = line.split()[2]
    again = two.start("Bob", "resume", id, "--json")
    for side in (again, sender):
        assert side.end() == 0, side.report()
    arrived(two, path)


def test_told_to_end_with_nothing_under_way_it_says_goodbye(two: Two) -> None:
    path = fill(two.folder / "a.bin", 10)
    # It waits for an answer to its words, so that nothing is asked meanwhile.
    sender = two.start("Ann", "send", "--json", "--verify", path, stdin=subprocess.PIPE)
    code = sender.wait_for("code")["code"]
    receiver = two.start("Bob", "receive", code, "--yes", "--json", "-o", two.output)
    receiver.wait_for("paired")
    sender.wait_for("paired")
    receiver.signal(signal.SIGTERM)
    assert receiver.end() == 130
    assert sender.wait_for("partnerGone")["reason"] == "left"
    sender.end()


def test_the_same_commands_again_go_on_with_what_they_began(two: Two) -> None:
    """Told to: no code is made, and the one that was used up is passed again."""
    path = fill(two.folder / "from" / "a.bin", SIZE)
    sender, receiver = two.begin(path)
    code = sender.wait_for("code")["code"]
    for side in (sender, receiver):
        side.signal(signal.SIGKILL)
        side.end()
    linked = two.folder / "the same"
    linked.symlink_to(path.parent)
    again = two.start("Ann", "send", linked / "a.bin", "--resume", "--json")
    back = two.start("Bob", "receive", code, "--yes", "--resume", "--json", "-o", two.output)
    for side in (again, back):
        assert side.end() == 0, side.report()
        assert {"code", "error"}.isdisjoint(side.names())
    assert back.wait_for("downloadComplete")["resumedBytes"] > SIZE // 8
    arrived(two, path)


def test_in_a_script_the_same_command_begins_anew_and_tells_of_the_other(two: Two) -> None:
    path = fill(two.folder / "from" / "a.bin", SIZE)
    sender, receiver = two.begin(path)
    for side in (sender, receiver):
        side.signal(signal.SIGKILL)
        side.end()
    for told in (True, False):
        again = two.start("Ann", "send", path, "--json", *([] if told else ["--no-resume"]))
        assert again.wait_for("code")
        assert ("unfinished" in again.names()) is told
        again.signal(signal.SIGINT)
        again.end()
    other = two.start("Ann", "send", fill(two.folder / "b.bin", 10), "--resume", "--json")
    assert other.wait_for("code"), "of other files nothing is unfinished"
    assert "unfinished" not in other.names()
    other.signal(signal.SIGINT)
    other.end()


def test_on_a_terminal_it_is_asked_whether_to_go_on(two: Two) -> None:
    path = fill(two.folder / "from" / "a.bin", SIZE)
    sender, receiver = two.begin(path)
    sender.signal(signal.SIGKILL)
    sender.end()
    keys, terminal = os.openpty()
    try:
        again = two.start("Ann", "send", path, stdin=terminal)
        again.wait_for_line("Unfinished: a.bin (1 file, 12 MB) to Bob")
        os.write(keys, b"\n")
        for side in (again, receiver):
            assert side.end() == 0, side.report()
        assert not any("Code: " in line for line in again.lines)
    finally:
        os.close(keys)
        os.close(terminal)
    arrived(two, path)


def test_what_was_named_from_another_folder_is_found_again(two: Two) -> None:
    path = fill(two.folder / "from" / "a.bin", SIZE)
    sender, receiver = two.begin(Path("a.bin"), cwd=path.parent)
    sender.signal(signal.SIGKILL)
    sender.end()
    again = two.resume("Ann")
    for side in (again, receiver):
        assert side.end() == 0, side.report()
    arrived(two, path)


def test_what_is_unfinished_is_listed_and_forgotten(two: Two) -> None:
    path = fill(two.folder / "from" / "a.bin", SIZE)
    for side in two.begin(path):
        side.signal(signal.SIGKILL)
        side.end()
    for who, way in (("Ann", "send"), ("Bob", "receive")):
        listing = two.start(who, "resume", "--list", "--json")
        assert listing.end() == 0, listing.report()
        left = listing.wait_for("unfinished")
        assert (left["direction"], left["name"], left["count"]) == (way, "a.bin", 1)
        assert left["totalBytes"] == SIZE
        other = two.start(who, "resume", "--list", "--json", "0" * 9)
        assert other.end() == 1, other.report()
        assert (other.names().count("unfinished"), other.error_codes()) == (0, ["noSuchTransfer"])
        forgetting = two.start(who, "forget", left["transfer"][:6], "--json")
        assert forgetting.end() == 0, forgetting.report()
        assert forgetting.wait_for("forgotten")["transfer"] == left["transfer"]
        again = two.start(who, "forget", left["transfer"], "--json")
        assert again.end() == 1
        assert again.error_codes() == ["noSuchTransfer"]
    assert list(two.output.iterdir()) == []
    assert path.exists()


def test_what_is_under_way_is_neither_gone_on_with_nor_forgotten_by_another(two: Two) -> None:
    # So much that most of it is left once the limit is in force.
    path = fill(two.folder / "from" / "a.bin", 5 * SIZE)
    sides = two.begin(path)
    # It lasts until it may end.
    two.limit("Ann", "50k")
    for who, whom, side in zip(("Ann", "Bob"), ("to Bob", "from Ann"), sides, strict=True):
        id = sides[0].wait_for("fileRequest")["transfer"]
        for command in (["resume", id], ["forget", id], ["resume"], ["forget", "--all"]):
            other = two.start(who, *command)
            assert other.end() == 1, other.report()
            assert other.lines == []
            said = f"a.bin {whom} is under way in process {side.process.pid}."
            assert said in other.report()
            assert "End that process, or wait until it is done." in other.report()
    two.limit("Ann", "none")
    for side in sides:
        assert side.end() == 0, side.report()
    arrived(two, path)


def test_two_on_one_machine_go_on_by_the_same_id(world: World, tmp_path: Path) -> None:
    """They share a journal: each process is one side of it."""
    path = fill(tmp_path / "from" / "a.bin", SIZE)
    sender, code = world.send(path, "--upload-limit", RATE)
    receiver = world.receive(code, tmp_path / "to")
    receiver.wait_for("download", lambda event: event["downloadedBytes"] > SIZE // 4)
    for side in (sender, receiver):
        side.signal(signal.SIGKILL)
        side.end()
    id = sender.wait_for("fileRequest")["transfer"]
    one = world.start("resume", id, "--json")
    assert one.wait_for("unfinished")["transfer"] == id, "the other side is told of"
    one.wait_for("partnerAway")
    two = world.start("resume", id, "--json")
    for side in (one, two):
        assert side.end() == 0, side.report()
    assert "unfinished" not in two.names()
    assert digest(tmp_path / "to" / "a.bin") == digest(path)


def test_a_source_that_changed_meanwhile_is_named_and_not_mixed(two: Two) -> None:
    path = fill(two.folder / "from" / "a.bin", SIZE)
    sender, receiver = two.begin(path)
    sender.signal(signal.SIGKILL)
    sender.end()
    fill(path, SIZE)
    again = two.resume("Ann")
    assert again.end() == 1, again.report()
    assert again.error_codes() == ["badSource"]
    assert "a.bin changed" in again.wait_for("error")["message"]
    assert receiver.end() == 1, receiver.report()
    assert "changed" in receiver.wait_for("error")["message"]
    assert list(two.output.iterdir()) == []
