from __future__ import annotations

from pathlib import Path

import pytest

from filesend_tui.core.errors import BadMetadata
from filesend_tui.core.people.offer import choose, make_request
from filesend_tui.core.torrent.making import make_torrent, scan
from filesend_tui.core.torrent.metainfo import TorrentFile, TorrentInfo
from filesend_tui.core.torrent.storage import Layout
from filesend_tui.core.wire.shape import TorrentShape
from relay.protocol import OfferedFile


def offered(*files: tuple[str, int]) -> list[OfferedFile]:
    return [OfferedFile(path=path, size=size) for path, size in files]


def torrent(name: str, *files: tuple[tuple[str, ...], int], single: bool = False) -> TorrentInfo:
    entries = tuple(TorrentFile(path, size, 0) for path, size in files)
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
    assert choose(request_files, accepted, info) == (wanted, layout)


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
