"""Downloads of real processes that end at any moment and are run again: the rest is fetched."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from filesend_tui.core.torrent.metainfo.info import parse_info
from filesend_tui.core.torrent.storage.part_folder.written import Mark
from tests.e2e.processes import Filesend, World, contents, digest, fill
from tests.e2e.test_swarms import interrupt, seeding

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("swarms"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to end a seed with"),
]

SIZE = 60_000_000
RATE = "12M"
#: What is on its way to a process when it is killed: in its buffers and in those of its system.
IN_FLIGHT = 6_000_000


def download(world: World, magnet: str, tmp_path: Path, *arguments: str) -> Filesend:
    return world.start("download", magnet, "-o", tmp_path / "to", *arguments)


def verified(process: Filesend) -> int:
    told = [event["downloadedBytes"] for event in process.events if event["event"] == "download"]
    return max(told, default=0)


def left(process: Filesend) -> int:
    """What an earlier run left, as this one says."""
    told = process.wait_for("metadata")
    return int(told["resumedBytes"] + told["doubtedBytes"])


def uploaded(seed: Filesend) -> int:
    told = [event["uploadedBytes"] for event in seed.events if event["event"] == "upload"]
    return max(told, default=0)


def go_on_to(process: Filesend, more: int) -> int:
    """Wait until a download has so much more than an earlier run left; return how much it has."""
    before = left(process)
    process.wait_for("download", lambda event: event["downloadedBytes"] >= before + more)
    return verified(process)


def test_killed_over_and_over_it_fetches_only_what_is_missing(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", SIZE)
    seed, magnet = seeding(world, sent, "--upload-limit", RATE)
    had, kills = 0, 4
    for _ in range(kills):
        process = download(world, magnet, tmp_path, "--json")
        assert had <= left(process) <= had + IN_FLIGHT
        had = go_on_to(process, 8_000_000)
        process.signal(signal.SIGKILL)
        process.end()
        had = max(had, verified(process))
    process = download(world, magnet, tmp_path, "--json")
    assert process.end() == 0, process.report()
    done = process.wait_for("downloadComplete")
    assert (done["bytes"], done["resumedBytes"]) == (SIZE, left(process))
    assert digest(tmp_path / "to" / "film.mkv") == digest(sent)
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["film.mkv"]
    interrupt(seed)
    assert SIZE <= uploaded(seed) <= SIZE + kills * IN_FLIGHT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_leaves_goes_on_where_they_were(
    world: World, tmp_path: Path, number: signal.Signals
) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", SIZE)
    seed, magnet = seeding(world, sent, "--upload-limit", RATE)
    process = download(world, magnet, tmp_path, "--json", "--on-hangup", "stop")
    had = go_on_to(process, 10_000_000)
    process.signal(number)
    assert process.end() == 130, process.report()
    (part,) = (tmp_path / "to").iterdir()
    again = download(world, magnet, tmp_path)
    line = again.wait_for_line("It continues at ")
    assert int(line.removeprefix("It continues at ").removeprefix("up to ").split("%")[0]) in range(
        100 * had // SIZE, 100 * (max(had, verified(process)) + IN_FLIGHT) // SIZE + 1
    )
    assert again.end() == 0, again.report()
    assert any("beside the" in line for line in again.errors), again.report()
    assert again.lines == [str((tmp_path / "to" / "film.mkv").resolve())]
    assert digest(tmp_path / "to" / "film.mkv") == digest(sent)
    assert not part.exists()
    interrupt(seed)


def test_a_seed_that_left_and_came_back_is_gone_on_with(world: World, tmp_path: Path) -> None:
    """Everybody is killed; the magnet is the same, as what is seeded is."""
    sent = fill(tmp_path / "from" / "film.mkv", SIZE)
    seed, magnet = seeding(world, sent, "--upload-limit", RATE)
    process = download(world, magnet, tmp_path, "--json")
    had = go_on_to(process, 10_000_000)
    for each in (process, seed):
        each.signal(signal.SIGKILL)
        each.end()
    again = download(world, magnet, tmp_path, "--json")
    assert left(again) >= had, "known before anybody is met"
    assert again.wait_for("error")["code"] == "noPeers"
    back, same = seeding(world, sent)
    assert same == magnet
    assert again.end() == 0, again.report()
    assert digest(tmp_path / "to" / "film.mkv") == digest(sent)
    interrupt(back)
    assert uploaded(back) <= SIZE - had


def test_a_flipped_byte_after_another_boot_costs_its_piece(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", SIZE)
    seed, magnet = seeding(world, sent, "--upload-limit", RATE)
    process = download(world, magnet, tmp_path, "--json")
    go_on_to(process, 20_000_000)
    process.signal(signal.SIGKILL)
    process.end()
    (part,) = (tmp_path / "to").iterdir()
    record = json.loads((part / "record.json").read_text())
    told_of = (part / "pieces").read_bytes()
    marks = told_of[: -2 * 24]
    if record["machine"]:
        (part / "record.json").write_text(json.dumps(record | {"boot": "another"}))
    else:  # without an address a machine is told by its boot alone
        doubted = marks.replace(bytes([Mark.WRITTEN]), bytes([Mark.DOUBTED]))
        (part / "pieces").write_bytes(doubted + told_of[len(marks) :])
    length = parse_info((part / "info").read_bytes()).shape.piece_length
    first = marks.index(Mark.WRITTEN)
    with (part / "tree" / "film.mkv").open("r+b") as file:
        file.seek(first * length)
        byte = file.read(1)
        file.seek(first * length)
        file.write(bytes([byte[0] ^ 0x80]))
    before = uploaded(seed)
    again = download(world, magnet, tmp_path, "--json")
    told = again.wait_for("metadata")
    assert told["resumedBytes"] == 0
    assert told["doubtedBytes"] > 0
    assert again.end() == 0, again.report()
    assert digest(tmp_path / "to" / "film.mkv") == digest(sent)
    done = again.wait_for("downloadComplete")
    assert told["doubtedBytes"] - done["resumedBytes"] == length
    interrupt(seed)
    assert uploaded(seed) - before <= SIZE - done["resumedBytes"] + IN_FLIGHT


def test_two_at_once_do_not_share_it(world: World, tmp_path: Path) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", SIZE)
    seed, magnet = seeding(world, sent, "--upload-limit", RATE)
    process = download(world, magnet, tmp_path, "--json")
    go_on_to(process, 5_000_000)
    second = download(world, magnet, tmp_path, "--json")
    assert second.end() == 1, second.report()
    assert "already being downloaded" in second.wait_for("error")["message"]
    assert process.end() == 0, process.report()
    assert digest(tmp_path / "to" / "film.mkv") == digest(sent)
    interrupt(seed)


def test_what_is_unfinished_is_told_of_where_something_else_arrives(
    world: World, tmp_path: Path
) -> None:
    sent = fill(tmp_path / "from" / "film.mkv", SIZE)
    seed, magnet = seeding(world, sent, "--upload-limit", RATE)
    process = download(world, magnet, tmp_path, "--json")
    go_on_to(process, 10_000_000)
    process.signal(signal.SIGKILL)
    process.end()
    (part,) = (tmp_path / "to").iterdir()
    sender, code = world.send(fill(tmp_path / "small", 1000))
    receiver = world.receive(code, tmp_path / "to")
    assert (sender.end(), receiver.end()) == (0, 0), receiver.report()
    (told,) = [event for event in receiver.events if event["event"] == "leftover"]
    assert (told["resumable"], told["removed"], told["path"]) == (True, False, os.fspath(part))
    assert (told["names"], told["bytes"]) == (["film.mkv"], SIZE)
    assert 0.1 < told["progress"] < 1
    assert "Download it again" in told["hint"]
    interrupt(seed)
    assert set(contents(tmp_path / "to")) > {"small"}
