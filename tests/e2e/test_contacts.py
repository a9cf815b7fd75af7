"""The commands of people who are remembered; with real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Filesend, World, contents, fill

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("transfers")]

SAY = "import os, sys; open(sys.argv[1], 'w').write(os.environ['FILESEND_FROM'] + sys.argv[2])"


def of(world: World, name: str) -> None:
    """Have the processes to come be this person's."""
    world.environment["FILESEND_STATE"] = str(world.folder / f"state-{name}")
    world.environment["FILESEND_NAME"] = name


def listed(world: World) -> list[dict[str, Any]]:
    process = world.start("contacts", "--json")
    assert process.end() == 0, process.report()
    return [event for event in process.events if event["event"] == "contact"]


def befriend(world: World, tmp_path: Path, other: str = "Bob") -> None:
    """Have Ann and somebody else remember each other."""
    sent = fill(tmp_path / "first" / "note.txt", 1000)
    of(world, "Ann")
    sender, code = world.send(sent, "--remember")
    of(world, other)
    receiver = world.start(
        "receive", code, "--yes", "--json", "--remember", "-o", tmp_path / "met" / other
    )
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    assert receiver.wait_for("remembered")["name"] == "Ann"
    assert sender.wait_for("remembered")["name"] == other


def listen(world: World, name: str, *arguments: str | Path) -> Filesend:
    """Start somebody's standing receiver, and wait until they can be reached."""
    of(world, name)
    receiver = world.start("listen", "--json", *arguments)
    receiver.wait_for("relay", lambda event: event["state"] == "connected")
    return receiver


def test_who_remember_each_other_send_without_a_code(world: World, tmp_path: Path) -> None:
    befriend(world, tmp_path)
    of(world, "Bob")
    (ann,) = listed(world)
    assert (ann["name"], ann["theirName"], ann["doubted"]) == ("Ann", "Ann", False)
    assert not {"secret", "meeting", "next"} & set(ann)
    said = tmp_path / "said"
    command = f"'{sys.executable}' -c \"{SAY}\" '{said}'"
    inbox = tmp_path / "inbox"
    receiver = world.start("listen", "--yes", "--json", "-o", inbox, "--exec", command)
    receiver.wait_for("relay", lambda event: event["state"] == "connected")
    of(world, "Ann")
    big = fill(tmp_path / "second" / "-film; $(x).mkv", 100_000)
    sender = world.start("send", "--json", "--to", "bob", big)
    assert sender.end() == 0, sender.report()
    assert sender.wait_for("calling")["name"] == "Bob"
    assert receiver.wait_for("commandEnded")["failure"] == ""
    assert contents(inbox) == contents(big.parent)
    assert said.read_text() == f"Ann{(inbox / big.name).resolve()}"
    receiver.signal(signal.SIGTERM)
    assert receiver.end() == 130
    gone = world.start("contacts", "forget", "Bob", "--offline")
    assert gone.end() == 0, gone.report()
    assert listed(world) == []
    nobody: Filesend = world.start("send", "--to", "Bob", big)
    assert nobody.end() == 2
    nobody.wait_for_line("Nobody called Bob")


def test_who_listens_is_killed_before_anything_was_asked(world: World, tmp_path: Path) -> None:
    """Whoever called them is in a session already, and would wait for them to come back to that."""
    befriend(world, tmp_path)
    inbox = tmp_path / "inbox"
    receiver = listen(world, "Bob", "--yes", "-o", inbox)
    of(world, "Ann")
    sent = fill(tmp_path / "second" / "film.mkv", 100_000)
    sender = world.start(
        *("send", "--json", "--to", "Bob", "--verify", sent), stdin=subprocess.PIPE
    )
    sender.wait_for("verification")
    receiver.wait_for("paired")
    receiver.signal(signal.SIGKILL)
    receiver.end()
    sender.wait_for("partnerAway")
    again = listen(world, "Bob", "--yes", "-o", inbox)
    sender.wait_for("partnerBack")
    assert sender.process.stdin is not None
    sender.process.stdin.write("yes\n")
    sender.process.stdin.close()
    assert sender.end() == 0, sender.report()
    assert contents(inbox) == contents(sent.parent)
    again.signal(signal.SIGTERM)
    assert again.end() == 130


def test_several_contacts_and_a_code_get_the_same(world: World, tmp_path: Path) -> None:
    for name in ("Bob", "Cid"):
        befriend(world, tmp_path, name)
    sent = fill(tmp_path / "from" / "film.mkv", 2_000_000)
    for name in ("Bob", "Cid"):
        listen(world, name, "--yes", "-o", tmp_path / name)
    of(world, "Ann")
    # One name twice is one person.
    sender = world.start(
        "send", "--json", sent, "--to", "Bob", "--to", "cid", "--to", "bob", "--receivers", "1"
    )
    code = sender.wait_for("code")["code"]
    of(world, "Dan")
    stranger = world.start("receive", code, "--yes", "--json", "-o", tmp_path / "Dan")
    assert (stranger.end(), sender.end()) == (0, 0), sender.report()
    assert {each["name"] for each in sender.events if each["event"] == "calling"} == {"Bob", "Cid"}
    for name in ("Bob", "Cid", "Dan"):
        assert contents(tmp_path / name) == contents(tmp_path / "from")
    asked = [each for each in sender.events if each["event"] == "fileRequest"]
    assert [each["others"] for each in asked] == [2, 2, 2]
    assert len({each["torrent"] for each in sender.events if each["event"] == "seeding"}) == 1
    assert sender.complaints() == []


def test_the_exit_code_of_several_says_the_worst(world: World, tmp_path: Path) -> None:
    """A no is 3 where all else went well, and somebody who did not come counts more."""
    for name in ("Bob", "Cid"):
        befriend(world, tmp_path, name)
    sent = fill(tmp_path / "from" / "film.mkv", 100_000)
    listen(world, "Bob", "--yes", "-o", tmp_path / "Bob")
    unwilling = listen(world, "Cid", "-o", tmp_path / "Cid")
    of(world, "Ann")
    sender = world.start("send", sent, "--to", "Bob", "--to", "Cid")
    assert sender.end() == 3, sender.report()
    assert contents(tmp_path / "Bob") == contents(tmp_path / "from")
    assert any("Bob has everything, verified." in line for line in sender.errors), sender.report()
    (last,) = [line for line in sender.errors if line.startswith("1 person has got it.")]
    assert "Cid declined: nothing of yours is taken here without asking." in last
    unwilling.signal(signal.SIGTERM)
    assert unwilling.end() == 130
    of(world, "Ann")
    again = world.start("send", "--json", sent, "--to", "Cid", "--receivers", "1", "--wait", "1s")
    code = again.wait_for("code")["code"]
    again.wait_for("error", lambda event: event["code"] == "contactAway")  # at once
    of(world, "Dan")
    stranger = world.start("receive", code, "--yes", "-o", tmp_path / "Dan")
    assert (stranger.end(), again.end()) == (0, 6), again.report()
    assert contents(tmp_path / "Dan") == contents(tmp_path / "from")
    *_, last_error = [each for each in again.events if each["event"] == "error"]
    assert last_error["message"] == "1 person has got it. Cid did not come in time."


def test_an_interrupt_ends_the_waiting_for_contacts(world: World, tmp_path: Path) -> None:
    for name in ("Bob", "Cid"):
        befriend(world, tmp_path, name)
    of(world, "Ann")
    sent = fill(tmp_path / "from" / "film.mkv", 1000)
    sender = world.start("send", "--json", sent, "--to", "Bob", "--to", "Cid", "--wait", "none")
    sender.wait_for("calling", lambda event: event["name"] == "Cid")
    sender.signal(signal.SIGINT)
    assert sender.end() == 130, sender.report()


def test_a_wait_is_of_one_run_and_the_same_command_waits_again(
    world: World, tmp_path: Path
) -> None:
    befriend(world, tmp_path)
    of(world, "Ann")
    command = ("send", "--json", fill(tmp_path / "from" / "film.mkv", 1000), "--to", "Bob")
    killed = world.start(*command)
    killed.wait_for("calling")
    killed.kill()
    left = world.start("resume", "--list", "--json")
    assert left.end() == 0, left.report()
    assert "unfinished" not in left.names()
    again = world.start(*command, "--resume")
    again.wait_for("calling")
    listen(world, "Bob", "--yes", "-o", tmp_path / "Bob")
    assert again.end() == 0, again.report()
    assert contents(tmp_path / "Bob") == contents(tmp_path / "from")


def test_texts_and_streams_go_to_contacts(world: World, tmp_path: Path) -> None:
    for name in ("Bob", "Cid"):
        befriend(world, tmp_path, name)
    receivers = [listen(world, name, "--yes", "-o", tmp_path / name) for name in ("Bob", "Cid")]
    of(world, "Ann")
    both = world.start("send", "--json", "--text", "for you two", "--to", "Bob", "--to", "Cid")
    assert both.end() == 0, both.report()
    one = world.start("send", "--json", "--text", "for you", "--to", "Cid")
    assert one.end() == 0, one.report()
    for receiver in receivers:
        assert receiver.wait_for("text")["text"] == "for you two"
    receivers[1].wait_for("text", lambda event: event["text"] == "for you")
    data = tmp_path / "data"
    fill(data, 300_000)
    with data.open("rb") as source:
        stream = world.start("send", "--json", "-", "--as", "dump", "--to", "Bob", stdin=source)
    assert stream.end() == 0, stream.report()
    assert (tmp_path / "Bob" / "dump").read_bytes() == data.read_bytes()


def test_a_text_and_a_code_go_to_several(world: World, tmp_path: Path) -> None:
    befriend(world, tmp_path)
    receiver = listen(world, "Bob", "--yes", "-o", tmp_path / "Bob")
    of(world, "Ann")
    sender = world.start(
        "send", "--json", "--text", "-", "--to", "Bob", "--receivers", "1", stdin=subprocess.PIPE
    )
    assert sender.process.stdin is not None
    sender.process.stdin.write("read it")
    sender.process.stdin.close()
    code = sender.wait_for("code")["code"]
    of(world, "Dan")
    stranger = world.start("receive", code, "--yes", "-o", tmp_path / "Dan")
    assert (stranger.end(), sender.end()) == (0, 0), sender.report()
    assert stranger.lines == ["read it"]
    assert receiver.wait_for("text")["text"] == "read it"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("FILE", "--to", "Ann", "--code", "1-a-b"), "needs no code"),
        (("FILE", "--to", "Ann", "--remember"), "goes with no --remember"),
        (("FILE", "--receivers", "2", "--remember"), "--remember asks one person"),
        (("FILE", "--receivers", "64", "--to", "Ann"), "At most 64"),
        (("FILE", "--wait", "1m"), "--wait goes with --to"),
        (("-", "--receivers", "2"), "Write it into a file"),
        (("-", "--to", "Ann", "--to", "Bob"), "Write it into a file"),
        (("-", "--remember"), "goes with files"),
        (("FILE", "--link", "--to", "Ann"), "instead of --code and --to"),
        (("FILE", "--link", "--code", "1-a-b"), "instead of --code and --to"),
        (("-", "--link"), "it takes no stream"),
    ],
    ids=[
        "contact and code",
        "known already",
        "several to remember",
        "too many",
        "wait for a code",
        "stream to several codes",
        "stream to several contacts",
        "stream and remember",
        "link and contact",
        "link and code",
        "stream by a link",
    ],
)
def test_what_does_not_go_together_is_refused(
    world: World, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    sent = str(fill(tmp_path / "film.mkv", 10))
    refused = world.start("send", *(sent if each == "FILE" else each for each in arguments))
    assert refused.end() == 2, refused.report()
    assert any(told in line for line in refused.errors), refused.report()


def test_a_contact_is_renamed_and_allowed_by_commands(world: World, tmp_path: Path) -> None:
    befriend(world, tmp_path)
    of(world, "Bob")
    for arguments, said in (
        (("rename", "ann", "Annie"), "Ann is Annie now."),
        (("allow", "annie", "--max", "5M", "--kinds", "*.jpg"), "*.jpg up to 5"),
    ):
        changed = world.start("contacts", *arguments)
        assert changed.end() == 0, changed.report()
        changed.wait_for_line(said)
    shown = world.start("contacts", "--online")
    assert shown.end() == 0, shown.report()
    assert "Annie" in shown.wait_for_line("last seen")
    (annie,) = listed(world)
    assert annie["allowed"] == {"folder": None, "size": 5_000_000, "kinds": ["*.jpg"]}
    assert world.start("contacts", "allow", "annie", "--nothing").end() == 0
    assert listed(world)[0]["allowed"] is None
