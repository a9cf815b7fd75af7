"""Files that were hashed before: what changed is named, never mixed."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from filesend_tui.core.errors import BadSource
from filesend_tui.core.torrent.sources import create
from filesend_tui.core.torrent.sources.create import Found, make_torrent, scan, take_known
from filesend_tui.core.torrent.sources.hashing import hash_pieces
from filesend_tui.core.torrent.sources.source_files import SourceFile
from filesend_tui.core.torrent.sources.trusted import Hashed, Identity, changed, take

CONTENT = random.Random(2).randbytes(200_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "t" / "d").mkdir(parents=True)
    (tmp_path / "t" / "a").write_bytes(CONTENT)
    (tmp_path / "t" / "d" / "b").write_bytes(CONTENT[::-1])
    (tmp_path / "t" / "empty").touch()
    return tmp_path / "t"


def known_of(folder: Path, salt: str | None = None) -> tuple[Hashed, Found]:
    sources = scan([folder])
    return Hashed.of(make_torrent(sources, salt=salt), sources), sources


def no_hashing(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what was hashed from now on."""
    calls: list[object] = []
    real = hash_pieces

    def counted(*args: object, **options: object) -> bytes:
        calls.append(args)
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(create, "hash_pieces", counted)
    return calls


@pytest.mark.parametrize("salt", [None, "ab" * 8])
def test_what_is_the_same_is_not_hashed_again(
    folder: Path, salt: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, _ = known_of(folder, salt)
    hashed = no_hashing(monkeypatch)
    again = make_torrent(scan([folder]), salt=salt, known=known)
    assert again.raw == known.raw
    assert not hashed


def _rewrite(folder: Path) -> None:
    (folder / "a").write_bytes(CONTENT[1:] + b"x")


def _rewrite_and_set_the_time_back(folder: Path) -> None:
    before = (folder / "a").stat()
    _rewrite(folder)
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))


def _grow(folder: Path) -> None:
    with (folder / "a").open("ab") as file:
        file.write(b"x")


def _replace(folder: Path) -> None:
    shutil.copy2(folder / "a", folder / "other")
    (folder / "other").replace(folder / "a")


CHANGES = [_rewrite, _grow, _replace]
if os.name != "nt":
    CHANGES.append(_rewrite_and_set_the_time_back)


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_named_and_hashed_anew(
    folder: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, _ = known_of(folder)
    _wait_for_the_next_moment(folder)
    change(folder)
    sources = scan([folder])
    assert [source.name for source in changed(known, sources)] == ["t/a"]
    with pytest.raises(BadSource, match="changed since it was hashed") as caught:
        take_known(known, sources, name=None, salt=None)
    assert [offender.path for offender in caught.value.offenders] == [folder / "a"]
    assert caught.value.told == "t/a changed since it was hashed."
    hashed = no_hashing(monkeypatch)
    again = make_torrent(sources, known=known)
    assert hashed
    assert again.raw == make_torrent(sources).raw


def _wait_for_the_next_moment(folder: Path) -> None:
    """Wait until a file that is made now has a later time than those that are there."""
    newest = (folder / "a").stat().st_ctime_ns
    probe = folder.parent / "probe"
    deadline = time.monotonic() + 10
    while True:
        probe.touch()
        if probe.stat().st_ctime_ns > newest:
            break
        assert time.monotonic() < deadline
        probe.unlink()
    probe.unlink()


def test_other_files_or_names_are_another_torrent(folder: Path) -> None:
    known, sources = known_of(folder)
    assert take_known(known, sources, name="other", salt=None) is None
    assert take_known(known, sources, name=None, salt="ab" * 8) is None
    assert take_known(known, sources[:2], name=None, salt=None) is None
    (folder / "empty").rename(folder / "void")
    renamed = scan([folder])
    # A name is the torrent's; that its file was renamed shows in its time too, on most systems.
    try:
        assert take_known(known, renamed, name=None, salt=None) is None
    except BadSource as error:
        assert [offender.path.name for offender in error.offenders] == ["void"]


@pytest.mark.parametrize("raw", [b"", b"garbage", b"d4:name1:xe"])
def test_what_is_no_info_dictionary_is_not_believed(folder: Path, raw: bytes) -> None:
    known, sources = known_of(folder)
    assert take_known(known._replace(raw=raw), sources, name=None, salt=None) is None


def test_false_hashes_are_found_by_reading_a_few_pieces(folder: Path) -> None:
    """Whoever kept them had them of other files of the same names and sizes."""
    (folder / "a").write_bytes(CONTENT[::-1])
    (folder / "d" / "b").write_bytes(CONTENT)
    other = make_torrent(scan([folder]))
    (folder / "a").write_bytes(CONTENT)
    (folder / "d" / "b").write_bytes(CONTENT[::-1])
    sources = scan([folder])
    with pytest.raises(BadSource, match="changed"):
        take_known(Hashed.of(other, sources), sources, name=None, salt=None)


def test_few_pieces_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filesend_tui.core.torrent.sources.seed_files import SeedFiles

    (folder / "a").write_bytes(CONTENT * 20)
    known, sources = known_of(folder)
    read: list[int] = []
    monkeypatch.setattr(SeedFiles, "check", lambda _store, index: read.append(index))
    info = take(known, sources, describe=lambda _: known.raw, rng=random.Random(1))
    assert info is not None
    assert {0, info.shape.piece_count - 1} <= set(read)
    assert len(read) <= 8 < info.shape.piece_count


def _source(number: int, **changes: object) -> SourceFile:
    from filesend_tui.core.torrent.metainfo.attributes import Attributes
    from filesend_tui.core.util.file_id import FileId

    made = SourceFile(
        root=Path("/r"),
        root_id=FileId(1, 1, 0, None),
        steps=(str(number),),
        parts=("t", str(number)),
        file_id=FileId(1, number, 0, None),
        size=10,
        modified_ns=5,
        changed_ns=7,
        attributes=Attributes(),
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def _changed(was: list[SourceFile], now: list[SourceFile]) -> list[str]:
    known = Hashed(b"", tuple(map(Identity.of, was)))
    return [source.name for source in changed(known, now)]


def test_devices_may_have_other_numbers_together() -> None:
    def on(source: SourceFile, device: int) -> SourceFile:
        return source._replace(file_id=source.file_id._replace(device=device))

    files = [_source(number) for number in range(4)]
    were = [on(files[0], 1), on(files[1], 1), on(files[2], 2), on(files[3], 2)]
    assert _changed(were, were) == []
    assert (
        _changed(were, [on(files[0], 8), on(files[1], 8), on(files[2], 1), on(files[3], 1)]) == []
    )
    # One of them is somewhere else than its neighbours now.
    assert _changed(were, [on(files[0], 8), on(files[1], 9), *were[2:]]) == ["t/1"]
    # Two devices do not become one.
    assert _changed(were, [on(file, 8) for file in files]) == ["t/2", "t/3"]


def test_a_number_that_a_file_system_made_up_is_no_change() -> None:
    was = _source(1)
    renumbered = was._replace(file_id=was.file_id._replace(number=99))
    assert _changed([was], [renumbered]) == []
    without = renumbered._replace(changed_ns=None)
    assert _changed([was], [without]) == ["t/1"]
    for change in ({"size": 11}, {"modified_ns": 6}, {"changed_ns": 8}):
        assert _changed([was], [_source(1, **change)]) == ["t/1"]


def test_another_count_of_files_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        changed(Hashed(b"", ()), [_source(1)])
