"""What a person approved is what arrives, and nothing else is even begun."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bencode2
import msgspec
import pytest

from filesend_tui.core import events as e
from filesend_tui.core.errors import BadMetadata
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.people import offer
from filesend_tui.core.torrent import engine as engine_module
from filesend_tui.core.torrent.metainfo import TorrentInfo, parse_info
from relay.protocol import FileRequest, OfferedFile
from tests.conftest import RunningRelay
from tests.core.test_client import pair, yes
from tests.torrent.lab import read_tree, write_tree

FILES = {"d/a": b"a" * 40_000, "d/b": b"b" * 20_000, "d/empty": b""}
Offered = list[OfferedFile]


def _renamed(files: Offered) -> Offered:
    return [OfferedFile(path="d/harmless", size=files[0].size), *files[1:]]


def _smaller(files: Offered) -> Offered:
    return [OfferedFile(path=files[0].path, size=1), *files[1:]]


LIES: dict[str, Callable[[Offered], Offered]] = {
    "another name": _renamed,
    "a smaller size": _smaller,
    "one file less": lambda files: files[:-1],
    "one file more": lambda files: [*files, OfferedFile(path="d/more", size=0)],
    "another order": lambda files: files[::-1],
    "another folder": lambda files: [
        OfferedFile(path=f.path.replace("d/", "D/"), size=f.size) for f in files
    ],
}


@pytest.mark.parametrize("lie", list(LIES))
async def test_a_torrent_that_is_not_what_was_approved_is_refused(
    relay: RunningRelay, tmp_path: Path, lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = offer.make_request

    def make_request(paths: list[Path]) -> FileRequest:
        request = honest(paths)
        return msgspec.structs.replace(request, files=LIES[lie](request.files))

    monkeypatch.setattr(offer, "make_request", make_request)
    await _is_refused(relay, tmp_path)


Info = dict[str, Any]


def _file(info: Info, number: int, **changes: object) -> Info:
    files = [entry | changes if n == number else entry for n, entry in enumerate(info["files"])]
    return info | {"files": files}


def _padded(info: Info) -> Info:
    pad = {"attr": "p", "length": 0, "path": [".pad", "0"]}
    return info | {"files": [pad, *info["files"]]}


TRICKS: dict[str, Callable[[Info], Info]] = {
    "an approved file is only padding": lambda info: _file(info, 1, attr="p"),
    "padding that nobody was shown": _padded,
    "a file is a symbolic link": lambda info: _file(info, 2, attr="l", **{"symlink path": ["x"]}),
    "a file is twice": lambda info: info | {"files": [*info["files"], info["files"][2]]},
    "a path out of the folder": lambda info: _file(info, 2, path=["..", "d", "empty"]),
}


def _doctored(trick: Callable[[Info], Info], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine's torrents be described otherwise than their files are."""
    honest = engine_module.make_torrent

    def make_torrent(*args: Any, **options: Any) -> TorrentInfo:
        raw = bencode2.bdecode(honest(*args, **options).raw)
        info = {key.decode(): value for key, value in raw.items()}
        info["files"] = [{k.decode(): v for k, v in entry.items()} for entry in info["files"]]
        described = bencode2.bencode(trick(info))
        try:
            return parse_info(described)
        except BadMetadata:
            # A description that this program would not even seed: it is served all the same.
            own = honest(*args, **options)
            digest = hashlib.sha1(described).digest()
            return dataclasses.replace(own, info_hash=digest, raw=described)

    monkeypatch.setattr(engine_module, "make_torrent", make_torrent)


@pytest.mark.parametrize("trick", list(TRICKS))
async def test_a_description_with_more_to_it_than_was_shown_is_refused(
    relay: RunningRelay, tmp_path: Path, trick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _doctored(TRICKS[trick], monkeypatch)
    await _is_refused(relay, tmp_path)


async def _is_refused(relay: RunningRelay, tmp_path: Path) -> None:
    write_tree(tmp_path / "src", FILES)
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "d"])
        await yes(bob)
        assert await bob.ended(transfer) is TransferPhase.FAILED
        assert await ann.ended(transfer) is TransferPhase.CANCELLED
        (error,) = bob.of(e.Error, code="badMetadata")
        assert "do not trust" in error.hint
        assert not bob.of(e.DownloadComplete)
        assert not bob.of(e.Metadata)
    # Neither a file nor a folder, not even for a moment's part files.
    assert not (tmp_path / "bob").exists()


async def test_attributes_change_nothing(
    relay: RunningRelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _doctored(lambda info: _file(info, 0, attr="xh"), monkeypatch)
    write_tree(tmp_path / "src", FILES)
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "d"])
        await yes(bob)
        assert await bob.ended(transfer) is TransferPhase.DONE
    assert read_tree(tmp_path / "bob") == FILES
    assert not (tmp_path / "bob" / "d" / "a").stat().st_mode & 0o111
