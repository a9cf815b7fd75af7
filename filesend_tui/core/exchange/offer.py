"""The offer of a request: made from files here, and compared with the torrent that arrives.

Nothing is sent or fetched here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain, compress
from operator import eq
from pathlib import Path
from typing import Final

import msgspec

from filesend_tui.core.choices import SENDING, Sending
from filesend_tui.core.errors import BadMetadata, BadSource
from filesend_tui.core.exchange import offered_links
from filesend_tui.core.exchange.offered import MOST_NAMES, Asked, OfferedFiles, paths, sizes
from filesend_tui.core.torrent.metainfo.attributes import Attributes, Extras, Folder
from filesend_tui.core.torrent.metainfo.info import MAX_PATH_PARTS, TorrentInfo
from filesend_tui.core.torrent.sources.create import Found, is_as_found, scan
from filesend_tui.core.torrent.sources.scan import Bounds
from filesend_tui.core.torrent.sources.source_files import SourceFiles
from filesend_tui.core.torrent.storage.arrival.existing import Arrives, Existing, look
from filesend_tui.core.torrent.storage.download_files import Layout
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.torrent import Choice
from relay.protocol.words import (
    MAX_CONTENT,
    MAX_FILES,
    MAX_FOLDERS,
    MAX_LINKS,
    MAX_PATH,
    MAX_SIZE,
    MAX_TIME,
    MOST_FILES,
    MOST_FOLDERS,
    FileRequest,
    OfferedFile,
    OfferedFolder,
    OfferedLink,
)

#: The bounds of one request.
BOUNDS: Final = Bounds(MOST_FILES, MAX_PATH, MAX_LINKS)


def look_through(chosen: Collection[Path] | Found, *, sending: Sending = SENDING) -> Found:
    """Return what a person chose to send, as it is now. Blocking.

    Args:
        chosen: What was chosen; or an earlier result, to be checked again.
        sending: How it is found and sent; an earlier result keeps its own.

    Raises:
        BadSource: Something cannot be sent, or it is too much for one request; see scan.
    """
    if isinstance(chosen, Found):
        if is_as_found(chosen):
            return chosen
        again = look_through(chosen.chosen, sending=chosen.sending)
        return chosen if again == chosen else again  # whoever has it need not have it twice
    found = scan(chosen, bounds=BOUNDS, sending=sending)
    make_request(found)
    return found


def make_request(found: Found, others: int = 0) -> FileRequest | Asked:
    """Return the request for these files, in the order in which their torrent will have them.

    What one word does not hold is an Asked, which goes in parts. others: how many other people are
    asked to take the same.

    Raises:
        BadSource: It is too much for one request.
    """
    times = found.sending.times
    id = secrets.token_hex(8)
    folders = [OfferedFolder(path=f.name, **_kept(f.attributes, times)) for f in found.folders]
    links = [
        OfferedLink(path="/".join(each.parts), to="/".join(each.to), hard=each.hard)
        for each in found.links
    ]
    if len(found) <= MAX_FILES and len(folders) <= MAX_FOLDERS:
        request = FileRequest(
            id=id,
            others=others,
            files=[
                OfferedFile(path=s.name, size=s.size, holes=s.holes, **_kept(s.attributes, times))
                for s in found
            ],
            folders=folders,
            links=links,
        )
        if _size(request) > MAX_CONTENT:
            # Times, and folders that paths of files imply, can be left out; private modes cannot.
            needed = {folder.parts for folder in found.empty_folders}
            request = msgspec.structs.replace(
                request,
                files=[msgspec.structs.replace(file, modified=None) for file in request.files],
                folders=[
                    OfferedFolder(path=f.name, mode=f.attributes.mode)
                    for f in found.folders
                    if f.parts in needed or f.attributes.is_private
                ],
            )
        if _size(request) <= MAX_CONTENT:
            return request
    files = SourceFiles.of(found)
    names = files.names.size + sum(len(folder.path) for folder in folders)
    if names + sum(len(link.path) + len(link.to) for link in links) > MOST_NAMES:
        raise BadSource(
            f"The names of these {len(found):,} files are too long for one request.",
            "Put them into an archive (zip or tar) and send that.",
        )
    sayable = (time if times and 0 <= time <= MAX_TIME else -1 for time in files.kept_times())
    columns = OfferedFiles.of_columns(
        files.names, files.sizes, files.holes, files.kept_modes(), sayable
    )
    return Asked(id, columns, tuple(folders), others, tuple(links))


def make_stream_request(name: str) -> FileRequest:
    """Return the request for a stream of this name.

    Raises:
        BadSource: That is no name of a file.
    """
    if not name or len(name) > MAX_PATH or "/" in name or "\0" in name or name in (".", ".."):
        raise BadSource(f"{name!r} is no name for a stream.", "Give it the name of a file.")
    file = OfferedFile(path=name, size=MAX_SIZE)
    return FileRequest(id=secrets.token_hex(8), files=[file], stream=True)


def _size(request: FileRequest) -> int:
    return len(msgspec.json.encode(request))


def _kept(attributes: Attributes, times: bool) -> dict[str, int | None]:
    """Return the attributes in an offer of a file or folder; without a time out of bounds."""
    modified = attributes.modified_ns
    sayable = times and modified is not None and 0 <= modified <= MAX_TIME
    return {"mode": attributes.mode, "modified": modified if sayable else None}


def why_odd(request: FileRequest | Asked) -> str:
    """Return why a partner's offer cannot be laid out on a disk; empty if it can."""
    files = set(paths(request.files))
    if request.stream and (len(files) != 1 or request.folders or "/" in request.files[0].path):
        return "A stream is one file, in no folder."
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
    if len(seen) > (MOST_FOLDERS if isinstance(request, Asked) else MAX_FOLDERS):
        return "The request names too many folders."
    return offered_links.why_odd(request.links, files, seen)


def extras(
    offered: Sequence[OfferedFile],
    folders: Sequence[OfferedFolder],
    accepted: Sequence[bool],
    *,
    links: Sequence[OfferedLink] = (),
    times: bool = True,
) -> Extras:
    """Return the attributes that accepted files keep, and the folders and links to make.

    A folder is made if it contains an accepted file, if it is in a folder that is made, or if
    everything was accepted. A link is made if what it leads to is. times: keep times, too.
    """
    files: Sequence[Attributes]
    if isinstance(offered, OfferedFiles):
        files = offered.kept(times=times)
    else:
        files = tuple(Attributes(f.mode, f.modified if times else None) for f in offered)
    made: set[tuple[str, ...]] = set()
    everything = all(accepted)
    last = ""
    for path, yes in zip(paths(offered), accepted, strict=True):
        above = path.rpartition("/")[0]
        if not yes or above == last:
            continue
        last = above
        way = tuple(above.split("/")) if above else ()
        while way and way not in made:
            made.add(way)
            way = way[:-1]
    kept: list[Folder] = []
    for folder in sorted(folders, key=lambda folder: folder.path.count("/")):
        parts = tuple(folder.path.split("/"))
        if everything or parts in made or parts[:-1] in made:
            made.add(parts)
            kept.append(Folder(parts, Attributes(folder.mode, folder.modified if times else None)))
    if not links:
        return Extras(files, tuple(kept))
    came = set(compress(paths(offered), accepted))
    came.update("/".join(parts) for parts in made)
    return Extras(files, tuple(kept), offered_links.made(links, came))


def existing(offered: Iterable[OfferedFile], folder: Path | Target) -> list[Existing]:
    """Return which of the offered files are in the folder already. Blocking."""
    try:
        target = Target.of(folder)
    except OSError:
        return []
    return look(
        target,
        (Arrives(tuple(file.path.split("/")), file.size, file.modified) for file in offered),
    )


def with_further_names(
    offered: Sequence[OfferedFile], links: Sequence[OfferedLink]
) -> tuple[Iterable[OfferedFile], dict[int, int]]:
    """Return the files with a file more for each further name, and which is whose, by number."""
    named = {link.to for link in links if link.hard}
    if not named:
        return offered, {}
    numbers = {file.path: number for number, file in enumerate(offered) if file.path in named}
    more: list[OfferedFile] = []
    further: dict[int, int] = {}
    for link in links:
        if link.hard and (number := numbers.get(link.to)) is not None:
            further[len(offered) + len(more)] = number
            more.append(msgspec.structs.replace(offered[number], path=link.path))
    return chain(offered, more), further


def choose(offered: Sequence[OfferedFile], accepted: Sequence[bool], info: TorrentInfo) -> Choice:
    """Return what to fetch of a torrent: the accepted files, if it matches the offer exactly.

    The torrent must list the same files in the same order: names compared part by part and exactly,
    and sizes. Padding (BEP 47) was never offered, so a torrent with any does not match.

    Raises:
        BadMetadata: The torrent has other files than were offered, or other sizes.
    """
    # A single folder is offered with the torrent's name in front; several things are not.
    layouts = [] if "/" in info.name else [(Layout.FOLDER, "" if info.single else f"{info.name}/")]
    if not info.single:
        layouts.append((Layout.LOOSE, ""))
    came = info.files
    if len(offered) == len(came) and not came.pads:
        sizes_alike = all(map(eq, sizes(offered), came.lengths))
        for layout, root in layouts:
            if sizes_alike and all(map(_is_alike(root), paths(offered), came.paths())):
                return Choice(tuple(accepted), layout)
    raise BadMetadata("The torrent that came is not what was offered.")


def _is_alike(root: str) -> Callable[[str, tuple[str, ...]], bool]:
    """Return whether an offered path is the torrent's, below `root`, part by part."""

    def is_alike(offered: str, path: tuple[str, ...]) -> bool:
        # A part with a separator in it would read like two.
        below = "/".join(path)
        return below.count("/") == len(path) - 1 and offered == root + below

    return is_alike
