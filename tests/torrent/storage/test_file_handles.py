from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from filesend_tui.core.errors import StorageFailed
from filesend_tui.core.torrent.storage import file_handles
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.file_handles import HandlePool


def _files(tmp_path: Path, count: int) -> list[Path]:
    paths = [tmp_path / str(n) for n in range(count)]
    for n, path in enumerate(paths):
        path.write_bytes(bytes([n % 256]) * 100)
    return paths


def _opener(paths: list[Path]) -> Callable[[int, int], int]:
    def open_file(number: int, flags: int) -> int:
        with DirHandle.at(paths[number].parent) as ground:
            return ground.open((paths[number].name,), flags)

    return open_file


def _open_below(folder: Path) -> int:
    return sum(Path(f.path).is_relative_to(folder) for f in psutil.Process().open_files())


def test_no_more_than_the_limit_stay_open(tmp_path: Path) -> None:
    paths = _files(tmp_path, 200)
    pool = HandlePool(_opener(paths), writable=False, limit=5)
    for number in [*range(200), *range(0, 200, 7)]:
        with pool.use(number) as handle:
            assert handle.read_at(10, 3) == bytes([number]) * 3
    assert _open_below(tmp_path) == 5
    pool.close()
    pool.close()
    assert _open_below(tmp_path) == 0
    with pytest.raises(StorageFailed, match="closed"), pool.use(0):
        pass


def test_a_file_in_use_is_not_closed_by_others(tmp_path: Path) -> None:
    paths = _files(tmp_path, 10)
    pool = HandlePool(_opener(paths), writable=False, limit=1)
    with pool.use(0) as handle:
        for number in range(1, 10):
            with pool.use(number):
                pass
        assert handle.read_at(0, 1) == b"\0"
    pool.close()


@pytest.mark.parametrize("positioned", [True, False], ids=["pread", "seek"])
def test_threads_read_and_write_one_file_without_mixing(
    tmp_path: Path, positioned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if positioned and not hasattr(os, "pread"):
        pytest.skip("this system has no positioned reads")
    monkeypatch.setattr(file_handles, "_POSITIONED", positioned)
    monkeypatch.setattr(file_handles, "_VECTORED", positioned and hasattr(os, "preadv"))
    (tmp_path / "a").write_bytes(bytes(64 * 1000))
    pool = HandlePool(_opener([tmp_path / "a"]), writable=True)

    def work(number: int) -> bool:
        data = bytes([number]) * 1000
        for _ in range(20):
            with pool.use(0) as handle:
                handle.write_at(number * 1000, memoryview(data))
                into = bytearray(1000)
                if handle.read_into(number * 1000, memoryview(into)) != 1000 or into != data:
                    return False
                if handle.read_at(number * 1000, 1000) != data:
                    return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(64)))
    pool.close()
    assert (tmp_path / "a").read_bytes() == b"".join(bytes([n]) * 1000 for n in range(64))


@pytest.mark.parametrize("vectored", [True, False], ids=["preadv", "other"])
def test_reading_at_the_end_gives_what_there_is(
    tmp_path: Path, vectored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if vectored and not hasattr(os, "preadv"):
        pytest.skip("this system has no vectored reads")
    monkeypatch.setattr(file_handles, "_VECTORED", vectored)
    pool = HandlePool(_opener(_files(tmp_path, 1)), writable=False)
    with pool.use(0) as handle:
        assert len(handle.read_at(90, 50)) == 10
        assert handle.read_at(100, 50) == b""
        into = bytearray(b"." * 50)
        assert handle.read_into(90, memoryview(into)) == 10
        assert into == bytes(10) + b"." * 40
    pool.close()


def test_files_may_be_moved_while_the_pool_is_suspended(tmp_path: Path) -> None:
    where = [tmp_path / "old"]
    where[0].write_text("text")
    pool = HandlePool(_opener(where), writable=True)
    with pool.use(0):
        pass
    read: list[bytes] = []
    reading = threading.Event()

    def work() -> None:
        reading.set()
        with pool.use(0) as handle:
            read.append(handle.read_at(0, 4))

    thread = threading.Thread(target=work)
    with pool.suspended():
        assert _open_below(tmp_path) == 0
        thread.start()
        assert reading.wait(10)
        where[0] = where[0].rename(tmp_path / "new")
        assert not read
    thread.join(10)
    assert read == [b"text"]
    with pool.use(0) as handle, pytest.raises(OSError, match="Bad file descriptor"):
        handle.write_at(0, memoryview(b"x"))
    pool.close()


def test_closing_waits_for_who_still_reads(tmp_path: Path) -> None:
    pool = HandlePool(_opener(_files(tmp_path, 1)), writable=False)
    with pool.use(0) as handle:
        closer = threading.Thread(target=pool.close)
        closer.start()
        closer.join(0.05)
        assert closer.is_alive()
        assert len(handle.read_at(0, 100)) == 100
    closer.join(10)
    assert not closer.is_alive()
    assert _open_below(tmp_path) == 0
