"""Checks of what a person typed or chose, before a Client is called; part of the core's API.

Codes, links, addresses, folders, free disk space, and the identity of chosen files. Nothing is
decided here: each call goes to the module that owns the rule, which is imported on first use, so
that the first screen and `--help` wait for none of them.
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
    from filesend_tui.core.sessions.places.links import Link
    from filesend_tui.core.torrent.sources.create import Found
    from filesend_tui.core.torrent.storage.arrival.existing import Existing

__all__ = [
    "Chosen",
    "Existing",
    "FileId",
    "Found",
    "Seen",
    "Target",
    "is_part_name",
    "look",
    "look_at_all",
]


# -- codes


def read_code(typed: str) -> str:
    """Return the one code in a text, as people write it. A secret.

    Raises:
        InvalidCode: There is none, or more than one; the message says what is wrong.
    """
    from filesend_tui.core.sessions.code import parse_code

    return parse_code(typed).text


def read_link(typed: str) -> Link | None:
    """Return the link with a secret that a text contains; None where there is none.

    Raises:
        InvalidCode: There are several.
    """
    from filesend_tui.core.sessions.places.links import read_link

    return read_link(typed)


def place_in(typed: str) -> str:
    """Return the address of the relay that stands with a code, or in a link; "" for none."""
    from filesend_tui.core.errors import InvalidCode

    try:
        link = read_link(typed)
    except InvalidCode:  # several, and so none
        return ""
    return link.relay if link is not None else split_place(typed)[1]


def link_to(page: str, code: str) -> str:
    """Return the link to a relay's page that introduces by a code. A secret.

    page: the page's URL, as the other person's browser reaches it.
    """
    from filesend_tui.core.sessions.places.links import link_to

    return link_to(page, code)


def split_place(typed: str) -> tuple[str, str]:
    """Return a text without the relay's address that stands with its code, and that address.

    As in `4711-apple-violin@192.168.1.7`; empty where there is none.
    """
    from filesend_tui.core.sessions.code import split_place

    return split_place(typed)


def complete_code(begun: str) -> Sequence[str]:
    """Return completions of an unfinished code, best first. Reads the word list once."""
    from filesend_tui.core.sessions.code import complete

    return complete(begun)


def longest_text() -> int:
    """Return how many bytes a text may have that is handed over, as UTF-8."""
    from filesend_tui.core.sessions.partner import LONGEST_TEXT

    return LONGEST_TEXT


# -- addresses and links


def relay_address(typed: str) -> RelayAddress:
    """Return a relay's address: `url` as it is shown, and `tracker`, the URL of its own tracker.

    Raises:
        RelayUnreachable: It is not a relay's address.
    """
    from filesend_tui.core.relay_client.address import parse_relay_url

    return parse_relay_url(typed)


def relay_url(typed: str) -> str:
    """Return the URL of a relay's address. Raises ValueError, which says what one looks like."""
    from filesend_tui.core.errors import RelayUnreachable

    try:
        return relay_address(typed).url
    except RelayUnreachable as error:
        raise ValueError(f"{error.message} {error.hint}") from None


def tracker_url(typed: str) -> str:
    """Return the URL of a WebSocket tracker. Raises ValueError, which says what one looks like."""
    from filesend_tui.core.util.text import clean

    if not is_tracker(typed):
        raise ValueError(f"{clean(typed, 80)!r} is no WebSocket tracker; write wss://host")
    return typed


def is_tracker(url: str) -> bool:
    """Return whether this is the URL of a WebSocket tracker; connects to nothing."""
    from filesend_tui.core.meeting.rendezvous import usable_trackers

    return bool(usable_trackers([url]))


def trackers_in(magnet: str) -> tuple[str, ...]:
    """Return the trackers that a magnet link names; none if it is not a magnet link."""
    from filesend_tui.core.errors import BadMagnet
    from filesend_tui.core.torrent.metainfo.magnet import parse_magnet

    try:
        return parse_magnet(magnet).trackers
    except BadMagnet:
        return ()


def share_page(typed: str) -> str:
    """Return the URL of a page that opens magnet links, in the form that share links begin with.

    Raises:
        BadSharePage: It is not an http or https URL, names a user, or has its own fragment.
    """
    from filesend_tui.core.torrent.metainfo.share_link import share_page

    return share_page(typed)


# -- folders and disks


def check_folder(folder: Path | Target) -> Target:
    """Return a folder with its identity when it was chosen; a path's is taken now.

    Blocking; writes nothing.

    Raises:
        StorageFailed: It is not a folder, not writable, cannot be created, or was replaced.
    """
    from filesend_tui.core.torrent.storage.disk_space import check_folder

    return check_folder(folder)


def free_space(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is on, or would be on. Blocking.

    Raises:
        StorageFailed: It cannot be determined.
    """
    from filesend_tui.core.torrent.storage.free_space import free_space

    return free_space(folder)


# -- what this machine can do


def missing_native_stack() -> ChannelFailed | None:
    """Return the error for a missing native WebRTC stack; None if it is installed."""
    from filesend_tui.core.transports.webrtc.native import library

    return None if library.installed() else library.missing()
