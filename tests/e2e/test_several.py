"""`filesend send --receivers N` as real processes: a code for each, one torrent for all."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import Filesend, World, contents, fill

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("several")]


def codes(sender: Filesend, nth: int) -> str:
    """Wait for the code of the nth receiver."""
    before = [event["code"] for event in sender.events if event["event"] == "code"][: nth - 1]
    return str(sender.wait_for("code", lambda event: event["code"] not in before)["code"])


def join(world: World, sender: Filesend, nth: int, output: Path) -> Filesend:
    code = codes(sender, nth)
    return world.start("receive", code, "--yes", "--json", "--name", f"R{nth}", "-o", output)


def test_each_gets_all_and_the_codes_come_one_after_another(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", 3_000_000)
    sender = world.start("send", "--json", "--receivers", "3", sent)
    receivers = [join(world, sender, nth, tmp_path / f"to{nth}") for nth in (1, 2, 3)]
    assert [each.end() for each in (*receivers, sender)] == [0, 0, 0, 0], sender.report()
    for nth in (1, 2, 3):
        assert contents(tmp_path / f"to{nth}") == contents(tmp_path / "from")
    asked = [each.wait_for("fileRequest") for each in receivers]
    assert [each["others"] for each in asked] == [2, 2, 2]
    done = [event for event in sender.events if event["event"] == "torrentDone"]
    assert len({event["transfer"] for event in done}) == 3
    assert len({event["session"] for event in done}) == 3
    assert sender.complaints() == []


def test_a_no_of_one_is_the_exit_code_and_the_other_gets_all(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", 1_000_000)
    sender = world.start("send", "--json", "--receivers", "2", sent)
    full = tmp_path / "full"
    full.write_bytes(b"no folder")
    unwilling = world.start("send", "--json", "--code", codes(sender, 1), sent)
    assert unwilling.end() == 1  # both want to send
    willing = join(world, sender, 2, tmp_path / "to2")
    last = join(world, sender, 3, tmp_path / "to3")  # in place of the one who wanted to send
    assert [willing.end(), last.end()] == [0, 0]
    assert contents(tmp_path / "to2") == contents(tmp_path / "to3") == contents(tmp_path / "from")
    assert sender.end() == 1
    assert "samePurpose" in sender.error_codes()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_an_interrupt_ends_it_for_all(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", 20_000_000)
    sender = world.start("send", "--json", "--receivers", "3", "--upload-limit", "500k", sent)
    receivers = [join(world, sender, nth, tmp_path / f"to{nth}") for nth in (1, 2)]
    for each in receivers:
        each.wait_for("downloadStarted")
    codes(sender, 3)
    sender.signal(signal.SIGINT)
    assert sender.end() == 130
    assert [each.end() for each in receivers] == [1, 1]


def test_a_code_of_ones_own_is_for_one(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "film.mkv", 1000)
    sender = world.start("send", "--receivers", "2", "--code", "1234-one-two", sent)
    assert sender.end() == 2
    assert "--receivers" in sender.report()


def test_who_leaves_while_anothers_words_are_compared_ends_nothing(
    world: World, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", 1_500_000)
    sender = world.start(
        *("send", "--json", "--receivers", "2", "--verify", "--upload-limit", "500k", sent),
        stdin=subprocess.PIPE,
    )
    stdin = sender.process.stdin
    assert stdin is not None
    first = join(world, sender, 1, tmp_path / "to1")
    stdin.write("yes\n")
    stdin.flush()
    first.wait_for("downloadStarted")
    second = join(world, sender, 2, tmp_path / "to2")
    sender.wait_for("verification", lambda event: event["partner"] == "R2")
    assert first.end() == 0, first.report()
    sender.wait_for("partnerGone")
    stdin.write("yes\n")
    stdin.close()
    assert (second.end(), sender.end()) == (0, 0), sender.report() + second.report()
    assert contents(tmp_path / "to2") == contents(tmp_path / "from")
