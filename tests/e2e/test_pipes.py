"""Streams and texts between real processes: pipe to pipe, cut short at either end, texts."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import TIMEOUT, Filesend, World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("transfers")]

MIB = 1024 * 1024


class Pipes:
    """Descriptors of this test's that are closed with it."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def pipe(self) -> tuple[int, int]:
        made = os.pipe()
        self._open |= {*made}
        return made

    def close(self, *descriptors: int) -> None:
        for each in descriptors or tuple(self._open):
            if each in self._open:
                self._open.remove(each)
                os.close(each)


@pytest.fixture
def pipes() -> Any:
    made = Pipes()
    yield made
    made.close()


def start(world: World, pipes: Pipes, *receiver: str | Path) -> tuple[Filesend, Filesend, int, int]:
    """Start a pipe to a pipe; return sender, receiver, where to write, and where to read."""
    out_of, into = pipes.pipe()
    sender = world.start("send", "--json", "-", "--as", "dump", stdin=out_of)
    pipes.close(out_of)
    code = sender.wait_for("code")["code"]
    read, write = pipes.pipe()
    taker = world.start(
        "receive", code, "--yes", "--name", "Bob", *(receiver or ("-o", "-")), stdout=write
    )
    pipes.close(write)
    return sender, taker, into, read


def feed(descriptor: int, data: bytes, pipes: Pipes) -> threading.Thread:
    """Write into a pipe, and close it, in a thread."""

    def write() -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        pipes.close(descriptor)

    writing = threading.Thread(target=write, daemon=True)
    writing.start()
    return writing


def read(descriptor: int, most: int) -> bytes:
    """Read what is next in a pipe, for which nobody waits for ever; nothing at its end."""
    found: list[bytes] = []
    reading = threading.Thread(target=lambda: found.append(os.read(descriptor, most)), daemon=True)
    reading.start()
    reading.join(TIMEOUT)
    assert found, "neither bytes nor the end came"
    return found[0]


def drain(descriptor: int) -> bytes:
    """Read a pipe to its end."""
    parts = []
    while part := read(descriptor, MIB):
        parts.append(part)
    return b"".join(parts)


def test_a_stream_goes_from_a_pipe_to_a_pipe(world: World, pipes: Pipes) -> None:
    data = os.urandom(20 * MIB + 3)
    sender, receiver, into, out = start(world, pipes)
    writing = feed(into, data, pipes)
    assert drain(out) == data
    writing.join(TIMEOUT)
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    digest = hashlib.sha256(data).hexdigest()
    assert sender.wait_for("torrentDone")["sha256"] == digest
    request = sender.wait_for("fileRequest")
    assert request["stream"]
    assert request["files"] == [{"path": "dump", "size": 0}]
    assert any(f"SHA-256 {digest}" in line for line in receiver.errors)
    assert any("a stream named dump, of unknown length" in line for line in receiver.errors)


def test_a_folder_gets_the_stream_as_a_file(world: World, pipes: Pipes, tmp_path: Path) -> None:
    sender, receiver, into, out = start(world, pipes, "-o", tmp_path / "to")
    os.write(into, b"some bytes")
    pipes.close(into)
    assert drain(out).decode().splitlines()[-1] == str(tmp_path / "to" / "dump")
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    assert (tmp_path / "to" / "dump").read_bytes() == b"some bytes"


def test_a_reader_that_closes_ends_both_well(world: World, pipes: Pipes) -> None:
    sender, receiver, into, out = start(world, pipes)
    os.write(into, b"one line\n")
    assert read(out, 9) == b"one line\n"
    pipes.close(out)
    os.write(into, b"another\n")
    assert (receiver.end(), sender.end()) == (1, 1), receiver.report() + sender.report()
    assert any("has closed it" in line for line in receiver.errors)
    assert sender.phases()[-1] == "cancelled"
    assert "closed it" in sender.events[-1].get("reason", "") or any(
        "closed it" in each.get("reason", "") for each in sender.events
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_sender_that_is_interrupted_never_looks_complete(
    world: World, pipes: Pipes, number: signal.Signals
) -> None:
    sender, receiver, into, out = start(world, pipes)
    os.write(into, b"the first half")
    assert read(out, 14) == b"the first half"
    # A Ctrl-C ends the whole pipeline: the end of what is read comes at the same time.
    pipes.close(into)
    sender.signal(number)
    assert drain(out) == b""
    assert sender.end() == 130
    assert receiver.end() == 1, receiver.report()
    assert any("cancelled" in line for line in receiver.errors)


def test_a_text_is_printed_as_it_is(world: World) -> None:
    text = "[red]one[/red]\t$(two)\n  three ✓\n"
    sender = world.start("send", "--json", "--text", text)
    code = sender.wait_for("code")["code"]
    receiver = world.start("receive", code, "--yes", "--name", "Bob")
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    assert receiver.lines == text.splitlines()
    assert any("Ann sent a text:" in line for line in receiver.errors)
    assert sender.wait_for("text") == {
        "event": "text",
        "session": sender.wait_for("paired")["session"],
        "partner": "Bob",
        "text": text,
        "outgoing": True,
    }


def speak(process: Filesend, text: str) -> None:
    """Write into a process's standard input, and close it."""
    stdin = process.process.stdin
    assert stdin is not None
    stdin.write(text)
    stdin.close()


def test_a_text_is_read_from_standard_input_as_it_is(world: World) -> None:
    text = "-\n  two ✓\n"  # `-` in it means nothing
    sender = world.start("send", "--json", "--text", "-", stdin=subprocess.PIPE)
    speak(sender, text)
    code = sender.wait_for("code")["code"]
    receiver = world.start("recv", code, "--yes", "--name", "Bob")  # another name of receive
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    assert receiver.lines == text.splitlines()
    assert sender.wait_for("text")["text"] == text


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (b"", "there is no text"),
        (b" \n\t\n", "there is no text"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b"x" * 65537, "over 64 KiB"),
    ],
    ids=["nothing", "blank", "no text", "too long"],
)
def test_what_is_no_text_is_refused_before_a_code_is_made(
    world: World, pipes: Pipes, read: bytes, told: str
) -> None:
    out_of, into = pipes.pipe()
    refused = world.start("send", "--text", "-", stdin=out_of)
    pipes.close(out_of)
    feed(into, read, pipes).join(TIMEOUT)
    assert refused.end() == 2, refused.report()
    assert any(told in line for line in refused.errors), refused.report()
    assert refused.lines == []


def test_a_stream_goes_through_the_relay_where_no_other_road_does(
    world: World, pipes: Pipes
) -> None:
    world.environment["FILESEND_ROAD"] = "relayed"
    data = os.urandom(3 * MIB + 5)
    sender, receiver, into, out = start(world, pipes)
    writing = feed(into, data, pipes)
    assert drain(out) == data
    writing.join(TIMEOUT)
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    assert sender.wait_for("torrentDone")["sha256"] == hashlib.sha256(data).hexdigest()
    assert sender.wait_for("peerConnected")["road"] == "relayed"


def test_who_takes_a_stream_may_make_the_code(world: World, pipes: Pipes) -> None:
    """What is for people goes to standard error: the pipe holds the stream alone."""
    read, write = pipes.pipe()
    receiver = world.start("receive", "--make-code", "--yes", "-o", "-", stdout=write)
    pipes.close(write)
    line = receiver.wait_for_line("Code: ")
    out_of, into = pipes.pipe()
    sender = world.start("send", "-", "--code", line.split()[-1], "--name", "Bob", stdin=out_of)
    pipes.close(out_of)
    data = os.urandom(200_000)
    writing = feed(into, data, pipes)
    assert drain(read) == data
    writing.join(TIMEOUT)
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    assert any("filesend send - --code" in each for each in receiver.errors)


def test_who_receives_may_make_the_code(world: World, tmp_path: Path) -> None:
    receiver = world.start("rx", "--make-code", "--yes", "--json", "-o", tmp_path / "to")
    made = receiver.wait_for("code")
    assert made["command"].startswith("filesend send PATH --code ")
    (tmp_path / "a file").write_text("x")
    # A path in a command's place means send.
    sender = world.start(tmp_path / "a file", "--json", "--code", made["code"], "--name", "Bob")
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    assert (tmp_path / "to" / "a file").read_text() == "x"


def test_what_a_pipe_does_not_take_is_refused_before_anything_is_asked(
    world: World, pipes: Pipes
) -> None:
    for arguments, told in (
        (("send", "-", "--code", "-"), "read the code from the stream"),
        (("send", "-", "--verify"), "asks on standard input"),
        (("send", "-", "--resume"), "cannot be gone on with"),
        (("send", "-", "--as", "a/b"), "no name of a file"),
        (("send", "--as", "a", "."), "goes with - alone"),
        (("send",), "Name what to send"),
        (("send", "-", "."), "- alone"),
        (("send", "--text", "x", "."), "goes alone"),
        (("send", "--text", "x" * 65537), "over 64 KiB"),
        (("receive", "--make-code", "1-a-b"), "give none"),
        (("receive", "1-a-b", "--json", "-o", "-"), "choose one"),
        (("receive", "1-a-b", "--force"), "goes with -o -"),
    ):
        refused = world.start(*arguments)
        assert refused.end() == 2, (arguments, refused.report())
        assert any(told in line for line in refused.errors), (arguments, refused.report())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_a_terminal_gets_no_stream_unless_forced(world: World) -> None:
    import pty

    master, slave = pty.openpty()
    try:
        refused = world.start("receive", "1-a-b", "--yes", "-o", "-", stdout=slave)
        assert refused.end() == 2
        assert any("Standard output is a terminal" in line for line in refused.errors)
    finally:
        os.close(master)
        os.close(slave)


def test_files_for_a_pipe_are_declined_with_advice(world: World, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    sender, code = world.send(tmp_path / "a")
    receiver = world.start("receive", code, "--yes", "-o", "-", stdout=subprocess.DEVNULL)
    assert receiver.end() == 1, receiver.report()
    assert sender.end() == 3, sender.report()
    assert any("takes a stream" in line for line in receiver.errors)
    assert any("filesend send -" in line for line in sender.lines)
