"""What a person typed or chose, looked at before a Client is asked; part of the core's door.

Codes, links, addresses, folders, room on a disk, and which files were meant. Nothing is decided
here: each goes to the module that knows, which is imported when it is asked, as a first screen and
`--help` wait for none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filesend_tui.core.torrent.storage.part_folder.part_folder import is_part_name
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.util.file_id import Chosen, FileId, Seen, look, look_at_all

if TYPE_CHECKING:
    from filesend_tui.core.errors import ChannelFailed
    from filesend_tui.core.relay_client.address import RelayAddress
    from filesend_tui.core.torrent.sources.create import Found

__all__ = ["Chosen", "FileId", "Found", "Seen", "Target", "is_part_name", "look", "look_at_all"]


# -- codes


def read_code(typed: str) -> str:
    """Return the one code in a text, as people write it. A secret.

    Raises:
        InvalidCode: There is none, or more than one; the message says what is wrong.
    """
    from filesend_tui.core.sessions.code import parse_code

    return parse_code(typed).text


def complete_code(begun: str) -> Sequence[str]:
    """Return completions of a code that was begun, best first. Reads a word list once."""
    from filesend_tui.core.sessions.code import complete

    return complete(begun)


# -- addresses and links


def relay_address(typed: str) -> RelayAddress:
    """Return where a relay is: `url` as it is shown, and `tracker`, its own tracker's.

    Raises:
        RelayUnreachable: It is no such address.
    """
    from filesend_tui.core.relay_client.address import parse_relay_url

    return parse_relay_url(typed)


def is_tracker(url: str) -> bool:
    """Whether this is the URL of a WebSocket tracker; nobody is asked."""
    from filesend_tui.core.meeting.rendezvous import usable_trackers

    return bool(usable_trackers([url]))


def trackers_in(magnet: str) -> tuple[str, ...]:
    """Return the trackers that a magnet link names; none where it is no magnet link."""
    from filesend_tui.core.errors import BadMagnet
    from filesend_tui.core.torrent.metainfo.magnet import parse_magnet

    try:
        return parse_magnet(magnet).trackers
    except BadMagnet:
        return ()


def share_page(typed: str) -> str:
    """Return the URL of a page that opens magnet links, as links begin with it.

    Raises:
        BadSharePage: It is no http or https URL, names a user, or has a fragment of its own.
    """
    from filesend_tui.core.torrent.metainfo.share_link import share_page

    return share_page(typed)


# -- folders and disks


def check_folder(folder: Path | Target) -> Target:
    """Return a folder as it was when it was chosen; a path is chosen now. Blocking; writes nothing.

    Raises:
        StorageFailed: It is no folder, may not be written to, cannot be made, or was replaced.
    """
    from filesend_tui.core.torrent.storage.disk_space import check_folder

    return check_folder(folder)


def free_space(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is on, or would be on. Blocking.

    Raises:
        StorageFailed: Nobody can tell.
    """
    from filesend_tui.core.torrent.storage.free_space import free_space

    return free_space(folder)


# -- what this machine can do


def missing_native_stack() -> ChannelFailed | None:
    """Return what to do where WebRTC in machine code is not installed; None where it is."""
    from filesend_tui.core.transports.webrtc.native import library

    return None if library.installed() else library.missing()
