"""`--verify`: two people compare words before anything is asked or answered."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e.processes import Filesend, World, contents, fill


def verifying(world: World, tmp_path: Path) -> tuple[Filesend, Filesend]:
    """Pair up to where both have said the words, as JSON, and wait for a line."""
    fill(tmp_path / "from" / "a.txt", 50_000)
    sender = world.start(
        "send", "--json", "--verify", tmp_path / "from" / "a.txt", stdin=subprocess.PIPE
    )
    code = sender.wait_for("code")["code"]
    receiver = world.start(
        *("receive", code, "--yes", "--json", "--verify", "--name", "Bob", "-o", tmp_path / "to"),
        stdin=subprocess.PIPE,
    )
    shown = [side.wait_for("verification") for side in (sender, receiver)]
    assert [each["partner"] for each in shown] == ["Bob", "Ann"]
    assert shown[0]["words"] == shown[1]["words"]
    assert len(shown[0]["words"].split()) == 3
    return sender, receiver


def answer(side: Filesend, line: str) -> None:
    assert side.process.stdin is not None
    side.process.stdin.write(line)
    side.process.stdin.close()


def test_the_same_words_let_the_files_through(world: World, tmp_path: Path) -> None:
    sender, receiver = verifying(world, tmp_path)
    assert "fileRequest" not in sender.names() + receiver.names()
    for side in (sender, receiver):
        answer(side, "what?\nyes\n")
    assert (sender.end(), receiver.end()) == (0, 0), sender.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


@pytest.mark.parametrize("line", ["no\n", ""])
def test_other_words_or_no_answer_end_it_and_the_partner_is_told(
    line: str, world: World, tmp_path: Path
) -> None:
    sender, receiver = verifying(world, tmp_path)
    answer(sender, line)
    assert sender.end() == 5, sender.report()
    assert sender.error_codes() == ["notVerified"]
    assert receiver.end() == 6, receiver.report()  # whose own question is over with the pairing
    assert "not the same" in receiver.wait_for("message")["text"]
    assert "fileRequest" not in sender.names() + receiver.names()
    assert not (tmp_path / "to").exists() or contents(tmp_path / "to") == {}
