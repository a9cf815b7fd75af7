"""What of a request gets a yes: its files as a tree, each with a yes or no, and what is shown.

Pure, and quick with as many files as a request may have. What a row looks like is a widget's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from filesend_tui.core.events import FileEntry
from filesend_tui.state.natural_order import natural_key

#: Levels of folders that have rows of their own; what is deeper stands under its whole path. A
#: request costs so many rows a file at most, however its paths look.
LEVELS: Final = 8
#: Files up to which all folders are open at first.
_FEW: Final = 30


class Node:
    """A file or a folder of a request. Changed by its RequestChoice alone.

    name: below its parent. size in bytes, files: how many, hidden: how many of them are; of all
    that is below. yes: how many files have one. shown: how many the search leaves. index: a file's
    place in the request; -1 for a folder. is_open: of a folder, its content has rows.
    """

    __slots__ = (
        "below",
        "depth",
        "files",
        "folders",
        "hidden",
        "index",
        "is_open",
        "name",
        "shown",
        "size",
        "yes",
    )

    def __init__(self, name: str, depth: int, index: int = -1) -> None:
        self.name, self.depth, self.index = name, depth, index
        self.size = self.files = self.hidden = self.yes = self.shown = 0
        self.is_open = False
        self.folders: dict[str, Node] = {}
        #: Folders first, each in natural order.
        self.below: list[Node] = []

    @property
    def is_folder(self) -> bool:
        """It has something below it."""
        return self.index < 0


class RequestChoice:
    """The yes and no of one request; all yes at first.

    Args:
        files: The request's, in its order.
    """

    def __init__(self, files: Sequence[FileEntry]) -> None:
        self._entries = tuple(files)
        self._yes = [True] * len(files)
        self._sought = ""
        self._matches: list[bool] = [True] * len(files)
        self._top = Node("", -1)
        #: All nodes, each behind what it is in.
        self._nodes = [self._top]
        for index, entry in enumerate(self._entries):
            self._add(index, entry)
        for node in self._nodes:
            if len(node.below) > 1:
                node.below.sort(key=lambda each: (not each.is_folder, natural_key(each.name)))
            node.is_open = node.is_folder and len(files) <= _FEW
        alone = self._top
        while len(alone.below) == 1 and alone.is_folder:
            alone = alone.below[0]
            alone.is_open = alone.is_folder
        self._count()

    def _add(self, index: int, entry: FileEntry) -> None:
        folder = self._top
        *folders, name = entry.path.split("/", LEVELS)
        for part in folders:
            inner = folder.folders.get(part)
            if inner is None:
                inner = folder.folders[part] = Node(part, folder.depth + 1)
                folder.below.append(inner)
                self._nodes.append(inner)
            folder = inner
        leaf = Node(name, folder.depth + 1, index)
        leaf.size, leaf.files, leaf.hidden = entry.size, 1, int(entry.hidden)
        folder.below.append(leaf)
        self._nodes.append(leaf)

    # -- what it comes to

    @property
    def accepted(self) -> tuple[bool, ...]:
        """A yes or no for each file, in the request's order."""
        return tuple(self._yes)

    @property
    def files(self) -> int:
        """How many files have a yes."""
        return self._top.yes

    @property
    def size(self) -> int:
        """Bytes of the files that have a yes."""
        return sum(e.size for e, yes in zip(self._entries, self._yes, strict=True) if yes)

    @property
    def most_rows(self) -> int:
        """How many rows there are while every folder is open."""
        return len(self._nodes) - 1

    @property
    def sought(self) -> str:
        """What is looked for; empty where everything is shown."""
        return self._sought

    def rows(self) -> list[Node]:
        """Return what has a row now, from top to bottom."""
        rows: list[Node] = []
        waiting = list(reversed(self._top.below))
        while waiting:
            node = waiting.pop()
            if not node.shown:
                continue
            rows.append(node)
            if node.is_folder and (node.is_open or self._sought):
                waiting.extend(reversed(node.below))
        return rows

    # -- what changes it

    def turn(self, node: Node) -> None:
        """Say yes to what is shown of a node; no, where all of that has a yes."""
        indices = list(self._shown_below(node))
        self._say(indices, yes=not all(self._yes[index] for index in indices))

    def say(self, *, yes: bool) -> None:
        """Say yes or no to all that the search leaves."""
        self._say(self._shown_below(self._top), yes=yes)

    def find(self, text: str) -> None:
        """Leave only files with this in their path, whatever the case; empty shows all again."""
        self._sought = text.casefold()
        self._matches = [self._sought in entry.path.casefold() for entry in self._entries]
        self._count()

    def _shown_below(self, node: Node) -> Iterator[int]:
        waiting = [node]
        while waiting:
            each = waiting.pop()
            if each.is_folder:
                waiting.extend(each.below)
            elif self._matches[each.index]:
                yield each.index

    def _say(self, indices: Iterator[int] | list[int], *, yes: bool) -> None:
        for index in indices:
            self._yes[index] = yes
        self._count()

    def _count(self) -> None:
        """Add up what is below each folder, from the innermost out."""
        for node in reversed(self._nodes):
            if node.is_folder:
                below = node.below
                node.size = sum(each.size for each in below)
                node.files = sum(each.files for each in below)
                node.hidden = sum(each.hidden for each in below)
                node.yes = sum(each.yes for each in below)
                node.shown = sum(each.shown for each in below)
            else:
                node.yes = int(self._yes[node.index])
                node.shown = int(self._matches[node.index])
