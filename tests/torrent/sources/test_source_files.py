"""Files to be sent as columns: each comes back as it was, whatever becomes of the others."""

from __future__ import annotations

import random
from pathlib import Path

from filesend_tui.core.torrent.metainfo.attributes import Attributes
from filesend_tui.core.torrent.sources.create import scan
from filesend_tui.core.torrent.sources.source_files import SourceFile, SourceFiles
from filesend_tui.core.util.file_id import FileId

ROOT = Path("/somewhere")


def _file(number: int) -> SourceFile:
    """Return a file with or without each of what few have; of 20 each two are one file."""
    inode = number // 2 if number < 20 else number
    name = f"{number * 7 % 100:02}"
    return SourceFile(
        ROOT / str(number % 3),
        FileId(1, number % 3, 0, None),
        (name,) if number % 5 else ("elsewhere", name),
        ("top", name),
        # An inode number of more than 64 bits fits into no column.
        FileId(1, inode if number != 33 else 2**70, 1000, number or None),
        1000 * number,
        1_600_000_000 * 10**9 + number,
        number if number % 4 else None,
        Attributes(0o644 if number % 6 else None, 1_600_000_000 * 10**9 + number),
        holes=512 if number % 11 == 0 else 0,
        names=2 if number < 20 else 1,
    )


FILES = [_file(number) for number in range(100)]


def test_each_file_comes_back_as_it_was_in_any_order() -> None:
    files = SourceFiles(FILES)
    assert list(files) == FILES
    assert list(files.holes) == [file.holes for file in FILES]
    files.sort()
    assert list(files) == sorted(FILES, key=lambda file: file.parts)
    assert list(files.raw_paths()) == [file.raw_path for file in files]


def test_some_are_left_out_and_the_others_stay_what_they_are() -> None:
    files = SourceFiles(FILES)
    out = set(random.Random(5).sample(range(100), 40))
    files.leave_out(out)
    assert list(files) == [file for number, file in enumerate(FILES) if number not in out]
    assert list(files.names) == [file.parts for file in files]


def test_further_names_are_known_by_the_first() -> None:
    same = [file._replace(file_id=file.file_id._replace(changed_ns=None)) for file in FILES]
    expected = {number: number - 1 for number in range(1, 20, 2)}
    assert SourceFiles(same).further_names() == expected
    # One that has one name only is no further name, though it has the same number.
    assert not SourceFiles(file._replace(names=1) for file in same).further_names()


def test_they_are_equal_where_each_of_them_is() -> None:
    files = SourceFiles(FILES)
    assert files == SourceFiles(FILES)
    for number in range(len(FILES)):
        other = FILES[number]._replace(size=7)
        assert files != SourceFiles([*FILES[:number], other, *FILES[number + 1 :]])
    # The same files, in whose columns the roots were met in another order.
    assert SourceFiles(reversed(FILES))[::-1] == files[:]


def test_each_is_compared_with_a_status_as_by_itself(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_bytes(b"text")
    found = scan(paths)
    for number, path in enumerate(paths):
        assert found.files.is_unchanged(number, path.stat())
        assert not found.files.is_unchanged(number, paths[number - 1].stat())
        file = found[number]
        assert found.files.place(number) == (file.root, file.root_id, file.steps)
    paths[1].write_bytes(b"more text")
    assert not found.files.is_unchanged(1, paths[1].stat())
