"""What is offered in a request: made from files here, and held against the torrent that comes.

Nothing is asked, sent or fetched here.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import msgspec

from filesend_tui.core.errors import BadMetadata, BadSource
from filesend_tui.core.torrent.making import SourceFile
from filesend_tui.core.torrent.metainfo import TorrentInfo
from filesend_tui.core.torrent.storage import Layout
from filesend_tui.core.torrent.torrent import Choice
from relay.protocol import MAX_CONTENT, MAX_FILES, FileRequest, OfferedFile, parse, to_wire

_TOO_MANY = "Put them into an archive (zip or tar) and send that."


def make_request(sources: Sequence[SourceFile]) -> FileRequest:
    """Return the request for these files, in the order in which their torrent will have them.

    Raises:
        BadSource: It is too much for one request.
    """
    if len(sources) > MAX_FILES:
        raise BadSource(
            f"That is {len(sources):,} files; one request takes {MAX_FILES:,}.", _TOO_MANY
        )
    request = FileRequest(
        id=secrets.token_hex(8),
        files=[OfferedFile(path="/".join(s.parts), size=s.size) for s in sources],
    )
    try:
        parse(FileRequest, to_wire(request))
        size = len(msgspec.json.encode(request))
    except (msgspec.ValidationError, UnicodeError) as error:
        raise BadSource(
            "A file has a name that cannot be sent: too long, or not valid text.",
            "Rename it, or put it into an archive.",
        ) from error
    if size > MAX_CONTENT:
        raise BadSource("The names of these files are too long for one request.", _TOO_MANY)
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
