from __future__ import annotations

import hashlib
from typing import Any

import bencode2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.errors import BadMetadata
from filesend_tui.core.torrent.metainfo import info
from filesend_tui.core.torrent.metainfo.info import parse_info
from filesend_tui.core.wire.shape import MAX_METADATA

PIECE = 16 * 1024


def _single(**changes: Any) -> dict[bytes, Any]:
    info: dict[bytes, Any] = {
        b"length": PIECE + 1,
        b"name": b"a.txt",
        b"piece length": PIECE,
        b"pieces": bytes(40),
    }
    for key, value in changes.items():
        info[key.replace("_", " ").encode()] = value
    return {key: value for key, value in info.items() if value is not None}


def _multi(*files: dict[bytes, Any], **changes: Any) -> dict[bytes, Any]:
    total = sum(max(0, f.get(b"length", 0)) for f in files)
    pieces = bytes(20 * -(-total // PIECE))
    return _single(**{"length": None, "files": list(files), "pieces": pieces, **changes})


def _file(*path: bytes, length: int = 1, **more: Any) -> dict[bytes, Any]:
    return {
        b"length": length,
        b"path": list(path),
        **{key.replace("_", " ").encode(): value for key, value in more.items()},
    }


def test_a_single_file_is_read() -> None:
    raw = bencode2.bencode(_single())
    info = parse_info(raw, info_hash=hashlib.sha1(raw).digest())
    assert (info.name, info.single, info.raw) == ("a.txt", True, raw)
    assert [(f.path, f.length, f.offset) for f in info.files] == [(("a.txt",), PIECE + 1, 0)]
    assert (info.shape.piece_count, info.shape.piece_length) == (2, PIECE)
    assert info.shape.total_length == PIECE + 1
    assert info.info_hash == hashlib.sha1(raw).digest()


def test_files_lie_behind_one_another_and_pads_are_marked() -> None:
    info = parse_info(
        bencode2.bencode(
            _multi(
                _file(b"x", b"a", length=5),
                _file(b".pad", b"11", length=11, attr=b"p"),
                _file(b"empty", length=0),
                _file(b".pad", b"11", length=11, attr=b"p"),
                _file(b"b", length=7, attr=b"x"),
            )
        )
    )
    assert [f.offset for f in info.files] == [0, 5, 16, 16, 27]
    assert [f.pad for f in info.files] == [False, True, False, True, False]
    assert not info.single
    assert info.shape.total_length == 34


def test_programs_are_read_as_quickly_as_other_files_and_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [
        _file(b"x", b"%d" % n, length=n, **({"attr": b"x"} if n % 3 else {})) for n in range(9)
    ]
    slow = parse_info(bencode2.bencode(_multi(*files, _file(b"y", attr=b"", mtime=1_600_000_000))))
    monkeypatch.setattr(info, "_files", None)  # of the slow way
    quick = parse_info(bencode2.bencode(_multi(*files, _file(b"y"))))
    assert list(quick.files)[:-1] == list(slow.files)[:-1]
    assert [file.executable for file in quick.files] == [*(n % 3 > 0 for n in range(9)), False]
    assert (slow.files[9].modified, quick.files[9].modified) == (1_600_000_000, None)
    assert slow.files != quick.files


def test_a_torrent_of_empty_files_has_no_pieces() -> None:
    info = parse_info(bencode2.bencode(_single(length=0, pieces=b"")))
    assert (info.shape.piece_count, info.shape.total_length) == (0, 0)


def test_names_stay_raw_and_broken_utf8_shows() -> None:
    info = parse_info(
        bencode2.bencode(_multi(_file(b"..", b"a/b\x00c"), _file(b""), _file(b"\xff"), name=b"/x"))
    )
    assert [f.path for f in info.files] == [("..", "a/b\0c"), ("",), ("\ufffd",)]
    assert info.name == "/x"


def test_a_hybrid_is_read_as_version_1() -> None:
    assert parse_info(bencode2.bencode(_single(meta_version=2, file_tree={}))).single


@pytest.mark.parametrize(
    ("info", "words"),
    [
        pytest.param([], "not a dictionary", id="list"),
        pytest.param(_single(name=None), "'name'", id="no name"),
        pytest.param(_single(name=5), "'name'", id="name is a number"),
        pytest.param(_single(name=b"a" * 2049), "too long", id="long name"),
        pytest.param(_single(piece_length=b"1"), "'piece length'", id="piece length is text"),
        pytest.param(_single(piece_length=0), "pieces of 0", id="piece length 0"),
        pytest.param(_single(piece_length=-PIECE), "pieces of -", id="piece length negative"),
        pytest.param(_single(piece_length=2**25), "pieces of", id="piece too long for memory"),
        pytest.param(_single(pieces=bytes(39)), "one hash", id="pieces cut off"),
        pytest.param(_single(pieces=bytes(60)), "one hash", id="a piece too many"),
        pytest.param(_single(pieces=None), "'pieces'", id="no pieces"),
        pytest.param(_single(pieces=None, meta_version=2, file_tree={}), "version 2", id="v2 only"),
        pytest.param(_single(length=-1), "of -1 bytes", id="negative length"),
        pytest.param(_single(length=10**4000), "absurdly", id="huge length"),
        pytest.param(_single(length=None), "either", id="neither file nor files"),
        pytest.param(_single(files=[_file(b"a")]), "either", id="both"),
        pytest.param(_multi(), "lists 0", id="no files"),
        pytest.param(_single(length=None, files={}), "'files'", id="files is a dict"),
        pytest.param(_single(length=None, files=[1]), "not a dictionary", id="file is a number"),
        pytest.param(_multi(_file(b"a", length=-1), _file(b"b")), "of -1", id="negative in list"),
        pytest.param(_multi(_file()), "usable path", id="empty path"),
        pytest.param(_multi(_file(b"a") | {b"path": b"a"}), "'path'", id="path is text"),
        pytest.param(_multi(_file(b"a") | {b"path": [1]}), "usable path", id="part is a number"),
        pytest.param(_multi(_file(*[b"d"] * 65)), "usable path", id="deep path"),
        pytest.param(_multi(_file(*[b"d" * 200] * 20)), "too long", id="long path"),
        pytest.param(_multi(_file(b"a", b"b"), _file(b"a", b"b")), "twice", id="same path"),
        pytest.param(_multi(_file(b"a"), _file(b"a", b"b")), "folder", id="file then folder"),
        pytest.param(_multi(_file(b"a", b"b", b"c"), _file(b"a")), "folder", id="folder then file"),
        pytest.param(_multi(_file(b"a", attr=b"l")), "symbolic", id="symlink attribute"),
        pytest.param(_multi(_file(b"a", symlink_path=[b"x"])), "symbolic", id="symlink path"),
        pytest.param(_multi(_file(b"a", attr=5)), "symbolic", id="attribute is a number"),
    ],
)
def test_what_cannot_be_laid_out_is_refused(info: Any, words: str) -> None:
    with pytest.raises(BadMetadata, match=words):
        parse_info(_encode(info))


def _encode(info: Any) -> bytes:
    """Bencode for numbers beyond what the library takes, too."""
    if isinstance(info, int):
        return b"i" + _digits(info) + b"e"
    if isinstance(info, bytes):
        return b"%d:%s" % (len(info), info)
    if isinstance(info, list):
        return b"l" + b"".join(map(_encode, info)) + b"e"
    return b"d" + b"".join(_encode(k) + _encode(v) for k, v in sorted(info.items())) + b"e"


def _digits(number: int) -> bytes:
    return str(number).encode() if abs(number) < 10**4000 else b"1" + b"0" * 4000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"i1e",
        b"l" * 4_000_000,
        b"d1:a" * 100_000,
        b"i" + b"9" * 1_000_000 + b"e",
        b"d4:name5:a.txt",
        b"d1:b0:1:a0:e",
        bencode2.bencode(_single()) + b"x",
    ],
    ids=["empty", "int", "deep lists", "deep dicts", "huge int", "cut", "unsorted", "tail"],
)
def test_what_is_no_bencoded_dictionary_is_refused(raw: bytes) -> None:
    with pytest.raises(BadMetadata):
        parse_info(raw)


def test_other_metadata_than_asked_for_is_refused() -> None:
    with pytest.raises(BadMetadata, match="asked for"):
        parse_info(bencode2.bencode(_single()), info_hash=bytes(20))


def test_size_and_counts_are_bounded_before_objects_are_built() -> None:
    with pytest.raises(BadMetadata, match="too large"):
        parse_info(bytes(MAX_METADATA + 1))
    with pytest.raises(BadMetadata, match="too large"):
        parse_info(b"l" + b"de" * 3_000_000 + b"e")
    files = [_file(b"%d" % number, length=0) for number in range(info.MAX_FILES + 1)]
    with pytest.raises(BadMetadata, match="more than 200000 files"):
        parse_info(bencode2.bencode(_multi(*files)))
    assert len(parse_info(bencode2.bencode(_multi(*files[1:]))).files) == info.MAX_FILES


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    with pytest.raises(BadMetadata):
        parse_info(raw)


_values = st.recursive(
    st.integers() | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([b"length", b"path", b"attr"]), inner)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from([b"name", b"length", b"files", b"piece length", b"pieces"]), _values
    )
)
def test_wrong_types_anywhere_are_refused_or_read(changes: dict[bytes, Any]) -> None:
    raw = _encode(_single() | changes)
    try:
        info = parse_info(raw)
    except BadMetadata:
        return
    assert info.shape.total_length == sum(f.length for f in info.files)
