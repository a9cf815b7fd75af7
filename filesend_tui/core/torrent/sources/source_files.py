"""The files to be sent, as they were when they were found: one as a value, many as columns.

Finding them is scan.py's. Nothing is opened here.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, overload

from filesend_tui.core.torrent.metainfo.attributes import Attributes
from filesend_tui.core.torrent.metainfo.names import Names
from filesend_tui.core.util.file_id import FileId, changed_ns, place_of

# What a column of numbers has where there is none: no time of a file, and no permissions.
_NONE: Final = -(2**63)
_16_BITS: Final = 2**16 - 1
_63_BITS: Final = 2**63 - 1
_64_BITS: Final = 2**64 - 1


class SourceFile(NamedTuple):
    """A file to be sent, as it was when it was found.

    root: the chosen folder, or the folder of a chosen file. root_id: that folder's identity. steps:
    names from there to it; none of them is a link, and a link that replaces one is not followed.
    parts: its path in what is sent, a chosen folder's name first. file_id: the file's identity.
    size: in bytes. modified_ns: its modification time, in the file system's nanoseconds.
    changed_ns: its ctime; None where the system has none. attributes: what is kept of it beside its
    name and bytes. holes: about how many of its bytes its disk need not hold. names: how many names
    the file has; 1 where it was found by a symbolic link.
    """

    root: Path
    root_id: FileId
    steps: tuple[str, ...]
    parts: tuple[str, ...]
    file_id: FileId
    size: int
    modified_ns: int
    changed_ns: int | None
    attributes: Attributes
    holes: int = 0
    names: int = 1

    @property
    def name(self) -> str:
        """Its path in what is sent, `/` between names."""
        return "/".join(self.parts)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.root.joinpath(*self.steps)

    @property
    def raw_path(self) -> bytes:
        """The same as the system has it; it takes a tenth of the time."""
        return os.fsencode(os.sep.join((str(self.root), *self.steps)))  # noqa: PTH118

    def is_unchanged(self, status: os.stat_result) -> bool:
        """Return whether `status` is of the same file, still as it was found.

        Size and time alone prove nothing: a replacement can be given those of this file.
        """
        same = (status.st_size, status.st_mtime_ns) == (self.size, self.modified_ns)
        return same and self.file_id.is_of(status)


_COLUMNS: Final = (
    "sizes",
    "holes",
    "_links",
    "_root",
    "_devices",
    "_numbers",
    "_owners",
    "_ages",
    "_changed",
    "_modified",
    "_modes",
)


class _Times(Sequence[int | None]):
    """A column of times; None where there is none."""

    def __init__(self, column: array[int]) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, number: int) -> int | None: ...
    @overload
    def __getitem__(self, number: slice) -> list[int | None]: ...
    def __getitem__(self, number: int | slice) -> int | list[int | None] | None:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        time = self._column[number]
        return None if time == _NONE else time


class SourceFiles(Sequence[SourceFile]):
    """Many files to be sent, in some 100 bytes each and their names; each is made when asked for.

    Args:
        files: The first ones, in order.

    sizes, holes: in bytes, by number.
    """

    def __init__(self, files: Iterable[SourceFile] = ()) -> None:
        self.sizes, self.holes = array("q"), array("q")
        self._links = array("Q")
        self._parts = Names()
        self._roots: dict[tuple[Path, FileId], int] = {}
        self._root = array("H")
        #: The steps of those where they are not the path without its first name, such as a link's.
        self._steps: dict[int, tuple[str, ...]] = {}
        self._devices, self._numbers, self._owners = array("Q"), array("Q"), array("q")
        self._ages, self._changed = array("q"), array("q")
        self._modified, self._modes = array("q"), array("h")
        #: Files that do not fit into columns, as they are.
        self._odd: dict[int, SourceFile] = {}
        self._last: tuple[int, SourceFile] | None = None
        self._last_root: tuple[Path | None, FileId | None, int] = None, None, 0
        for file in files:
            self.append(file)

    def append(self, file: SourceFile) -> None:
        """Add a file."""
        identity, kept = file.file_id, file.attributes
        root, root_id, number = self._last_root
        if file.root is not root or file.root_id is not root_id:
            number = self._roots.setdefault((file.root, file.root_id), len(self._roots))
            self._last_root = file.root, file.root_id, number
        age = _NONE if identity.changed_ns is None else identity.changed_ns
        changed = _NONE if file.changed_ns is None else file.changed_ns
        if file.steps != file.parts[1:]:
            self._steps[len(self)] = file.steps
        # Below -1: its time is not kept.
        mode = -1 if kept.mode is None else kept.mode
        if (
            (kept.modified_ns is not None and kept.modified_ns != file.modified_ns)
            or not 0 <= identity.device <= _64_BITS
            or not 0 <= identity.number <= _64_BITS
            or number > _16_BITS
            or not -_63_BITS <= file.modified_ns <= _63_BITS
            or not -_63_BITS <= age + 1 <= _63_BITS
            or not -_63_BITS <= changed + 1 <= _63_BITS
        ):
            self._odd[len(self)] = file
            self._add((0,) * 6)
        else:
            self._add((number, identity.device, identity.number, age, changed, file.modified_ns))
        self._parts.append(file.parts)
        self._owners.append(identity.owner)
        self._modes.append(mode if kept.modified_ns is not None else -2 - mode)
        self.sizes.append(file.size)
        self.holes.append(file.holes)
        self._links.append(file.names)

    def _add(self, columns: tuple[int, ...]) -> None:
        root, device, number, age, changed, modified = columns
        self._root.append(root)
        self._devices.append(device)
        self._numbers.append(number)
        self._ages.append(age)
        self._changed.append(changed)
        self._modified.append(modified)

    def sort(self) -> None:
        """Put them in the torrent's order: by their names' code points, folder by folder."""
        # A name of a file has no NUL, so that joined paths compare as their names do one by one.
        keys = ["\0".join(parts) for parts in self._parts]
        order = sorted(range(len(self)), key=keys.__getitem__)
        del keys
        self._take(order)

    def further_names(self) -> dict[int, int]:
        """Return which of them are further names of a file, each with the first name's number."""
        first: dict[FileId, int] = {}
        further: dict[int, int] = {}
        for number, names in enumerate(self._links):
            if names > 1:
                known = first.setdefault(self[number].file_id, number)
                if known != number:
                    further[number] = known
        return further

    def leave_out(self, numbers: Container[int]) -> None:
        """Remove some of them; the others keep their order."""
        self._take([number for number in range(len(self)) if number not in numbers])

    def _take(self, order: Sequence[int]) -> None:
        """Keep those of these numbers, in this order."""
        self._parts = Names(map(self._parts.__getitem__, order))
        # One after the other, so that never all of them are there twice.
        for name in _COLUMNS:
            column: array[int] = getattr(self, name)
            setattr(self, name, array(column.typecode, map(column.__getitem__, order)))
        for name in ("_steps", "_odd"):
            if held := getattr(self, name):
                found = {to: held[number] for to, number in enumerate(order) if number in held}
                setattr(self, name, found)
        self._last = None

    @classmethod
    def of(cls, sources: Sequence[SourceFile]) -> SourceFiles:
        """Return these files as columns, which may be what they are already."""
        held = getattr(sources, "files", sources)  # a Found holds them
        return held if isinstance(held, SourceFiles) else cls(sources)

    def raw_paths(self) -> Iterator[bytes]:
        """Yield where each is, as the system has it."""
        for number, parts in enumerate(self._parts):
            steps = self._steps.get(number) or parts[1:]
            root, _ = self._root_of(self._root[number])
            if number in self._odd:
                yield self._odd[number].raw_path
            else:
                yield os.fsencode(os.sep.join((str(root), *steps)))  # noqa: PTH118

    def identities(self) -> Iterator[tuple[int, int, int | None, int, int]]:
        """Yield of each: size, time, ctime, device and number."""
        changed = self.changed
        for n, size in enumerate(self.sizes):
            if n in self._odd:
                file = self._odd[n]
                at = file.file_id.device, file.file_id.number
                yield (size, file.modified_ns, file.changed_ns, *at)
            else:
                at = self._devices[n], self._numbers[n]
                yield (size, self._modified[n], changed[n], *at)

    @property
    def changed(self) -> Sequence[int | None]:
        """The ctime of each; None where it is unknown."""
        return _Times(self._changed)

    @property
    def names(self) -> Names:
        """The path of each in what is sent."""
        return self._parts

    def kept_modes(self) -> Iterator[int]:
        """Yield the permissions that are kept of each; -1: none."""
        return (mode if mode >= -1 else -2 - mode for mode in self._modes)

    def kept_times(self) -> Iterator[int]:
        """Yield the modification time that is kept of each; -1: none."""
        for number, mode in enumerate(self._modes):
            odd = self._odd.get(number)
            time = self._modified[number] if odd is None else odd.attributes.modified_ns
            yield -1 if mode < -1 or time is None else time

    def parts(self, number: int) -> tuple[str, ...]:
        """Return the path of one in what is sent."""
        return self._parts[number]

    def all_parts(self) -> Iterator[tuple[str, ...]]:
        """Yield the path of each in what is sent."""
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self.sizes)

    @overload
    def __getitem__(self, number: int) -> SourceFile: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[SourceFile, ...]: ...
    def __getitem__(self, number: int | slice) -> SourceFile | tuple[SourceFile, ...]:
        if isinstance(number, slice):
            return tuple([self[each] for each in range(*number.indices(len(self)))])
        if number < 0:
            number += len(self)
        # Whoever reads a file asks for it several times in a row.
        last = self._last
        if last is not None and last[0] == number:
            return last[1]
        file = self._odd.get(number) or self._made(number)
        self._last = number, file
        return file

    def _made(self, number: int) -> SourceFile:
        parts = self._parts[number]
        root, root_id = self._root_of(self._root[number])
        age, changed, mode = self._ages[number], self._changed[number], self._modes[number]
        modified = self._modified[number]
        dated = mode >= -1
        mode = mode if dated else -2 - mode
        return SourceFile(
            root,
            root_id,
            self._steps.get(number) or parts[1:],
            parts,
            FileId(
                self._devices[number],
                self._numbers[number],
                self._owners[number],
                None if age == _NONE else age,
            ),
            self.sizes[number],
            modified,
            None if changed == _NONE else changed,
            Attributes(None if mode == -1 else mode, modified if dated else None),
            self.holes[number],
            self._links[number],
        )

    def place(self, number: int) -> tuple[Path, FileId, tuple[str, ...]]:
        """Return where one is: its root, that folder's identity, and the steps from there."""
        if number in self._odd:
            odd = self._odd[number]
            return odd.root, odd.root_id, odd.steps
        steps = self._steps.get(number) or self._parts[number][1:]
        return (*self._root_of(self._root[number]), steps)

    def is_unchanged(self, number: int, status: os.stat_result) -> bool:
        """Return what SourceFile.is_unchanged does of one, which is not made for that."""
        if number in self._odd:
            return self._odd[number].is_unchanged(status)
        same = status.st_size == self.sizes[number] and status.st_mtime_ns == self._modified[number]
        if same and place_of(status) == (self._devices[number], self._numbers[number]):
            return status.st_uid == self._owners[number]
        return same and self[number].is_unchanged(status)

    def is_as_found(self, number: int, status: os.stat_result) -> bool:
        """Return whether nothing of a file has changed, its permissions included.

        False for what is kept as an object: such are few.
        """
        changed = changed_ns(status)
        is_same = self._changed[number] == (_NONE if changed is None else changed)
        return number not in self._odd and is_same and self.is_unchanged(number, status)

    def _root_of(self, number: int) -> tuple[Path, FileId]:
        if len(self._by_number) != len(self._roots):
            self._by_number = list(self._roots)
        return self._by_number[number]

    _by_number: list[tuple[Path, FileId]] = []  # noqa: RUF012 - replaced, never changed

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SourceFiles) and self._has_columns_of(other):
            return True
        if isinstance(other, SourceFiles | tuple):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    def _has_columns_of(self, other: SourceFiles) -> bool:
        return (
            (self._parts, self._steps, self._odd) == (other._parts, other._steps, other._odd)
            and list(self._roots) == list(other._roots)
            and all(getattr(self, name) == getattr(other, name) for name in _COLUMNS)
        )

    def __hash__(self) -> int:
        return hash(len(self))
