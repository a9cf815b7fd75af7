"""What is offered in a request: made from files here, and held against the torrent that comes.

Nothing is asked, sent or fetched here.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec

from filesend_tui.core.errors import BadMetadata, BadSource
from filesend_tui.core.torrent.finding import Bounds, SourceFile
from filesend_tui.core.torrent.making import Found, scan
from filesend_tui.core.torrent.metainfo import TorrentInfo
from filesend_tui.core.torrent.storage import Layout
from filesend_tui.core.torrent.torrent import Choice
from relay.protocol import MAX_CONTENT, MAX_FILES, MAX_PATH, FileRequest, OfferedFile

#: What goes into one request.
BOUNDS: Final = Bounds(MAX_FILES, MAX_PATH)


def look_through(chosen: Collection[Path] | Found, *, skip: bool = False) -> Found:
    """Return what a person chose to send, as it is now. Blocking.

    Args:
        chosen: What was chosen; or what was found of it before, to be looked at once more.
        skip: Leave out what cannot be sent; of what was found, it is as it was then.

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
    request = FileRequest(
        id=secrets.token_hex(8),
        files=[OfferedFile(path="/".join(s.parts), size=s.size) for s in sources],
    )
    if len(msgspec.json.encode(request)) > MAX_CONTENT:
        raise BadSource(
            f"The names of these {len(sources):,} files are too long for one request.",
            "Put them into an archive (zip or tar) and send that.",
        )
    return request


def choose(offered: Sequence[OfferedFile], accepted: Sequence[bool], info: TorrentInfo) -> Choice:
    """Return what to fetch of a torrent: the accepted files, where it is just what was offered.

    The torrent must list the same files in the same order: names compared part by part and exactly,
    and sizes. Padding (BEP 47) was never offered, so a torrent with any is another one.

    Raises:
        BadMetadata: The torrent holds other files than were offered, or other sizes.
    """
    approved = [(tuple(file.path.split("/")), file.size) for file in offered]
    # One folder is offered with its name in front, which is the torrent's; several things are not.
    layouts = [(Layout.FOLDER, () if info.single else (info.name,))]
    if not info.single:
        layouts.append((Layout.LOOSE, ()))
    for layout, root in layouts:
        came = [((*root, *file.path), file.length) for file in info.files]
        if came == approved and not any(file.pad for file in info.files):
            return Choice(tuple(accepted), layout)
    raise BadMetadata("The torrent that came is not what was offered.")
