"""Requests of many files: as columns, and in parts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from filesend_tui.core.exchange import offer, offered
from filesend_tui.core.exchange.offered import Asked, Lists, OfferedFiles, in_parts
from filesend_tui.core.torrent.sources.create import make_torrent
from relay.protocol import words
from relay.protocol.words import OfferedFile, OfferedFolder, OfferedLink
from tests.torrent.lab import write_tree

ID = "0123456789abcdef"
#: Files with all that one can have, or lack.
FILES = [
    OfferedFile(path=f"d/é {n % 7}/{n:05}", size=n, mode=n % 0o777, modified=n or None)
    for n in range(12_000)
] + [OfferedFile(path="z", size=2**53), OfferedFile(path="zz/ü", size=0, modified=0, mode=0)]
FILES[7_000] = msgspec.structs.replace(FILES[7_000], holes=6_000)
FOLDERS = tuple(OfferedFolder(path=f"e/{n}", mode=0o700) for n in range(6_000))
LINKS = (
    *(OfferedLink(path=f"d/{n}", to="z" * (n % 900 + 1)) for n in range(5_500)),
    OfferedLink(path="zzz", to="z", hard=True),
)


def test_a_request_in_parts_is_what_was_asked() -> None:
    parts = list(in_parts(Asked(ID, OfferedFiles(FILES), FOLDERS, others=3, links=LINKS)))
    assert len(parts) > 3
    lists = Lists()
    heard = [
        lists.take(msgspec.json.decode(msgspec.json.encode(part), type=words.FileRequest))
        for part in parts
    ]
    assert heard[:-1] == [None] * (len(parts) - 1)
    assert heard[-1] is not None
    assert list(heard[-1].files) == FILES
    assert heard[-1].folders == FOLDERS
    assert heard[-1].links == LINKS
    assert heard[-1].others == 3
    assert lists.files == 0
    assert offered.programs(heard[-1].files) == offered.programs(FILES) > 0
    assert list(offered.without_holes(heard[-1].files)) == list(offered.without_holes(FILES))


def test_only_a_part_with_holes_tells_of_any() -> None:
    parts = in_parts(Asked(ID, OfferedFiles(FILES), FOLDERS, links=LINKS))
    told = [len(offered._unpack(part.packed).holes) for part in parts]
    assert [count for count in told if count] == [offered.PART_FILES]


def test_no_part_comes_near_its_bounds() -> None:
    files = OfferedFiles(OfferedFile(path=f"{n:06}" + "ü" * 1000, size=n) for n in range(3_000))
    parts = list(in_parts(Asked(ID, files)))
    assert len(parts) > 10
    assert max(len(part.packed) for part in parts) < words.MAX_PART
    for part in parts:
        assert len(offered._unpack(part.packed).paths) <= offered.PART_FILES


def test_what_one_word_does_not_hold_is_asked_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path, {f"album/{n % 3}/{n}": bytes(n) for n in range(20)})
    (tmp_path / "album" / "empty").mkdir()
    found = offer.look_through([tmp_path / "album"])
    one = offer.make_request(found)
    assert isinstance(one, words.FileRequest)
    monkeypatch.setattr(offer, "MAX_FILES", 19)
    many = offer.make_request(found)
    assert isinstance(many, Asked)
    assert list(many.files) == one.files
    assert list(many.folders) == one.folders
    assert not offer.why_odd(many)
    choice = offer.choose(many.files, (True,) * 20, make_torrent(found, salt=ID))
    assert choice.wanted == (True,) * 20
