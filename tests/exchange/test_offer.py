from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.errors import BadMetadata, BadSource
from filesend_tui.core.exchange import offer
from filesend_tui.core.exchange.offer import choose, extras, make_request, why_odd
from filesend_tui.core.exchange.offered import Asked
from filesend_tui.core.torrent.metainfo.attributes import NOTHING, Attributes
from filesend_tui.core.torrent.metainfo.info import TorrentFiles, TorrentInfo
from filesend_tui.core.torrent.sources.create import make_torrent, scan
from filesend_tui.core.torrent.storage.download_files import Layout
from filesend_tui.core.torrent.storage.paths import Folding, lay_out
from filesend_tui.core.torrent.torrent import Choice
from filesend_tui.core.wire.shape import TorrentShape
from relay.protocol.words import MAX_TIME, FileRequest, OfferedFile, OfferedFolder, parse, to_wire


def offered(*files: tuple[str, int]) -> list[OfferedFile]:
    return [OfferedFile(path=path, size=size) for path, size in files]


def torrent(name: str, *files: tuple[tuple[str, ...], int], single: bool = False) -> TorrentInfo:
    entries = TorrentFiles()
    for path, size in files:
        entries.add(path, size)
    shape = TorrentShape(1, 16384, 1)
    return TorrentInfo(bytes(20), name, entries, shape, bytes(20), b"", single)


@pytest.mark.parametrize(
    ("request_files", "info", "layout", "wanted"),
    [
        (
            offered(("a.txt", 1)),
            torrent("a.txt", (("a.txt",), 1), single=True),
            Layout.FOLDER,
            (True,),
        ),
        (
            offered(("d/a", 1), ("d/b/c", 2)),
            torrent("d", (("a",), 1), (("b", "c"), 2)),
            Layout.FOLDER,
            (True, False),
        ),
        (
            offered(("a", 1), ("b", 2)),
            torrent("2 files", (("a",), 1), (("b",), 2)),
            Layout.LOOSE,
            (True, False),
        ),
        (
            offered(("a", 1), ("d/b", 2)),
            torrent("a", (("a",), 1), (("d", "b"), 2)),
            Layout.LOOSE,
            (True, False),
        ),
    ],
)
def test_what_was_offered_is_chosen(
    request_files: list[OfferedFile], info: TorrentInfo, layout: Layout, wanted: tuple[bool, ...]
) -> None:
    accepted = [i == 0 for i in range(len(request_files))]
    assert choose(request_files, accepted, info) == Choice(wanted, layout, NOTHING)


@pytest.mark.parametrize(
    ("request_files", "info"),
    [
        # A file alone is not a folder that holds it, nor the other way round.
        (offered(("a", 1)), torrent("b", (("b",), 1), single=True)),
        (offered(("d/a", 1)), torrent("a", (("a",), 1), single=True)),
        # One part that holds a slash is not two parts.
        (offered(("d/a", 1)), torrent("x", (("d/a",), 1))),
        (offered(("d/a/b", 1)), torrent("d", (("a/b",), 1))),
        (offered(("d/a", 1)), torrent("d/a", (("d/a",), 1), single=True)),
        # The same letters spelled otherwise are another name.
        (offered(("e\u0301", 1)), torrent("\u00e9", (("\u00e9",), 1), single=True)),
        (offered(("A", 1)), torrent("a", (("a",), 1), single=True)),
        # Neither more, fewer, doubled nor other files.
        (offered(("d/a", 1), ("d/b", 1)), torrent("d", (("a",), 1))),
        (offered(("d/a", 1)), torrent("d", (("a",), 1), (("b",), 1))),
        (offered(("d/a", 1), ("d/b", 1)), torrent("d", (("a",), 1), (("a",), 1))),
        (offered(("d/a", 1), ("d/b", 2)), torrent("d", (("a",), 2), (("b",), 1))),
        (offered(("d/a", 1)), torrent("d", (("..", "d", "a"), 1))),
        # Nor the same in another order.
        (offered(("d/a", 1), ("d/b", 1)), torrent("d", (("b",), 1), (("a",), 1))),
    ],
)
def test_what_was_not_offered_is_refused(
    request_files: list[OfferedFile], info: TorrentInfo
) -> None:
    with pytest.raises(BadMetadata, match="not what was offered"):
        choose(request_files, [True] * len(request_files), info)


@pytest.mark.parametrize("chosen", [["f"], ["d"], ["f", "d"], ["d", "e"], ["f", "g"]])
def test_what_is_made_of_the_same_files_is_what_was_offered(
    chosen: list[str], tmp_path: Path
) -> None:
    for name in ("f", "g", "d/one e\u0301", "d/deep/🎈", "e/one"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    paths = [tmp_path / name for name in chosen]
    sources = scan(paths)
    request = make_request(sources)
    info = make_torrent(sources, salt=request.id)
    choice = choose(request.files, [True] * len(request.files), info)
    assert choice.wanted == (True,) * len(info.files)
    assert choice.layout is (Layout.FOLDER if len(chosen) == 1 else Layout.LOOSE)


def test_two_requests_for_the_same_files_have_their_own_ids(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    sources = scan([tmp_path / "f"])
    ids = {make_request(sources).id for _ in range(20)}
    assert len(ids) == 20


# --- what is kept beside names and bytes


def _kept(
    files: list[str], folders: list[str], accepted: list[bool] | None = None
) -> dict[str, Attributes]:
    made = extras(
        offered(*((path, 1) for path in files)),
        [OfferedFolder(path=path, mode=0o700) for path in folders],
        accepted or [True] * len(files),
    )
    assert len(made.files) == len(files)
    return {"/".join(folder.parts): folder.attributes for folder in made.folders}


def test_every_folder_comes_along_where_everything_was_accepted() -> None:
    folders = ["d", "d/e", "d/e/f", "x", "d/full"]
    assert set(_kept(["d/full/a"], folders)) == set(folders)


def test_of_a_part_only_folders_beside_it_come_along() -> None:
    folders = ["d", "d/empty", "d/empty/deep", "e", "e/empty", "top"]
    assert set(_kept(["d/a", "e/b"], folders, [True, False])) == {"d", "d/empty", "d/empty/deep"}


def test_a_request_says_what_is_kept(tmp_path: Path) -> None:
    for name in ("d/empty", "d/full"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "d" / "full" / "f").write_text("x")
    then = 1_600_000_000_000_000_000
    os.utime(tmp_path / "d" / "full" / "f", ns=(then, then))
    os.utime(tmp_path / "d" / "empty", ns=(-(10**18), -(10**18)))  # before 1970
    request = make_request(scan([tmp_path / "d"]))
    assert isinstance(request, FileRequest)
    assert request.files[0].modified == then
    assert [folder.path for folder in request.folders] == ["d", "d/empty", "d/full"]
    assert request.folders[1].modified is None
    assert parse(FileRequest, to_wire(request)) == request


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permissions of this kind")
def test_where_there_is_no_room_times_go_before_privacy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("d/private", "d/full", "d/empty"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "d").chmod(0o755)
    (tmp_path / "d" / "private").chmod(0o700)
    for name in ("d/full/f", "d/private/g"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o600)
    found = scan([tmp_path / "d"])
    monkeypatch.setattr(offer, "MAX_CONTENT", len(msgspec.json.encode(make_request(found))) - 1)
    request = make_request(found)
    assert isinstance(request, FileRequest)
    assert [file.mode for file in request.files] == [0o600, 0o600]
    assert [file.modified for file in request.files] == [None, None]
    assert [folder.path for folder in request.folders] == ["d/empty", "d/private"]
    monkeypatch.setattr(offer, "MAX_CONTENT", len(msgspec.json.encode(request)) - 1)
    assert isinstance(make_request(found), Asked)  # in parts there is room
    monkeypatch.setattr(offer, "MOST_NAMES", 20)
    with pytest.raises(BadSource, match="too long for one request"):
        make_request(found)


ODD: dict[str, tuple[list[str], list[str]]] = {
    "a file twice": (["a", "a"], []),
    "a folder that is a file": (["d/a"], ["d/a"]),
    "a folder below a file": (["d/a"], ["d/a/b/c"]),
    "too deep": (["a"], ["/".join("x" * 65)]),
    "too many on the way": (["a"], [f"{n}/" + "/".join("x" * 60) for n in range(400)]),
}


@pytest.mark.parametrize(("files", "folders"), ODD.values(), ids=ODD)
def test_what_could_not_be_laid_out_is_refused_unseen(files: list[str], folders: list[str]) -> None:
    request = FileRequest(
        id="0" * 16,
        files=offered(*((path, 1) for path in files)),
        folders=[OfferedFolder(path=path) for path in folders],
    )
    assert why_odd(request).startswith("The request names")


def test_odd_names_alone_are_mended_and_not_refused() -> None:
    request = FileRequest(
        id="0" * 16,
        files=offered(("d/a", 1), ("../b", 1)),
        folders=[OfferedFolder(path=path) for path in ("d", "d", "..", "/", "a//b", "x/")],
    )
    assert why_odd(request) == ""


@pytest.mark.parametrize(
    "field",
    [
        {"mode": 0o1000},
        {"mode": 0o4755},
        {"mode": -1},
        {"mode": "rwx"},
        {"modified": -1},
        {"modified": 2**63},
        {"modified": MAX_TIME + 1},
        {"modified": 1.5},
    ],
    ids=str,
)
def test_hostile_values_are_no_request(field: dict[str, object]) -> None:
    for entry in ("files", "folders"):
        said: dict[str, object] = {"id": "0" * 16, "files": [{"path": "a", "size": 1}]}
        said[entry] = [{"path": "b", "size": 1} | field]
        with pytest.raises(msgspec.ValidationError):
            parse(FileRequest, said)


NAMES = st.sampled_from(["a", "A", "b", "", ".", "..", "con", "x y", "é", "e\u0301", "a/b", "\0"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join).filter(bool)
REQUESTS = st.builds(
    lambda files, folders: FileRequest(
        id="0" * 16,
        files=offered(*((path, 1) for path in files)),
        folders=[OfferedFolder(path=path, mode=0o755) for path in folders],
    ),
    st.lists(PATHS, min_size=1, max_size=6),
    st.lists(PATHS, max_size=6),
)


@given(REQUESTS, st.data())
def test_whatever_is_offered_is_refused_or_laid_out_apart(
    request: FileRequest, data: st.DataObject
) -> None:
    accepted = data.draw(st.lists(st.booleans(), min_size=len(request.files)))[: len(request.files)]
    if why_odd(request):
        return
    files = [tuple(file.path.split("/")) for file in request.files]
    # What a torrent may not hold is refused there: a file where another file's folder is.
    if any(one == other[: len(one)] for one in files for other in files if one is not other):
        return
    made = extras(request.files, request.folders, accepted)
    wanted = [path for path, yes in zip(files, accepted, strict=True) if yes]
    folders = [folder.parts for folder in made.folders]
    same = Folding(case=True, form=True)
    places = lay_out(wanted, same, folders=folders)
    of_files = [tuple(map(same.key, place)) for place in places[: len(wanted)]]
    of_folders = {tuple(map(same.key, place)) for place in places[len(wanted) :]}
    assert len(set(of_files)) == len(of_files)
    assert of_folders.isdisjoint(of_files)
    assert len(of_folders) == len(set(folders))
    for place in places:
        assert not set(place) & {"", ".", ".."}
