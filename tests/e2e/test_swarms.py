"""`filesend seed` and `filesend download`: an open swarm of real processes."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import Filesend, World, contents, fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("swarms"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to end a seed with"),
]


def seeding(world: World, *arguments: str | Path) -> tuple[Filesend, str]:
    seed = world.start("seed", "--json", *arguments)
    told = seed.wait_for("seeding")
    assert told["magnetURI"].startswith(f"magnet:?xt=urn:btih:{told['infoHash']}")
    return seed, told["magnetURI"]


def interrupt(seed: Filesend) -> None:
    seed.signal(signal.SIGINT)
    assert seed.end() == 130, seed.report()
    assert seed.names()[-2:] == ["torrentDestroyed", "clientDestroyed"]


def test_two_download_what_one_seeds(world: World, tmp_path: Path) -> None:
    for name in ("a", "b", "deep/c"):
        fill(tmp_path / "from" / "album" / name, 300_000)
    seed, magnet = seeding(world, tmp_path / "from" / "album")
    outputs = [tmp_path / "one", tmp_path / "two"]
    downloads = [world.start("download", magnet, "--json", "-o", output) for output in outputs]
    for download, output in zip(downloads, outputs, strict=True):
        assert download.end() == 0, download.report()
        assert contents(output) == contents(tmp_path / "from")
        complete = download.wait_for("downloadComplete")
        assert complete["bytes"] == 900_000
        assert download.names()[-2:] == ["torrentDestroyed", "clientDestroyed"]
    assert seed.process.poll() is None, "it serves until interrupted"
    interrupt(seed)
    assert contents(tmp_path / "from")


@pytest.mark.parametrize(
    "option", [("--overwrite", "ask"), ("--overwrite", "older"), ("--skip-existing",)], ids=" ".join
)
def test_a_download_that_cannot_replace_says_so(world: World, option: tuple[str, ...]) -> None:
    refused = world.start("download", f"magnet:?xt=urn:btih:{'0' * 40}", *option)
    assert refused.end() == 2, refused.report()
    assert any("goes with receive" in line for line in refused.errors), refused.report()


def test_what_the_settings_say_of_replacing_is_for_receiving(world: World, tmp_path: Path) -> None:
    """A download replaces nothing of what is there, and asks nobody."""
    sent = fill(tmp_path / "from" / "a", 1000)
    there = fill(tmp_path / "to" / "a", 10)
    before = contents(tmp_path / "to")
    world.environment["FILESEND_OVERWRITE"] = "ask"
    seed, magnet = seeding(world, sent)
    download = world.start("download", magnet, "--json", "-o", there.parent)
    assert download.end() == 0, download.report()
    after = contents(tmp_path / "to")
    assert after.pop("a") == before["a"]
    assert list(after.values()) == list(contents(tmp_path / "from").values())
    interrupt(seed)


def test_an_open_share_says_which_empty_folders_it_leaves_out(world: World, tmp_path: Path) -> None:
    fill(tmp_path / "from" / "album" / "a", 1000)
    (tmp_path / "from" / "album" / "empty").mkdir()
    seed, _ = seeding(world, tmp_path / "from" / "album")
    names = seed.names()
    assert names.index("leftOut") < names.index("seeding")
    told = seed.wait_for("leftOut")
    assert told["things"] == [
        {
            "path": str(tmp_path / "from" / "album" / "empty"),
            "reason": "is an empty folder, which an open share cannot hold",
        }
    ]
    interrupt(seed)


def test_a_share_outlives_the_one_whose_relay_it_used(lonely_world: World, tmp_path: Path) -> None:
    """Nobody names a relay: the first of two shares started it, and is killed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        lonely_world.environment["FILESEND_PORT"] = str(free.getsockname()[1])
    first, _ = seeding(lonely_world, fill(tmp_path / "one", 1000))
    seed, magnet = seeding(lonely_world, fill(tmp_path / "from" / "two", 300_000))
    first.signal(signal.SIGKILL)
    first.end()
    seed.wait_for("relayBack")
    download = lonely_world.start("download", magnet, "-o", tmp_path / "to")
    assert download.end() == 0, download.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    interrupt(seed)


def test_a_tracker_of_ones_own(world: World, tmp_path: Path) -> None:
    tracker = world.environment.pop("FILESEND_RELAY").replace("http", "ws", 1) + "/tracker"
    fill(tmp_path / "from" / "a", 1000)
    seed, magnet = seeding(world, tmp_path / "from" / "a", "--tracker", tracker)
    download = world.start("download", magnet, "-o", tmp_path / "to")
    assert download.end() == 0, download.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    assert download.lines == [str((tmp_path / "to" / "a").resolve())]
    interrupt(seed)


def test_a_person_is_given_the_magnet(world: World, tmp_path: Path) -> None:
    seed = world.start("seed", fill(tmp_path / "a", 1000))
    magnet = seed.wait_for_line("magnet:?")
    assert seed.lines == [magnet]
    seed.signal(signal.SIGINT)
    assert seed.end() == 130, seed.report()


def test_a_share_link_opens_the_magnet_in_a_page(world: World, tmp_path: Path) -> None:
    page = "https://instant.io/"
    seed = world.start("seed", fill(tmp_path / "a", 1000), "--web", page)
    link = seed.wait_for_line(page)
    magnet = link.removeprefix(f"{page}#")
    assert seed.lines == [magnet, link]
    download = world.start("download", magnet, "-o", tmp_path / "to")
    assert download.end() == 0, download.report()
    seed.signal(signal.SIGINT)
    assert seed.end() == 130, seed.report()


def test_scripts_read_the_share_link(world: World, tmp_path: Path) -> None:
    world.environment["FILESEND_WEB"] = "https://instant.io/"
    seed, magnet = seeding(world, fill(tmp_path / "a", 1000))
    assert seed.wait_for("seeding")["shareURL"] == f"https://instant.io/#{magnet}"
    interrupt(seed)


def test_a_download_waits_for_a_seed_and_says_so(world: World, tmp_path: Path) -> None:
    fill(tmp_path / "from" / "a", 1000)
    seed, magnet = seeding(world, tmp_path / "from" / "a")
    interrupt(seed)
    download = world.start("download", magnet, "--json", "-o", tmp_path / "to")
    lonely = download.wait_for("error")
    assert lonely["code"] == "noPeers"
    again, _ = seeding(world, tmp_path / "from" / "a")
    assert download.end() == 0, download.report()
    assert contents(tmp_path / "to") == contents(tmp_path / "from")
    interrupt(again)


def test_a_download_whose_only_seed_left_says_so(world: World, tmp_path: Path) -> None:
    fill(tmp_path / "from" / "a", 100_000_000)
    seed, magnet = seeding(world, tmp_path / "from" / "a", "--upload-limit", "1M")
    download = world.start("download", magnet, "--json", "-o", tmp_path / "to")
    download.wait_for("download", lambda event: event["downloadedBytes"] > 0)
    interrupt(seed)
    told = download.wait_for("error", lambda event: event["code"] == "noPeers")
    assert "has left" in told["message"]
    assert "yet" not in told["message"]
    interrupt(download)
