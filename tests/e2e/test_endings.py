"""Runs that do not end well, or are made to end: both sides hear it, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from filesend_tui.core.sessions.code import word_list
from tests.e2e.processes import Filesend, World, contents, fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("transfers"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to end these with"),
]

#: Bytes, and at what rate they go: long enough to be caught on their way, on any machine and road.
LONG = 100_000_000
RATE = "1M"


class Way(NamedTuple):
    """A long transfer that is under way."""

    sender: Filesend
    receiver: Filesend
    output: Path


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("long") / "long.bin"
    fill(path, LONG)
    yield path
    path.unlink()


@pytest.fixture
def way(world: World, long_file: Path, tmp_path: Path) -> Way:
    return under_way(world, long_file, tmp_path)


def under_way(world: World, long_file: Path, tmp_path: Path) -> Way:
    sender, code = world.send(long_file, "--upload-limit", RATE)
    receiver = world.receive(code, tmp_path / "to")
    receiver.wait_for("download", lambda event: event["downloadedBytes"] > 0)
    return Way(sender, receiver, tmp_path / "to")


def assert_nothing_is_there(folder: Path) -> None:
    assert list(folder.rglob("*") if folder.exists() else []) == []


def last_phase(process: Filesend) -> str:
    return process.phases()[-1]


def test_an_interrupted_receiver(way: Way) -> None:
    way.receiver.signal(signal.SIGINT)
    assert way.receiver.end() == 130, way.receiver.report()
    assert way.sender.end() == 1, way.sender.report()
    assert (last_phase(way.receiver), last_phase(way.sender)) == ("cancelled", "cancelled")
    assert way.sender.error_codes() == ["cancelled"]
    assert way.receiver.error_codes() == []
    assert way.receiver.names()[-1] == "clientDestroyed"
    assert_nothing_is_there(way.output)


def test_a_hang_up_ends_nothing_that_is_under_way(world: World, tmp_path: Path) -> None:
    """Also of who has no terminal, as what a shell left behind: test_lost_terminal.py has more."""
    sent = fill(tmp_path / "from" / "a.bin", 3_000_000)
    sender, receiver, output = under_way(world, sent, tmp_path)
    for process in (sender, receiver):
        process.signal(signal.SIGHUP)
    assert (sender.end(), receiver.end()) == (0, 0), sender.report() + receiver.report()
    assert contents(output) == contents(tmp_path / "from")


def test_two_on_one_machine_are_reached_by_nobody_else(way: Way) -> None:
    """No end, but a way that is long enough to look at."""
    assert way.receiver.wait_for("peerConnected")["road"] == "direct"
    for process in (way.sender, way.receiver):
        connections = psutil.Process(process.process.pid).net_connections("tcp")
        listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
        assert listening
        assert listening <= {"127.0.0.1", "::1"}


def test_an_interrupted_sender(way: Way) -> None:
    way.sender.signal(signal.SIGINT)
    assert way.sender.end() == 130, way.sender.report()
    assert way.receiver.end() == 1, way.receiver.report()
    assert (last_phase(way.receiver), last_phase(way.sender)) == ("cancelled", "cancelled")
    assert way.receiver.error_codes() == ["cancelled"]
    assert_nothing_is_there(way.output)


@pytest.fixture
def impatient(world: World) -> None:
    """People who wait for somebody who is away for a second."""
    world.environment["FILESEND_AWAY_LIMIT"] = "1s"


@pytest.mark.usefixtures("impatient")
def test_a_killed_sender(world: World, long_file: Path, tmp_path: Path) -> None:
    sender, receiver, output = under_way(world, long_file, tmp_path)
    sender.signal(signal.SIGKILL)
    assert receiver.end() == 6, receiver.report()
    assert receiver.wait_for("partnerAway")["reason"] == "lost"
    assert receiver.wait_for("partnerGone")["reason"] == "lost"
    assert receiver.error_codes() == ["partnerGone"]
    assert "filesend resume" in receiver.wait_for("error")["hint"]
    assert last_phase(receiver) == "failed"
    (part,) = output.iterdir()  # for whoever goes on
    assert part.name.startswith(".filesend-")
    assert world.start("forget", "--all", "--json").end() == 0
    assert_nothing_is_there(output)


@pytest.mark.usefixtures("impatient")
def test_a_killed_receiver(world: World, long_file: Path, tmp_path: Path) -> None:
    sender, receiver, _ = under_way(world, long_file, tmp_path)
    receiver.signal(signal.SIGKILL)
    assert sender.end() == 6, sender.report()
    assert sender.error_codes() == ["partnerGone"]
    assert last_phase(sender) == "failed"


@pytest.mark.usefixtures("impatient")
def test_what_killed_receivers_left_is_named_and_stays_until_it_is_forgotten(
    world: World, long_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "to"
    for tries in range(1, 3):
        sender, code = world.send(long_file, "--upload-limit", RATE)
        receiver = world.receive(code, output)
        receiver.wait_for("download", lambda event: event["downloadedBytes"] > 0)
        receiver.signal(signal.SIGKILL)
        receiver.end()
        sender.end()
        assert len(list(output.iterdir())) == tries
        assert ("unfinished" in receiver.names()) == (tries > 1)
    sender, code = world.send(fill(tmp_path / "small", 1000))
    receiver = world.receive(code, output)
    assert (sender.end(), receiver.end()) == (0, 0), receiver.report()
    told = [event for event in receiver.events if event["event"] == "unfinished"]
    assert [(event["name"], event["direction"]) for event in told] == [("long.bin", "receive")] * 2
    assert "leftover" not in receiver.names(), "each is told of once"
    assert world.start("forget", "--all", "--json").end() == 0
    assert [path.name for path in output.iterdir()] == ["small"]


@pytest.mark.parametrize("who", ["sender", "receiver"])
def test_an_interrupt_is_told_once(world: World, long_file: Path, tmp_path: Path, who: str) -> None:
    """Whoever pressed Ctrl-C is not told that the other left; nobody hears of it twice."""
    sender = world.start("send", long_file, "--upload-limit", RATE)
    code = sender.wait_for_line("Code: ").removeprefix("Code: ")
    receiver = world.start("receive", code, "--yes", "--name", "Bob", "-o", tmp_path / "to")
    receiver.wait_for_line("Receiving: ")
    (sender if who == "sender" else receiver).signal(signal.SIGINT)
    for side in (sender, receiver):
        side.end()
        ours = (side is sender) == (who == "sender")
        said = "\n".join(side.errors)
        assert said.count("cancelled") == 1, side.report()
        assert not (ours and "left." in said), side.report()


def test_a_lost_relay_is_told_once(world: World, tmp_path: Path) -> None:
    sender = world.start("send", fill(tmp_path / "a.bin", 3_000_000), "--upload-limit", RATE)
    code = sender.wait_for_line("Code: ").removeprefix("Code: ")
    receiver = world.start("receive", code, "--yes", "--name", "Bob", "-o", tmp_path / "to")
    receiver.wait_for_line("Receiving: ")
    world.processes[0].signal(signal.SIGKILL)
    for side in (sender, receiver):
        assert side.end() == 0, side.report()
        assert "\n".join(side.errors).count("relay is away") == 1, side.report()


@pytest.mark.parametrize("road", ["direct", "webrtc"])
def test_a_killed_relay_ends_nothing(world: World, tmp_path: Path, road: str) -> None:
    """Words take the channel of the transfer: it finishes, and both sides hear of it."""
    sent = fill(tmp_path / "a.bin", 3_000_000)
    sender, code = world.send(sent, "--upload-limit", RATE, "--road", road)
    receiver = world.receive(code, tmp_path / "to", "--road", road)
    receiver.wait_for("download", lambda event: event["downloadedBytes"] > 0)
    world.processes[0].signal(signal.SIGKILL)
    for side in (sender, receiver):
        assert side.end() == 0, side.report()
        assert side.error_codes() == []
        assert "relayAway" in side.names()
        assert last_phase(side) == "done"
        # Once it is done, whoever ends first takes the last channel along.
        done = next(n for n, each in enumerate(side.events) if each.get("phase") == "done")
        away = [each["event"] for each in side.events[:done]].count("partnerAway")
        assert not away, side.report()
    assert "torrentDone" in sender.names()
    assert (tmp_path / "to" / "a.bin").read_bytes() == sent.read_bytes()


@pytest.mark.usefixtures("impatient")
def test_a_relay_that_stays_away_before_anything_is_under_way(world: World, tmp_path: Path) -> None:
    # Asked for the words, it has no answer: nothing is under way until then.
    sender = world.start(
        "send", "--json", "--verify", fill(tmp_path / "a", 1), stdin=subprocess.PIPE
    )
    receiver = world.receive(sender.wait_for("code")["code"], tmp_path / "to")
    receiver.wait_for("paired")
    world.processes[0].signal(signal.SIGKILL)
    assert receiver.end() == 4, receiver.report()
    assert receiver.wait_for("partnerAway")["reason"] == "relay"
    assert receiver.error_codes() == ["relayUnreachable"]


def test_a_source_that_changes_on_its_way(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 1000)
    sender, code = world.send(sent)
    sent.unlink()
    receiver = world.receive(code, tmp_path / "to")
    assert sender.end() == 1, sender.report()
    assert sender.error_codes() == ["badSource"]
    # The partner hears that, and not only that somebody is gone.
    assert receiver.end() == 1, receiver.report()
    assert receiver.error_codes() == ["cancelled"]
    assert "could not read the files" in receiver.wait_for("error")["message"]
    assert_nothing_is_there(tmp_path / "to")


@pytest.mark.parametrize("road", ["direct", "webrtc"])
def test_a_source_that_changes_in_mid_transfer_with_its_time_set_back(
    world: World, tmp_path: Path, road: str
) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 20_000_000)
    sender, code = world.send(tmp_path / "from", "--road", road, "--upload-limit", RATE)
    receiver = world.receive(code, tmp_path / "to", "--road", road)
    receiver.wait_for("download", lambda event: event["downloadedBytes"] > 0)
    before = sent.stat()
    sent.write_bytes(os.urandom(20_000_000))
    os.utime(sent, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sender.end() == 1, sender.report()
    assert sender.error_codes() == ["badSource"]
    assert f"{sent} changed while it was being sent." in sender.wait_for("error")["message"]
    assert receiver.end() == 1, receiver.report()
    assert "from/a.bin changed while it was being sent" in receiver.wait_for("error")["message"]
    assert_nothing_is_there(tmp_path / "to")


def test_what_cannot_be_sent_is_left_out_where_that_is_asked_for(
    world: World, tmp_path: Path
) -> None:
    fill(tmp_path / "from" / "good.bin", 1000)
    (tmp_path / "from" / "dangling").symlink_to("nowhere")
    sender, code = world.send(tmp_path / "from", "--skip-unreadable")
    left_out = sender.wait_for("leftOut")
    assert left_out["count"] == 1
    assert left_out["things"][0]["reason"] == "is a link that does not lead to a file"
    receiver = world.receive(code, tmp_path / "to")
    assert (sender.end(), receiver.end()) == (0, 0), receiver.report()
    assert [path.name for path in (tmp_path / "to" / "from").iterdir()] == ["good.bin"]


def test_a_source_that_is_replaced_while_its_code_waits(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a.bin", 1000)
    sender, code = world.send(sent)
    sent.unlink()
    sent.symlink_to(fill(tmp_path / "private.bin", 1000))
    receiver = world.receive(code, tmp_path / "to")
    assert sender.end() == 1, sender.report()
    assert sender.error_codes() == ["badSource"]
    assert "a.bin was replaced after it was chosen" in sender.wait_for("error")["message"]
    assert receiver.end() == 1, receiver.report()
    assert receiver.error_codes() == ["cancelled"]
    assert_nothing_is_there(tmp_path / "to")


def test_an_output_that_is_replaced_while_the_sender_thinks(world: World, tmp_path: Path) -> None:
    output, elsewhere = tmp_path / "to", tmp_path / "elsewhere"
    output.mkdir()
    elsewhere.mkdir()
    sender = world.start(
        "send", "--json", "--verify", fill(tmp_path / "a.bin", 1000), stdin=subprocess.PIPE
    )
    receiver = world.receive(sender.wait_for("code")["code"], output)
    receiver.wait_for("paired")
    output.rename(tmp_path / "was")
    output.symlink_to(elsewhere)
    assert sender.process.stdin is not None
    sender.process.stdin.write("yes\n")
    sender.process.stdin.flush()
    assert receiver.end() == 1, receiver.report()
    assert receiver.error_codes() == ["storageFailed"]
    assert "to was replaced after it was chosen" in receiver.wait_for("error")["message"]
    assert sender.end() == 3, sender.report()
    assert_nothing_is_there(elsewhere)


def test_a_part_file_that_another_program_cuts(way: Way) -> None:
    (part,) = way.output.glob(".filesend-*/tree/*")
    os.truncate(part, 0)
    assert way.receiver.end() == 1, way.receiver.report()
    assert way.receiver.error_codes() == ["storageFailed"]
    assert "Another program changed" in way.receiver.wait_for("error")["message"]
    assert way.sender.end() == 1, way.sender.report()
    assert_nothing_is_there(way.output)


@pytest.mark.parametrize("what", ["folder", "part folder"])
def test_a_target_that_is_deleted_in_mid_transfer(way: Way, what: str) -> None:
    (part,) = way.output.iterdir()
    shutil.rmtree(way.output if what == "folder" else part)
    assert way.receiver.end() == 1, way.receiver.report()
    assert way.receiver.error_codes() == ["storageFailed"]
    message = way.receiver.wait_for("error")["message"]
    deleted = way.output if what == "folder" else part
    assert message == f"{deleted} was deleted while files arrived in it."
    assert way.receiver.errors == []
    assert way.sender.end() == 1, way.sender.report()
    assert way.sender.errors == []
    assert_nothing_is_there(way.output)


@pytest.mark.parametrize("what", ["itself", "the one above"])
def test_a_target_that_is_renamed_in_mid_transfer(world: World, tmp_path: Path, what: str) -> None:
    output = tmp_path / "above" / "to"
    sender, code = world.send(fill(tmp_path / "a.bin", 3_000_000), "--upload-limit", RATE)
    receiver = world.receive(code, output)
    receiver.wait_for("download", lambda event: event["downloadedBytes"] > 0)
    moved = output if what == "itself" else output.parent
    moved.rename(tmp_path / "moved")
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report()
    (there,) = (tmp_path / "moved").rglob("a.bin")
    assert receiver.wait_for("downloadComplete")["url"] == there.as_uri()
    assert not output.exists()


def test_waiting_for_somebody_is_interrupted(world: World, tmp_path: Path) -> None:
    sender, _ = world.send(fill(tmp_path / "a", 1))
    sender.signal(signal.SIGINT)
    assert sender.end() == 130, sender.report()
    assert sender.error_codes() == []


def test_a_sender_who_goes_before_the_receiver_came(world: World, tmp_path: Path) -> None:
    sender, code = world.send(fill(tmp_path / "a", 1))
    sender.signal(signal.SIGINT)
    sender.end()
    receiver = world.receive(code, tmp_path / "to")
    assert receiver.end() == 5, receiver.report()
    assert receiver.error_codes() == ["expiredCode"]


def test_a_wrong_guess_burns_the_code_for_both(world: World, tmp_path: Path) -> None:
    sender, code = world.send(fill(tmp_path / "a", 1))
    nameplate, first, second = code.split("-")
    other = next(word for word in word_list() if word not in (first, second))
    guesser = world.receive(f"{nameplate}-{first}-{other}", tmp_path / "to")
    assert guesser.end() == 5, guesser.report()
    assert sender.end() == 5, sender.report()
    assert guesser.error_codes() == ["wrongCode"]
    assert sender.error_codes() == ["wrongCode"]
    assert sender.wait_for("codeGone")["reason"] == "burned"
    late = world.receive(code, tmp_path / "to")
    assert late.end() == 5, late.report()
    assert_nothing_is_there(tmp_path / "to")


def test_a_code_works_once(world: World, way: Way) -> None:
    code = way.sender.wait_for("code")["code"]
    second = world.receive(code, way.output)
    assert second.end() == 5, second.report()
    assert second.error_codes()[0] in ("usedCode", "unknownCode")
    assert way.receiver.process.poll() is None, "the first is not disturbed"


def test_a_reader_of_stdout_that_goes_away(world: World, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    sender = world.start("send", fill(tmp_path / "a", 1), "--json", stdout=writing)
    os.close(writing)
    assert sender.end() == 1, sender.report()
    assert sender.errors == []
