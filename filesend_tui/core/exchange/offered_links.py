"""The links of a request: which of a partner's make sense, and which of them are made.

A link names what it leads to by a path of the same request, so it leads nowhere else whatever it
says; the text of a symbolic link is made where it is written (torrent/storage/).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from filesend_tui.core.torrent.metainfo.attributes import Link
from filesend_tui.core.torrent.metainfo.info import MAX_PATH_PARTS
from relay.protocol.words import MOST_FOLDERS, OfferedLink


def why_odd(links: Sequence[OfferedLink], files: Collection[str], folders: Collection[str]) -> str:
    """Return why a partner's links cannot be laid out on a disk; empty if they can.

    Args:
        links: The links.
        files: The paths of the request's files.
        folders: Those of the folders that it names, with the folders above them.
    """
    if not links:
        return ""
    ways = {*folders, *(way for path in files for way in _above(path))}
    paths = {link.path for link in links}
    above = {way for path in paths for way in _above(path)}
    if len(paths) != len(links) or not paths.isdisjoint(files):
        return "The request names a link twice, or where it has a file."
    if not paths.isdisjoint(ways | above) or not above.isdisjoint(files):
        return "The request names something below a link, or a link below a file."
    if len(ways | above) > MOST_FOLDERS + len(files):
        return "The request names too many folders."
    known = {*files, *ways, *paths, *above}
    return next(filter(None, (_oddity(link, files, known) for link in links)), "")


def made(links: Sequence[OfferedLink], came: Collection[str]) -> tuple[Link, ...]:
    """Return the links to what arrives, and to links to that.

    Args:
        links: Those of the request, which make sense.
        came: The paths of the files and folders that arrive.
    """
    there = {*came, *(way for path in came for way in _above(path))}
    leading: dict[str, list[OfferedLink]] = {}
    for link in links:
        leading.setdefault(link.to, []).append(link)
    kept = [link for link in links if link.to in there]
    for link in kept:  # grows by those that lead to it
        kept += (each for each in leading.get(link.path, ()) if each.to not in there)
    return tuple(
        Link(tuple(link.path.split("/")), tuple(link.to.split("/")), link.hard) for link in kept
    )


def _above(path: str) -> list[str]:
    """Return the paths of the folders above."""
    found = []
    while path := path.rpartition("/")[0]:
        found.append(path)
    return found


def _oddity(link: OfferedLink, files: Collection[str], known: Collection[str]) -> str:
    names = link.path.count("/") + 1
    if names > MAX_PATH_PARTS:
        return "The request names a link too deep."
    if link.hard:
        known_file = link.to in files
        return "" if known_file else "The request has a further name of a file that it lacks."
    if link.to == link.path or link.to not in known:
        return "The request has a link that leads to nothing in it."
    if names == 1 or link.path.split("/", 1)[0] != link.to.split("/", 1)[0]:
        return "The request has a link that leads out of its folder."
    return ""
