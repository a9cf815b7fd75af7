"""Hashing on several threads: the same hashes, and the first trouble ends it."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from filesend_tui.core.errors import Cancelled
from filesend_tui.core.torrent.sources import hashing
from filesend_tui.core.torrent.sources.create import scan
from filesend_tui.core.torrent.sources.hashing import Changed, Unreadable, hash_pieces
from filesend_tui.core.torrent.sources.source_files import SourceFile

MIB = 1024 * 1024
#: Runs of 4 MiB enough for all threads, and files that end within pieces.
SIZES = (9 * MIB + 5, 0, 1, 3 * MIB, 0, 12 * MIB - 77)


@pytest.fixture
def sources(tmp_path: Path) -> tuple[SourceFile, ...]:
    for number, size in enumerate(SIZES):
        (tmp_path / str(number)).write_bytes(os.urandom(size))
    return tuple(scan([tmp_path]))


def run(
    sources: tuple[SourceFile, ...], piece_length: int = 64 * 1024, threads: int = 3, **told: object
) -> bytes:
    given = {"progress": lambda *_: None, "cancelled": lambda: False} | told
    return hash_pieces(sources, piece_length, threads=threads, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("piece_length", [16 * 1024, 64 * 1024, MIB, 16 * MIB])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_hashes_are_the_same_on_any_number_of_threads(
    sources: tuple[SourceFile, ...], piece_length: int, threads: int
) -> None:
    whole = b"".join(source.path.read_bytes() for source in sources)
    assert run(sources, piece_length, threads) == b"".join(
        hashlib.sha1(whole[i : i + piece_length]).digest()
        for i in range(0, len(whole), piece_length)
    )


def test_several_threads_hash_at_once(sources: tuple[SourceFile, ...]) -> None:
    met = threading.Barrier(3)  # breaks, and with it the test, where three never are there
    seen = threading.local()

    def cancelled() -> bool:
        if not hasattr(seen, "met"):
            seen.met = met.wait(30)
        return False

    run(sources, cancelled=cancelled)


def test_progress_is_told_on_the_callers_thread(sources: tuple[SourceFile, ...]) -> None:
    told: list[tuple[int, int, int]] = []
    run(sources, progress=lambda *now: told.append((*now, threading.get_ident())))
    assert {thread for _, _, thread in told} == {threading.get_ident()}
    assert told == sorted(told)
    assert (told[0][0], told[-1][0]) == (0, sum(SIZES))


def test_cancelling_stops_every_thread(sources: tuple[SourceFile, ...]) -> None:
    stop = threading.Event()
    stop.set()
    before = threading.active_count()
    with pytest.raises(Cancelled):
        run(sources, cancelled=stop.is_set)
    assert threading.active_count() == before


def test_the_trouble_of_one_thread_is_told(sources: tuple[SourceFile, ...]) -> None:
    os.truncate(sources[-1].path, MIB)
    with pytest.raises(Changed) as changed:
        run(sources)
    assert changed.value.source is sources[-1]
    sources[-1].path.unlink()
    with pytest.raises(Unreadable) as unreadable:
        run(sources)
    assert unreadable.value.source is sources[-1]


def test_there_is_a_thread_for_each_core_up_to_some() -> None:
    assert 1 <= hashing.threads_to_use() <= hashing.MOST_THREADS
