"""The offer of a request: made from files here, and compared with the torrent that arrives.

Nothing is sent or fetched here.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec

from filesend_tui.core.errors import BadMetadata, BadSource
from filesend_tui.core.torrent.metainfo.attributes import Attributes, Extras, Folder
from filesend_tui.core.torrent.metainfo.info import MAX_PATH_PARTS, TorrentInfo
from filesend_tui.core.torrent.sources.create import Found, scan
from filesend_tui.core.torrent.sources.scan import Bounds, SourceFile
from filesend_tui.core.torrent.storage.download_files import Layout
from filesend_tui.core.torrent.torrent import Choice
from relay.protocol.words import (
    MAX_CONTENT,
    MAX_FILES,
    MAX_FOLDERS,
    MAX_PATH,
    MAX_TIME,
    FileRequest,
    OfferedFile,
    OfferedFolder,
)

#: The bounds of one request.
BOUNDS: Final = Bounds(MAX_FILES, MAX_PATH)


def look_through(chosen: Collection[Path] | Found, *, skip: bool = False) -> Found:
    """Return what a person chose to send, as it is now. Blocking.

    Args:
        chosen: What was chosen; or an earlier result, to be checked again.
        skip: Leave out what cannot be sent; an earlier result keeps its own setting.

    Raises:
        BadSource: Something cannot be sent, or it is too much for one request; see scan.
    """
    if isinstance(chosen, Found):
        return look_through(chosen.chosen, skip=chosen.skip)
    found = scan(chosen, bounds=BOUNDS, skip=skip)
    make_request(found)
    return found


def make_request(sources: Sequence[SourceFile]) -> FileRequest:
    """Return the request for these files, in the order in which their torrent will have them.

    Raises:
        BadSource: It is too much for one request.
    """
    empty = sources.empty_folders if isinstance(sources, Found) else ()
    all_folders = sources.folders if isinstance(sources, Found) else ()
    needed = {folder.parts for folder in empty}
    request = FileRequest(
        id=secrets.token_hex(8),
        files=[OfferedFile(path=s.name, size=s.size, **_kept(s.attributes)) for s in sources],
        folders=[OfferedFolder(path=f.name, **_kept(f.attributes)) for f in all_folders],
    )
    if _size(request) > MAX_CONTENT:
        # Times, and folders that paths of files imply, can be left out; private modes cannot.
        request = msgspec.structs.replace(
            request,
            files=[msgspec.structs.replace(file, modified=None) for file in request.files],
            folders=[
                OfferedFolder(path=f.name, mode=f.attributes.mode)
                for f in all_folders
                if f.parts in needed or f.attributes.is_private
            ],
        )
    if _size(request) > MAX_CONTENT:
        raise BadSource(
            f"The names of these {len(sources):,} files are too long for one request.",
            "Put them into an archive (zip or tar) and send that.",
        )
    return request


def _size(request: FileRequest) -> int:
    return len(msgspec.json.encode(request))


def _kept(attributes: Attributes) -> dict[str, int | None]:
    """Return the attributes in an offer of a file or folder; without a time out of bounds."""
    modified = attributes.modified_ns
    sayable = modified is not None and 0 <= modified <= MAX_TIME
    return {"mode": attributes.mode, "modified": modified if sayable else None}


def why_odd(request: FileRequest) -> str:
    """Return why a partner's offer cannot be laid out on a disk; empty if it can."""
    files = {file.path for file in request.files}
    if len(files) != len(request.files):
        return "The request names a file twice."
    seen: set[str] = set()
    for folder in request.folders:
        path = folder.path
        if path.count("/") >= MAX_PATH_PARTS:
            return "The request names a folder too deep."
        while path and path not in seen:
            if path in files:
                return "The request names a file where it also has a folder."
            seen.add(path)
            path = path.rpartition("/")[0]
    if len(seen) > MAX_FOLDERS:
        return "The request names too many folders."
    return ""


def extras(
    offered: Sequence[OfferedFile], folders: Sequence[OfferedFolder], accepted: Sequence[bool]
) -> Extras:
    """Return the attributes that accepted files keep, and the folders to make.

    A folder is made if it contains an accepted file, if it is in a folder that is made, or if
    everything was accepted.
    """
    files = tuple(Attributes(file.mode, file.modified) for file in offered)
    made: set[tuple[str, ...]] = set()
    for file, yes in zip(offered, accepted, strict=True):
        way = tuple(file.path.split("/"))[:-1] if yes else ()
        while way and way not in made:
            made.add(way)
            way = way[:-1]
    kept: list[Folder] = []
    for folder in sorted(folders, key=lambda folder: folder.path.count("/")):
        parts = tuple(folder.path.split("/"))
        if all(accepted) or parts in made or parts[:-1] in made:
            made.add(parts)
            kept.append(Folder(parts, Attributes(folder.mode, folder.modified)))
    return Extras(files, tuple(kept))


def choose(offered: Sequence[OfferedFile], accepted: Sequence[bool], info: TorrentInfo) -> Choice:
    """Return what to fetch of a torrent: the accepted files, if it matches the offer exactly.

    The torrent must list the same files in the same order: names compared part by part and exactly,
    and sizes. Padding (BEP 47) was never offered, so a torrent with any does not match.

    Raises:
        BadMetadata: The torrent has other files than were offered, or other sizes.
    """
    approved = [(tuple(file.path.split("/")), file.size) for file in offered]
    # A single folder is offered with the torrent's name in front; several things are not.
    layouts = [(Layout.FOLDER, () if info.single else (info.name,))]
    if not info.single:
        layouts.append((Layout.LOOSE, ()))
    for layout, root in layouts:
        came = [((*root, *file.path), file.length) for file in info.files]
        if came == approved and not any(file.pad for file in info.files):
            return Choice(tuple(accepted), layout)
    raise BadMetadata("The torrent that came is not what was offered.")
