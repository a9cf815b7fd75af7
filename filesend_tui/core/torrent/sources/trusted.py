"""Files that an earlier run hashed: whether they are the same still, and need not be hashed again.

What was hashed, and how the files were then, is given and returned as values; where they are kept
is not known here. A file that changed is named, and what was hashed before is never mixed with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, overload

from filesend_tui.core.errors import BadMetadata, BadSource, Offender
from filesend_tui.core.torrent.metainfo.info import TorrentInfo, parse_info
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.sources.source_files import SourceFile, SourceFiles
from filesend_tui.core.util.text import path_text

#: Pieces that are read and compared, among them the first and the last one.
SPOTS: Final = 8
#: Files that changed and are named; the rest is counted.
_NAMED: Final = 2
_CHANGED: Final = "changed since it was hashed"


class Identity(NamedTuple):
    """A file as it was hashed.

    size: in bytes. modified_ns: its modification time. changed_ns: its ctime, which no program can
    set; None where the system has none. device, number: st_dev and st_ino.
    """

    size: int
    modified_ns: int
    changed_ns: int | None
    device: int
    number: int

    @classmethod
    def of(cls, source: SourceFile) -> Identity:
        """Return the identity of a file as it was found."""
        return cls(
            source.size,
            source.modified_ns,
            source.changed_ns,
            source.file_id.device,
            source.file_id.number,
        )

    def is_of(self, now: Identity) -> bool:
        """Return whether this is the same file, unchanged; on which device is not compared.

        Some file systems give a file another number; its ctime identifies it too.
        """
        if (self.size, self.modified_ns) != (now.size, now.modified_ns):
            return False
        if self.changed_ns is None or now.changed_ns is None:
            return self.number == now.number
        return self.changed_ns == now.changed_ns


class _Identities(Sequence[tuple[bytes, Identity]]):
    """Paths and identities of many files; each is made when it is asked for."""

    def __init__(self, sources: SourceFiles) -> None:
        self._sources = sources

    def __len__(self) -> int:
        return len(self._sources)

    @overload
    def __getitem__(self, number: int) -> tuple[bytes, Identity]: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[tuple[bytes, Identity], ...]: ...
    def __getitem__(
        self, number: int | slice
    ) -> tuple[bytes, Identity] | tuple[tuple[bytes, Identity], ...]:
        if isinstance(number, slice):
            return tuple([self[each] for each in range(*number.indices(len(self)))])
        source = self._sources[number]
        return source.raw_path, Identity.of(source)

    def __iter__(self) -> Iterator[tuple[bytes, Identity]]:
        identities = map(Identity._make, self._sources.identities())
        return zip(self._sources.raw_paths(), identities, strict=True)


def identities_of(sources: Sequence[SourceFile]) -> Sequence[tuple[bytes, Identity]]:
    """Return the path and the identity of each file."""
    return _Identities(SourceFiles.of(sources)) if len(sources) else ()


class Hashed(NamedTuple):
    """raw: an info dictionary. files: the files that it was made of, in its order."""

    raw: bytes
    files: tuple[Identity, ...]

    @classmethod
    def of(cls, info: TorrentInfo, sources: Sequence[SourceFile]) -> Hashed:
        """Return what a later run needs in order not to hash these files again."""
        return cls(info.raw, tuple(map(Identity.of, sources)))


def changed(known: Hashed, sources: Sequence[SourceFile]) -> list[SourceFile]:
    """Return which of the files are not what was hashed. Pure.

    Devices may have other numbers after the machine was started again, but files of one device
    stay together, and files of two apart.

    Raises:
        ValueError: They are more or fewer files.
    """
    found: list[SourceFile] = []
    there, back = dict[int, int](), dict[int, int]()
    for was, source in zip(known.files, sources, strict=True):
        now = Identity.of(source)
        device = there.setdefault(was.device, now.device)
        same = device == now.device and back.setdefault(now.device, was.device) == was.device
        if not same or not was.is_of(now):
            found.append(source)
    return found


def check_unchanged(known: Hashed, sources: Sequence[SourceFile]) -> None:
    """Check that files are those that were found before. Pure.

    Raises:
        BadSource: Some changed since, or there are more or fewer of them.
    """
    if len(known.files) != len(sources):
        raise BadSource(
            f"There were {len(known.files):,} files to send, and now there are {len(sources):,}.",
            "Send it anew: what was sent of it before cannot be gone on with.",
            told="The files to send are not the same any more.",
        )
    if suspects := changed(known, sources):
        raise _refusal(suspects)


def take(
    known: Hashed,
    sources: Sequence[SourceFile],
    *,
    describe: Callable[[bytes], bytes],
    rng: random.Random | None = None,
) -> TorrentInfo | None:
    """Return the torrent of files without hashing them; None where it is of other files or names.

    A few pieces are read and compared with their hashes. Blocking.

    Args:
        known: What an earlier run hashed.
        sources: The files as they were found now.
        describe: Returns the info dictionary of the files, given the hashes of their pieces.
        rng: Chooses the pieces; give a seeded one for the same ones each time.

    Raises:
        BadSource: Files changed since: its offenders are all of those that show it by size, time or
            identity, else the one in which a piece differs.
    """
    try:
        info = parse_info(known.raw)
    except BadMetadata:
        return None
    if len(known.files) != len(sources):
        return None
    if suspects := changed(known, sources):
        raise _refusal(suspects)
    if describe(info.piece_hashes) != known.raw:
        return None
    _spot_check(info, sources, rng or random.Random())  # noqa: S311 - which pieces is no secret
    return info


def _spot_check(info: TorrentInfo, sources: Sequence[SourceFile], rng: random.Random) -> None:
    count = info.shape.piece_count
    spots = {0, count - 1, *rng.sample(range(count), min(count, SPOTS - 2))} if count else set()
    store = SeedFiles(info, sources)
    try:
        for index in sorted(spots):
            store.check(index)
    finally:
        store.close()


def _refusal(suspects: Sequence[SourceFile]) -> BadSource:
    rest = len(suspects) - _NAMED
    more = [f"{rest:,} more"] if rest > 0 else []
    names = [*(each.name for each in suspects[:_NAMED]), *more]
    paths = [*(path_text(each.path) for each in suspects[:_NAMED]), *more]
    return BadSource(
        f"{' and '.join(paths)} {_CHANGED}.",
        "Send it anew: what was sent of it before cannot be gone on with.",
        offenders=[Offender(source.path, _CHANGED) for source in suspects],
        told=f"{' and '.join(names)} {_CHANGED}.",
    )
