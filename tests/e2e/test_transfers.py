"""`filesend send` and `filesend receive` as real processes: what arrives is what was sent."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from filesend_tui.system.file_manager import path_of
from tests.e2e.processes import Filesend, World, contents, digest, fill

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("transfers")]


def in_order(names: list[str], *expected: str) -> bool:
    """Whether the expected names occur in this order, others between them or not."""
    rest = iter(names)
    return all(name in rest for name in expected)


def transfer(world: World, output: Path, *paths: Path) -> tuple[Filesend, Filesend]:
    """Send the paths; return both processes, ended well."""
    sender, code = world.send(*paths)
    receiver = world.receive(code, output)
    ends = (receiver.end(), sender.end())
    assert ends == (0, 0), f"receiver: {receiver.report()}\nsender: {sender.report()}"
    return sender, receiver


def test_what_is_told_is_where_it_is_also_under_another_name(world: World, tmp_path: Path) -> None:
    for number, (name, there) in enumerate(
        [("a b.tar.gz", "a b (1).tar.gz"), (".bashrc", "_.bashrc"), ("tricky %41#?.txt", None)]
    ):
        sent = fill(tmp_path / f"from{number}" / name, 1000)
        fill(tmp_path / "to" / "a b.tar.gz", 1)
        _, receiver = transfer(world, tmp_path / "to", sent)
        path = path_of(receiver.wait_for("downloadComplete")["url"])
        assert path == (tmp_path / "to" / (there or path.name)).resolve()
        assert digest(path) == digest(sent)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permissions of this kind")
def test_permissions_times_and_empty_folders_arrive(world: World, tmp_path: Path) -> None:
    top = tmp_path / "from" / "top"
    for name, mode in {"key": 0o600, "run": 0o755, "plain": 0o644, "sub/private": 0o700}.items():
        path = fill(top / name, 1000)
        path.chmod(mode)
        os.utime(path, ns=(10**18, 10**18))
    (top / "empty" / "inside").mkdir(parents=True)
    (top / "sub").chmod(0o700)
    (top / "empty").chmod(0o755)
    os.utime(top / "empty" / "inside", ns=(10**18, 10**18))
    _, receiver = transfer(world, tmp_path / "to", top)
    request = receiver.wait_for("fileRequest")
    assert request["emptyFolders"] == ["top/empty/inside"]
    came = tmp_path / "to" / "top"
    umask = os.umask(0)
    os.umask(umask)
    for name, mode in {"key": 0o600, "run": 0o755, "plain": 0o644, "sub/private": 0o700}.items():
        assert (came / name).stat().st_mode & 0o7777 == mode & ~umask, name
        assert (came / name).stat().st_mtime_ns == 10**18, name
    assert (came / "sub").stat().st_mode & 0o7777 == 0o700
    assert list((came / "empty" / "inside").iterdir()) == []
    assert (came / "empty" / "inside").stat().st_mtime_ns == 10**18
    assert contents(came) == contents(top)


def test_a_big_file_and_the_events_of_its_way(world: World, tmp_path: Path) -> None:
    size = 100_000_000
    sent = fill(tmp_path / "from" / "film.mkv", size)
    sender, receiver = transfer(world, tmp_path / "to", sent)

    assert contents(tmp_path / "to") == {"film.mkv": digest(sent)}
    assert contents(tmp_path / "from") == {"film.mkv": digest(sent)}
    assert in_order(
        sender.names(),
        "code",
        "paired",
        "fileRequest",
        "fileAnswer",
        "hashing",
        "fileReady",
        "peerConnected",
        "downloadStarted",
        "progressUpdate",
        "torrentDone",
        "torrentDestroyed",
        "clientDestroyed",
    ), sender.names()
    assert in_order(
        receiver.names(),
        "paired",
        "fileRequest",
        "fileAnswer",
        "addTorrent",
        "metadata",
        "downloadStarted",
        "download",
        "downloadComplete",
        "torrentDestroyed",
        "clientDestroyed",
    ), receiver.names()
    assert sender.phases() == [
        "asked",
        "approved",
        "hashing",
        "ready",
        "transferring",
        "done",
    ]
    assert receiver.phases()[0] == "asked"
    assert receiver.phases()[-1] == "done"
    for process in (sender, receiver):
        assert process.error_codes() == []
        assert process.errors == [], "nothing is logged when all is well"
        assert process.lines[-1].startswith('{"event":"clientDestroyed"')
        assert len(process.events) == len(process.lines), "JSON and nothing else"

    request = receiver.wait_for("fileRequest")
    assert request["partner"] == "Ann"
    assert request["files"] == [{"path": "film.mkv", "size": size}]
    assert request["totalBytes"] == size
    assert sender.wait_for("paired")["partner"] == "Bob"
    magnet = sender.wait_for("fileReady")["magnetURI"]
    assert magnet.startswith("magnet:?xt=urn:btih:")
    assert receiver.wait_for("addTorrent")["magnetURI"] == magnet

    complete = receiver.wait_for("downloadComplete")
    assert complete["url"] == (tmp_path / "to" / "film.mkv").resolve().as_uri()
    assert complete["bytes"] == size
    assert complete["seconds"] > 0
    assert complete["road"] == "direct"

    downloads = [event for event in receiver.events if event["event"] == "download"]
    shares = [event["progress"] for event in downloads]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert downloads[-1]["downloadedBytes"] == size
    uploads = [event for event in sender.events if event["event"] == "upload"]
    assert uploads[-1]["uploadedBytes"] >= size
    assert uploads[-1]["uploaded"] == "100 MB"
    # Coalesced: at most four a second, and the first and last.
    assert len(downloads) <= 4 * complete["seconds"] + 3


def a_tree(folder: Path) -> Path:
    root = folder / "album"
    fill(root / "cover.jpg", 70_000)
    fill(root / "disc 1" / "01.flac", 2_000_000)
    fill(root / "disc 1" / "02.flac", 16_384)
    fill(root / "disc 2" / "deeper" / "still" / "01.flac", 16_385)
    fill(root / "disc 2" / "empty.log", 0)
    fill(root / ".hidden", 10)
    return root


def many(folder: Path) -> Path:
    for number in range(300):
        fill(folder / "many" / f"{number:03}.txt", number)
    return folder / "many"


#: What is made in a folder to be sent.
THINGS: dict[str, Callable[[Path], Path]] = {
    "a tree": a_tree,
    "many small files": many,
    "an empty file": lambda folder: fill(folder / "empty.txt", 0),
    "one byte": lambda folder: fill(folder / "one", 1),
    "exactly a piece": lambda folder: fill(folder / "piece", 16_384 * 4),
    "spaces": lambda folder: fill(folder / " two  spaces .txt", 1000),
    "emoji": lambda folder: fill(folder / "🦊👩‍👩‍👧 fox.txt", 1000),
    "not NFC": lambda folder: fill(folder / unicodedata.normalize("NFD", "Ünïcödé.txt"), 1000),
    "other scripts": lambda folder: fill(folder / "日本語" / "עברית" / "ไทย.txt", 1000).parents[1],
    "markup": lambda folder: fill(folder / "[bold]$(true) & 'x'.txt", 1000),
    "a long name": lambda folder: fill(folder / ("n" * 200 + ".txt"), 1000),
}


@pytest.mark.parametrize("make", THINGS.values(), ids=THINGS)
def test_what_arrives_is_what_was_sent(
    world: World, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    sent = make(tmp_path / "from")
    transfer(world, tmp_path / "to", sent)
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_several_paths_arrive_side_by_side(world: World, tmp_path: Path) -> None:
    paths = [a_tree(tmp_path / "from"), *(fill(tmp_path / "from" / n, 5000) for n in ("a", "b"))]
    transfer(world, tmp_path / "to", *paths)
    assert contents(tmp_path / "to") == contents(tmp_path / "from")


def test_what_is_there_is_never_overwritten(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a.txt", 1000)
    there = fill(tmp_path / "to" / "a.txt", 1000)
    before = digest(there)
    _, receiver = transfer(world, tmp_path / "to", sent)
    assert contents(tmp_path / "to") == {"a.txt": before, "a (1).txt": digest(sent)}
    assert receiver.wait_for("downloadComplete")["url"].endswith("a%20%281%29.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="the registry names Windows' downloads")
def test_a_folder_of_its_own_below_the_downloads_is_the_default(
    world: World, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "from" / ".bashrc", 1000)
    home = tmp_path / "home"
    home.mkdir()
    world.environment["HOME"] = str(home)
    world.environment.pop("XDG_DOWNLOAD_DIR", None)
    world.environment.pop("XDG_CONFIG_HOME", None)
    sender, code = world.send(sent)
    receiver = world.start("receive", code, "--yes", cwd=home)
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report()
    arrived = home / "Downloads" / "FileSend" / "_.bashrc"
    assert contents(home / "Downloads") == {"FileSend/_.bashrc": digest(sent)}
    assert not [path for path in home.iterdir() if path.name == ".bashrc"]
    assert str(arrived) in receiver.lines
    assert any(".bashrc" in line and "(hidden)" in line for line in receiver.errors)


@pytest.mark.parametrize("arguments", [["receive"], ["receive", "-"]], ids=" ".join)
def test_the_code_need_not_stand_in_argv(
    world: World, tmp_path: Path, arguments: list[str]
) -> None:
    sent = fill(tmp_path / "from" / "a.txt", 1000)
    sender, code = world.send(sent)
    receiver = world.start(
        *arguments, "--yes", "--json", "-o", tmp_path / "to", stdin=subprocess.PIPE
    )
    assert receiver.process.stdin is not None
    # As a person would say it.
    receiver.process.stdin.write(f"  {code.upper().replace('-', ' ')}\n")
    receiver.process.stdin.close()
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report()
    assert contents(tmp_path / "to") == {"a.txt": digest(sent)}


@pytest.mark.parametrize("read", [False, True], ids=["in argv", "read"])
def test_a_code_with_its_relay_needs_no_settings(
    world: World, tmp_path: Path, unused_tcp_port: int, read: bool
) -> None:
    world.environment |= {"FILESEND_TRACKERS": "none", "FILESEND_LISTEN": "local"}
    sent = fill(tmp_path / "from" / "a.txt", 1000)
    sender, code = world.send(sent, "--at", "relay")
    relay = world.environment.pop("FILESEND_RELAY")
    made = sender.wait_for("code")
    assert made["where"] == f"at {relay}"
    assert made["command"] == f"filesend receive {code}@{relay}"
    whole = made["command"].split()[-1]
    # This machine's own relay, where the code is not.
    world.environment["FILESEND_PORT"] = str(unused_tcp_port)
    if read:
        options = ("--yes", "--json", "-o", tmp_path / "to")
        receiver = world.start("receive", *options, stdin=subprocess.PIPE)
        assert receiver.process.stdin is not None
        receiver.process.stdin.write(f"{whole}\n")
        receiver.process.stdin.close()
    else:
        receiver = world.receive(whole, tmp_path / "to")
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report()
    assert contents(tmp_path / "to") == {"a.txt": digest(sent)}


def test_a_person_reads_lines_and_a_script_the_result(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "a.txt", 1_000_000)
    sender = world.start("send", sent)
    code = sender.wait_for_line("Code: ").removeprefix("Code: ")
    receiver = world.start("receive", code, "--yes", "-o", tmp_path / "to", "--name", "Bob")
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report()
    assert receiver.lines == [str((tmp_path / "to" / "a.txt").resolve())]
    assert sender.lines == [f"Code: {code}"]
    assert "Paired with Bob." in sender.errors
    assert any(line.startswith(f"filesend receive {code}") for line in sender.errors)
    assert any(line.startswith("It works ") for line in sender.errors)
    assert "Ann wants to send 1 file, 1 MB:" in receiver.errors
    assert any(line.startswith("Receiving: ") for line in receiver.errors)
    assert any(line.startswith("Sending: ") for line in sender.errors)
    assert not any("\x1b" in line for line in receiver.errors + sender.errors), "no bar in a pipe"


def test_two_people_who_name_no_relay(lonely_world: World, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        lonely_world.environment["FILESEND_PORT"] = str(free.getsockname()[1])
    sent = fill(tmp_path / "from" / "a.txt", 1000)
    transfer(lonely_world, tmp_path / "to", sent)
    assert contents(tmp_path / "to") == {"a.txt": digest(sent)}
    assert lonely_world.leftovers() == [], "the relay went with the sender who started it"


@pytest.mark.webrtc  # where the direct road takes its time
async def test_the_receiver_may_make_the_code(world: World, tmp_path: Path) -> None:
    """As a TUI does: its code is used by `filesend send --code`."""
    import asyncio

    from filesend_tui.core import events
    from filesend_tui.core.client import Client
    from filesend_tui.core.config import ClientConfig

    sent = fill(tmp_path / "from" / "a.txt", 1000)
    client = Client(ClientConfig(name="Bob", output=tmp_path / "to"))
    try:
        stream = client.subscribe()
        await client.connect(world.environment["FILESEND_RELAY"])
        code = await client.create_code()
        sender = world.start("send", sent, "--code", "-", "--json", stdin=subprocess.PIPE)
        assert sender.process.stdin is not None
        sender.process.stdin.write(code)
        sender.process.stdin.close()
        async with asyncio.timeout(60):
            async for event in stream:
                match event:
                    case events.FileRequest():
                        await client.answer(event.transfer, [True])
                    case events.TransferState(phase=events.TransferPhase.DONE):
                        break
        assert await asyncio.to_thread(sender.end) == 0, sender.report()
    finally:
        await client.destroy()
    assert contents(tmp_path / "to") == {"a.txt": digest(sent)}
