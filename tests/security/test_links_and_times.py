"""Hostile links, modes and times of a request, and what is planted where files arrive."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import msgspec
import pytest

from filesend_tui.core.choices import Arriving, Overwrite
from filesend_tui.core.exchange.offer import extras, why_odd
from filesend_tui.core.torrent.metainfo.attributes import (
    Attributes,
    Extras,
    Link,
    file_mode,
    kept_time,
    of_torrent,
)
from filesend_tui.core.torrent.metainfo.info import parse_info
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from relay.protocol.words import (
    MAX_LINKS,
    FileRequest,
    OfferedFile,
    OfferedFolder,
    OfferedLink,
)
from tests.torrent.storage.test_download_files import everything, fill, torrent

POSIX = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
TREE = {("a",): b"x" * 20_000, ("d", "b"): b"y" * 100}


def _request(*links: OfferedLink, folders: tuple[str, ...] = ("t/e",)) -> FileRequest:
    return FileRequest(
        id="0" * 16,
        files=[OfferedFile(path="t/a", size=1), OfferedFile(path="t/d/b", size=1)],
        folders=[OfferedFolder(path=path) for path in folders],
        links=list(links),
    )


def _link(path: str, to: str, *, hard: bool = False) -> OfferedLink:
    return OfferedLink(path=path, to=to, hard=hard)


@pytest.mark.parametrize(
    ("links", "why"),
    [
        ([_link("t/l", "/etc/passwd")], "leads to nothing"),
        ([_link("t/l", "../../.ssh/id")], "leads to nothing"),
        ([_link("t/l", "t/../../x")], "leads to nothing"),
        ([_link("t/l", "t/d/..")], "leads to nothing"),
        ([_link("t/l", "t/l")], "leads to nothing"),
        ([_link("t/l", "t/nothing")], "leads to nothing"),
        ([_link("l", "t/a")], "out of its folder"),
        ([_link("u/l", "t/a")], "out of its folder"),
        ([_link("t/a", "t/d/b")], "twice, or where it has a file"),
        ([_link("t/l", "t/a"), _link("t/l", "t/d/b")], "twice"),
        ([_link("t/d", "t/e")], "below a link"),
        ([_link("t/e", "t/d")], "below a link"),
        ([_link("t/l", "t/d"), _link("t/l/m", "t/a")], "below a link"),
        ([_link("t/a/l", "t/d")], "below a link"),
        ([_link("t/l", "t/l/b"), _link("t/m", "t/d")], "leads to nothing"),
        ([_link("/".join("t" * 65), "t/a")], "too deep"),
        ([_link("t/l", "t/d", hard=True)], "further name of a file that it lacks"),
        ([_link("t/l", "/etc/passwd", hard=True)], "further name of a file that it lacks"),
        (
            [_link("t/l", "t/m", hard=True), _link("t/m", "t/a", hard=True)],
            "further name of a file that it lacks",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else value[0].path + "-" + value[0].to,
)
def test_a_link_that_leads_elsewhere_is_refused_unasked(links: list[OfferedLink], why: str) -> None:
    assert why in why_odd(_request(*links))


def test_links_that_make_sense_are_not_refused() -> None:
    links = (_link("t/l", "t/a"), _link("t/m", "t/l"), _link("t/d/n", "t"), _link("t/o", "t/e"))
    assert why_odd(_request(*links, _link("u", "t/a", hard=True))) == ""


def test_too_many_links_or_too_long_ones_are_no_word_at_all() -> None:
    few = _request(*(_link(f"t/{n}", "t/a") for n in range(10)))
    assert msgspec.json.decode(msgspec.json.encode(few), type=FileRequest) == few
    many = _request(*(_link(f"t/{n}", "t/a") for n in range(MAX_LINKS + 1)))
    long = _request(_link("t/l", "x" * 2000))
    for request in (many, long):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(msgspec.json.encode(request), type=FileRequest)


def test_the_longest_chain_of_links_is_sorted_out_at_once_and_a_circle_is_not_made() -> None:
    chain = [_link(f"t/{n}", f"t/{n + 1}") for n in range(MAX_LINKS - 1)]
    chain.append(_link(f"t/{MAX_LINKS - 1}", "t/a"))
    request = _request(*chain)
    begun = time.process_time()
    assert why_odd(request) == ""
    made = extras(request.files, request.folders, [True, True], links=request.links)
    assert time.process_time() - begun < 5
    assert len(made.links) == MAX_LINKS
    circle = [_link("t/l", "t/m"), _link("t/m", "t/l")]
    assert extras(request.files, [], [True, True], links=circle).links == ()


def test_a_link_to_what_was_declined_is_not_made() -> None:
    links = [_link("t/l", "t/a"), _link("t/m", "t/d"), _link("t/n", "t/a", hard=True)]
    request = _request(*links)
    made = extras(request.files, request.folders, [False, True], links=links)
    assert [link.parts for link in made.links] == [("t", "m")]


# --- on the disk


def _store(folder: Path, extras: Extras, arriving: Arriving = Arriving()) -> DownloadFiles:  # noqa: B008
    info, row = torrent(TREE)
    store = DownloadFiles.create(
        info,
        folder,
        wanted=everything(info),
        layout=Layout.FOLDER,
        extras=extras,
        arriving=arriving,
    )
    fill(store, info, row)
    return store


@POSIX
def test_names_that_are_mended_lead_a_link_to_the_mended_place(tmp_path: Path) -> None:
    """Whatever the names are, the text of a link is the way between two places of this side's."""
    evil = ("t", "..", "x")
    links = (
        Link(("t", "l"), evil),
        Link(evil, ("t", "a")),
        Link(("t", "a/b\\c"), ("t", "\0", "..", "..")),
    )
    store = _store(tmp_path / "in", Extras(links=links))
    store.finish()
    store.close()
    inside = (tmp_path / "in").resolve()
    for path in inside.rglob("*"):
        if path.is_symlink():
            text = str(path.readlink())
            assert not text.startswith("/")
            target = Path(os.path.normpath(path.parent / text))
            assert target.is_relative_to(inside / "t"), text
            assert not any(each.is_symlink() for each in target.parents)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in"]


@POSIX
def test_a_link_planted_on_the_way_of_links_is_not_followed(tmp_path: Path) -> None:
    """By another program of this user's: nobody else may write to a part folder."""
    victim = tmp_path / "victim"
    victim.mkdir()
    store = _store(tmp_path / "in", Extras(links=(Link(("t", "e", "l"), ("t", "a")),)))
    (part,) = (tmp_path / "in").iterdir()
    (part / "tree" / "t" / "e").rmdir()
    (part / "tree" / "t" / "e").symlink_to(victim)
    with pytest.raises(Exception, match=r"."):
        store.finish()
    store.discard()
    assert list(victim.iterdir()) == []


@POSIX
@pytest.mark.parametrize("what", ["t", "t/d", "t/d/b"])
def test_links_planted_in_the_folder_lead_nothing_that_arrives_elsewhere(
    tmp_path: Path, what: str
) -> None:
    """Where files go into folders that are there, and may replace what is older."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "b").write_text("precious")
    os.utime(victim / "b", (1, 1))
    to = tmp_path / "in" / what
    to.parent.mkdir(parents=True)
    to.symlink_to(victim / "b" if what.endswith("b") else victim)
    now = time.time_ns()
    attributes = (Attributes(None, now), Attributes(None, now))
    store = _store(tmp_path / "in", Extras(attributes), Arriving(overwrite=Overwrite.OLDER))
    store.finish()
    store.close()
    assert to.is_symlink()
    assert [each.name for each in victim.iterdir()] == ["b"]
    assert (victim / "b").read_text() == "precious"
    beside = sorted(path.name for path in to.parent.iterdir())
    assert beside == sorted([to.name, f"{to.name} (1)", *(["a"] if what == "t/d" else [])])


@POSIX
@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777, 0o7777, 0o6111, 0o111])
def test_no_mode_makes_a_file_more_than_one_that_its_readers_may_run(mode: int) -> None:
    for allowed in (0o777, 0o755, 0o750, 0o700):
        kept = file_mode(mode, allowed)
        assert kept & 0o7000 == 0
        assert kept & ~allowed & 0o077 == 0
        assert (kept & 0o011) & ~((kept & 0o044) >> 2) == 0, "it may be run by who may not read it"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"path": "a", "size": 1, "mode": 0o4755}, OfferedFile)


@pytest.mark.parametrize("modified", [-1, -(2**63), 2**63, 10**30, 7_258_118_400 * 10**9], ids=str)
def test_absurd_times_are_not_kept(tmp_path: Path, modified: int) -> None:
    now = time.time_ns()
    assert kept_time(modified, now) is None
    store = _store(tmp_path / "in", Extras((Attributes(None, modified),) * 2))
    store.finish()
    store.close()
    assert abs((tmp_path / "in" / "t" / "a").stat().st_mtime_ns - now) < 3600 * 10**9


def test_a_clock_that_is_ahead_is_borne_with_for_a_day() -> None:
    now = time.time_ns()
    assert kept_time(now + 3600 * 10**9, now) is not None
    assert kept_time(now + 25 * 3600 * 10**9, now) is None


@pytest.mark.parametrize("time_told", [b"i-5e", b"i" + b"9" * 30 + b"e", b"3:now", b"li1ee"])
def test_a_torrent_says_what_can_be_run_and_no_nonsense_of_times(time_told: bytes) -> None:
    raw = (
        b"d5:filesld4:attr3:xhX6:lengthi1e5:mtime" + time_told + b"4:pathl1:aeee"
        b"4:name1:t12:piece lengthi16384e6:pieces20:" + bytes(20) + b"e"
    )
    (file,) = parse_info(raw).files
    assert (file.executable, file.modified) == (True, None)
    ((mode, modified),) = of_torrent(parse_info(raw), times=True).files
    assert (stat.S_IMODE(mode or 0), modified) == (0o777, None)
