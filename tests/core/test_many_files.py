"""Requests in parts, client to client: the real relay, real disks, bounds that are met sooner."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.choices import Arriving, Links, Overwrite, Sending
from filesend_tui.core.errors import BadSource
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.exchange import offer, offered
from filesend_tui.core.resume import transfers as resumed
from filesend_tui.core.sessions.session import Session
from filesend_tui.core.torrent import torrent
from tests.conftest import RunningRelay
from tests.core.test_client import pair, yes
from tests.torrent.lab import read_tree, write_tree

pytestmark = pytest.mark.webrtc

SPARSE = 8 * 1024 * 1024
RNG = random.Random(16)
TREE = {f"many/{n // 50:02}/{n:04} ü": RNG.randbytes(n % 2_000) for n in range(1_500)}


@pytest.fixture(autouse=True)
def _small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer, "MAX_FILES", 100)
    monkeypatch.setattr(offered, "PART_FILES", 200)
    monkeypatch.setattr(resumed, "MAX_FILES", 100)
    monkeypatch.setattr(torrent, "MOST_LISTED", 100)


async def test_more_files_than_one_word_holds_arrive(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", TREE)
    (tmp_path / "src" / "many" / "empty").mkdir()
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "many"])
        request = await bob.asked(1)
        assert request.file_count == len(request.files) == len(TREE)
        assert {file.path for file in request.files} == set(TREE)
        assert request.empty_folders == ("many/empty",)
        assert await yes(bob) == transfer
        assert await bob.ended(transfer) is TransferPhase.DONE
        assert await ann.ended(transfer) is TransferPhase.DONE
        (metadata,) = bob.of(e.Metadata)
        assert metadata.files == ()
        assert len(metadata.wanted) == len(TREE)
    assert read_tree(tmp_path / "bob") == TREE
    assert (tmp_path / "bob" / "many" / "empty").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
async def test_links_holes_and_programs_go_in_parts_too(
    relay: RunningRelay, tmp_path: Path
) -> None:
    top = tmp_path / "src" / "many"
    write_tree(tmp_path / "src", TREE)
    (top / "00" / "run").write_bytes(b"#!")
    (top / "00" / "run").chmod(0o755)
    (top / "further").hardlink_to(top / "00" / "run")
    (top / "leads").symlink_to("00")
    with (top / "sparse").open("wb") as file:
        file.truncate(SPARSE)
        file.write(b"the beginning")
    kept = 512 * (top / "sparse").stat().st_blocks < SPARSE // 2
    async with pair(relay, tmp_path, sending=Sending(links=Links.KEEP)) as (ann, bob):
        transfer = await ann.client.request([top])
        request = await bob.asked(1)
        assert request.file_count == len(TREE) + 2
        assert request.programs == 1
        told = {(link.path, link.to, link.hard) for link in request.links}
        # Of two names the first in order is the file.
        hard = ("many/further", "many/00/run", True)
        assert told == {hard, ("many/leads", "many/00", False)}
        assert await yes(bob) == transfer
        assert await bob.ended(transfer) is TransferPhase.DONE
        (done,) = bob.of(e.DownloadComplete)
        assert done.links_not_made == 0
    came = tmp_path / "bob" / "many"
    assert (came / "leads").readlink() == Path("00")
    assert (came / "further").samefile(came / "00" / "run")
    assert (came / "further").stat().st_mode & 0o100
    assert (came / "sparse").read_bytes() == (top / "sparse").read_bytes()
    if kept:
        assert 512 * (came / "sparse").stat().st_blocks < SPARSE // 2
    assert {path: (tmp_path / "bob" / path).read_bytes() for path in TREE} == TREE


async def test_of_many_files_that_are_there_none_comes_again(
    relay: RunningRelay, tmp_path: Path
) -> None:
    write_tree(tmp_path / "src", TREE)
    again = Arriving(skip_existing=True, overwrite=Overwrite.OLDER)
    async with pair(relay, tmp_path, arriving=again) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "many"])
        await yes(bob)
        assert await bob.ended(transfer) is TransferPhase.DONE
        # One is newer, one older, and one is new.
        changed = sorted(TREE)[:2]
        newer, older = (tmp_path / "src" / path for path in changed)
        newer.write_bytes(b"newer")
        os.utime(newer, (1_600_000_000, 1_600_000_000))
        os.utime(tmp_path / "bob" / changed[0], (10**9, 10**9))
        older.write_bytes(b"older")
        os.utime(older, (10**9, 10**9))
        (tmp_path / "src" / "many" / "new").write_bytes(b"new")
        transfer = await ann.client.request([tmp_path / "src" / "many"])
        await bob.asked(2)
        await bob.client.answer(transfer, [True] * (len(TREE) + 1))
        (there,) = await bob.until(lambda: bob.of(e.AlreadyThere))
        assert (there.count, there.everything) == (len(TREE) - 2, False)
        assert await bob.ended(transfer) is TransferPhase.DONE
    came = read_tree(tmp_path / "bob")
    beside = f"{changed[1]} (1)"
    assert came[changed[0]] == b"newer"
    assert (came.pop(changed[1]), came.pop(beside)) == (TREE[changed[1]], b"older")
    assert came.pop("many/new") == b"new"
    left = {path: TREE[path] for path in TREE if path not in changed}
    assert {path: data for path, data in came.items() if path != changed[0]} == left


async def test_some_of_many_files_arrive(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", TREE)
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "many"])
        request = await bob.asked(1)
        wanted = [file.path for n, file in enumerate(request.files) if n % 3 == 0]
        await bob.client.answer(transfer, [n % 3 == 0 for n in range(len(TREE))])
        assert await bob.ended(transfer) is TransferPhase.DONE
    assert read_tree(tmp_path / "bob") == {path: TREE[path] for path in wanted}


async def test_an_older_program_is_not_asked_what_it_does_not_know(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path / "src", TREE)
    async with pair(relay, tmp_path) as (ann, bob):
        # Its `hello` does not say how many files it takes.
        monkeypatch.setattr(Session, "takes_parts", False, raising=False)
        for partner in ann.client._sessions._partners.values():
            partner.session.takes_parts = False
        with pytest.raises(BadSource, match="Bob's FileSend takes 10,000 files"):
            await ann.client.request([tmp_path / "src" / "many"])
        assert not bob.of(e.FileRequest)
