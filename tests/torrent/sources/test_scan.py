"""finding.py: all that cannot be sent is told at once, or left out and said."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from filesend_tui.core.choices import Sending
from filesend_tui.core.errors import BadSource
from filesend_tui.core.torrent.metainfo.info import MAX_PATH_PARTS
from filesend_tui.core.torrent.sources import create
from filesend_tui.core.torrent.sources import scan as scanning
from filesend_tui.core.torrent.sources.create import Found, scan
from filesend_tui.core.torrent.sources.scan import Bounds

POSIX = pytest.mark.skipif(
    os.name == "nt", reason="Windows has no such files, or not for everybody"
)
ROOM = Bounds(1000, 1024)


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """A folder with two good files among what cannot be sent."""
    folder = tmp_path / "messy"
    (folder / "sub").mkdir(parents=True)
    for name in ("a", "sub/z"):
        (folder / name).write_text(name)
    (folder / "dangling").symlink_to("nowhere")
    (folder / "sub" / "out").symlink_to("/etc/passwd")
    os.mkfifo(folder / "sub" / "fifo")
    if sys.platform == "linux":
        (folder / os.fsdecode(b"bad\xff")).mkdir()
        (folder / os.fsdecode(b"bad\xff") / "in it").touch()
        (folder / "sub" / os.fsdecode(b"worse\xff.txt")).touch()
    return folder


def _told(error: BadSource) -> dict[str, str]:
    return {os.fsencode(path.name).decode("latin-1"): why for path, why in error.offenders}


WHY = {
    "dangling": "is a link that does not lead to a file",
    "out": "is a link that leads out of the folder that is being sent",
    "fifo": "is neither a file nor a folder",
}
if sys.platform == "linux":
    WHY |= dict.fromkeys(("bad\xff", "worse\xff.txt"), "has a name that is not valid text")


@POSIX
def test_all_that_cannot_be_sent_is_told_at_once(messy: Path) -> None:
    with pytest.raises(BadSource) as caught:
        scan([messy, messy.parent / "missing"])
    error = caught.value
    assert _told(error) == WHY | {"missing": "cannot be read: No such file or directory"}
    assert {path.parent for path, _ in error.offenders} == {
        messy,
        messy / "sub",
        messy.parent,
    }
    assert error.message.startswith(f"{len(WHY) + 1} of these cannot be sent, such as ")
    assert "--skip-unreadable" in error.hint
    error.message.encode()


@POSIX
def test_the_only_one_is_told_in_a_sentence_with_what_to_do(messy: Path) -> None:
    with pytest.raises(BadSource) as caught:
        scan([messy / "sub" / "fifo"])
    assert caught.value.message == f"{messy / 'sub' / 'fifo'} is neither a file nor a folder."
    assert len(caught.value.offenders) == 1


@POSIX
def test_what_cannot_be_sent_is_left_out_where_that_is_asked_for(messy: Path) -> None:
    found = scan([messy], sending=Sending(skip=True))
    assert ["/".join(source.parts) for source in found] == ["messy/a", "messy/sub/z"]
    assert _told(BadSource("", offenders=found.left_out)) == WHY
    # Nothing at all is no choice.
    with pytest.raises(BadSource) as caught:
        scan([messy / "dangling", messy / "sub" / "fifo"], sending=Sending(skip=True))
    assert len(caught.value.offenders) == 2


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="who may read everything cannot be refused"
)
def test_folders_and_files_that_may_not_be_read_are_told_together(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "d" / name).mkdir(parents=True)
        (tmp_path / "d" / name / "f").write_text("x")
    (tmp_path / "d" / "a").chmod(0)
    (tmp_path / "d" / "b" / "f").chmod(0)
    try:
        with pytest.raises(BadSource) as caught:
            scan([tmp_path / "d"])
        assert _told(caught.value) == {
            "a": "cannot be read: Permission denied",
            "f": "may not be read",
        }
        assert ["/".join(s.parts) for s in scan([tmp_path / "d"], sending=Sending(skip=True))] == [
            "d/c/f"
        ]
    finally:
        (tmp_path / "d" / "a").chmod(0o700)


def test_a_path_that_is_too_long_is_told_with_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "short").touch()
    (folder / ("n" * 200)).touch()
    with pytest.raises(BadSource) as caught:
        scan([folder], bounds=Bounds(1000, 100))
    assert "n" * 200 in caught.value.message
    assert caught.value.message.endswith("has a name that is too long, with its folders.")
    assert len(scan([folder], bounds=ROOM)) == 2


def test_the_bound_that_is_told_is_the_one_that_holds(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).touch()
    with pytest.raises(BadSource, match="more than 4 files"):
        scan([tmp_path], bounds=Bounds(4, 100))
    assert len(scan([tmp_path], bounds=Bounds(5, 100))) == 5


def test_very_many_folders_are_too_many_before_anything_is_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (tmp_path / "d" / str(number)).mkdir(parents=True)
        (tmp_path / "d" / str(number) / "f").touch()
    monkeypatch.setattr(scanning, "MAX_FOLDERS", 5)
    with pytest.raises(BadSource, match="more than 5 folders"):
        scan([tmp_path / "d"])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere files without bytes take room")
def test_more_than_a_torrent_can_describe_is_told_before_it_is_hashed(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(5 * 2**40)
    with pytest.raises(BadSource, match="too much for one torrent"):
        scan([tmp_path])


def test_names_too_long_for_a_description_are_told_before_it_is_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").touch()
    monkeypatch.setattr(create, "MAX_METADATA", 10)
    with pytest.raises(BadSource, match="too much for one torrent"):
        scan([tmp_path])


def test_what_filesend_has_not_finished_is_not_sent(tmp_path: Path) -> None:
    part = tmp_path / "d" / ".filesend-0123456789abcdef.part"
    (part / "tree").mkdir(parents=True)
    (part / "tree" / "half").write_text("half of it")
    (tmp_path / "d" / "whole").write_text("whole")
    (tmp_path / "d" / ".filesend-notes.part").write_text("a file of one's own")
    found = scan([tmp_path / "d"])
    assert [source.parts[-1] for source in found] == [".filesend-notes.part", "whole"]
    assert [offender.path for offender in found.left_out] == [part]
    with pytest.raises(BadSource, match="FileSend has not finished"):
        scan([part])


def test_what_is_not_finished_is_not_sent_by_other_ways_either(tmp_path: Path) -> None:
    parts = [tmp_path / name / ".filesend-0123456789abcdef.part" for name in ("d", "e")]
    for part in parts:
        (part / "tree").mkdir(parents=True)
        (part / "tree" / "half").write_text("half of it")
    ways = [parts[0] / "tree", parts[0] / "tree" / "half"]
    if os.name != "nt":  # links need a privilege there
        for number, target in enumerate((parts[0], *ways)):
            ways.append(tmp_path / f"link{number}")
            ways[-1].symlink_to(target)
        ways.append(tmp_path / "link1" / "half")
    for way in ways:
        with pytest.raises(BadSource, match="FileSend has not finished"):
            scan([way])
    # Of two with one name the second gets another: it is refused all the same.
    with pytest.raises(BadSource) as caught:
        scan(parts)
    assert [path for path, _ in caught.value.offenders] == parts
    if os.name != "nt":
        (tmp_path / "d" / "link").symlink_to(parts[0] / "tree" / "half")
        with pytest.raises(BadSource, match="not finished"):
            scan([tmp_path / "d"])


def test_a_folder_too_deep_is_told_once_and_left_out_with_all_in_it(tmp_path: Path) -> None:
    deep = tmp_path.joinpath("d", *["x"] * MAX_PATH_PARTS)
    deep.mkdir(parents=True)
    (deep / "f").touch()
    (deep / "g").touch()
    (tmp_path / "d" / "good").touch()
    with pytest.raises(BadSource) as caught:
        scan([tmp_path / "d"])
    assert [path for path, _ in caught.value.offenders] == [deep]
    found = scan([tmp_path / "d"], sending=Sending(skip=True))
    assert isinstance(found, Found)
    assert found[0].parts == ("d", "good")
    assert found[:1] == found.files
