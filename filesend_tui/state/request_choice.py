"""The answer to a request in the making: its files as a tree, each with a yes or no.

Also which rows are shown. Pure, and fast with as many files as a request may have. What a row looks
like is a widget's.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Final

from filesend_tui.core.events import FileEntry
from filesend_tui.state.natural_order import natural_key

if TYPE_CHECKING:
    from filesend_tui.core.checks import Existing

#: Levels of folders that have rows of their own; deeper files are named by the rest of their path.
#: This bounds the rows a file costs, whatever its path.
LEVELS: Final = 8
#: Files up to which all folders are open at first.
_FEW: Final = 30


class Node:
    """A file or a folder of a request. Changed by its RequestChoice alone.

    name: below its parent. size (bytes), files (count), hidden (count): of everything below. yes:
    how many files have one. shown: how many match the search. there: how many are in the folder
    already and may be replaced; replaced: how many of them have a yes to that. index: a file's
    index in the request; -1 for a folder. is_open: whether a folder's contents have rows.
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
        "replaced",
        "shown",
        "size",
        "there",
        "yes",
    )

    def __init__(self, name: str, depth: int, index: int = -1) -> None:
        self.name, self.depth, self.index = name, depth, index
        self.size = self.files = self.hidden = self.yes = self.shown = 0
        self.there = self.replaced = 0
        self.is_open = False
        self.folders: dict[str, Node] = {}
        #: Folders first, each in natural order.
        self.below: list[Node] = []

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.index < 0


class RequestChoice:
    """The yes and no of one request; all yes at first.

    Args:
        files: The request's files, in its order.
    """

    def __init__(self, files: Sequence[FileEntry]) -> None:
        self._entries = tuple(files)
        self._rooms = array("q", (max(0, entry.size - entry.holes) for entry in files))
        self._yes = [True] * len(files)
        self._there: dict[int, Existing] = {}
        self._replaced: set[int] = set()
        self._sought = ""
        self._matches: list[bool] = [True] * len(files)
        self._top = Node("", -1)
        #: All nodes, each after its parent.
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

    # -- the result

    @property
    def accepted(self) -> tuple[bool, ...]:
        """A yes or no for each file, in the request's order."""
        return tuple(self._yes)

    @property
    def replaced(self) -> tuple[Existing, ...]:
        """What is there and may be replaced by a file with a yes, as it was when that was said."""
        return tuple(self._there[at] for at in sorted(self._replaced) if self._yes[at])

    @property
    def files(self) -> int:
        """How many files have a yes."""
        return self._top.yes

    @property
    def size(self) -> int:
        """Bytes of the files that have a yes."""
        return sum(e.size for e, yes in zip(self._entries, self._yes, strict=True) if yes)

    @property
    def there(self) -> int:
        """How many files are in the folder already and may be replaced."""
        return self._top.there

    @property
    def room(self) -> int:
        """Bytes that they need on a disk which keeps holes."""
        return sum(compress(self._rooms, self._yes))

    @property
    def most_rows(self) -> int:
        """The number of rows with every folder open."""
        return len(self._nodes) - 1

    @property
    def sought(self) -> str:
        """The text searched for; empty where everything is shown."""
        return self._sought

    def rows(self) -> list[Node]:
        """Return the nodes that have a row now, from top to bottom."""
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
        """Toggle the shown files of a node: all yes, or all no where all have a yes."""
        indices = list(self._shown_below(node))
        self._say(indices, yes=not all(self._yes[index] for index in indices))

    def say(self, *, yes: bool) -> None:
        """Set yes or no for all files that match the search."""
        self._say(self._shown_below(self._top), yes=yes)

    def stand(self, found: Sequence[Existing]) -> None:
        """Take what is in the folder now and may be replaced; a yes to what changed is void."""
        there = {each.number: each for each in found}
        self._replaced = {at for at in self._replaced if there.get(at) == self._there[at]}
        self._there = there
        self._count()

    def turn_replaced(self, node: Node | None = None) -> None:
        """Toggle the yes to replacing what is there, of the shown files of a node; None: of all.

        All yes, or all no where all have a yes.
        """
        shown = self._shown_below(node or self._top)
        indices = {index for index in shown if index in self._there}
        if indices <= self._replaced:
            self._replaced -= indices
        else:
            self._replaced |= indices
        self._count()

    def find(self, text: str) -> None:
        """Show only files with this text in their path, ignoring case; empty shows all again."""
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
                node.there = sum(each.there for each in below)
                node.replaced = sum(each.replaced for each in below)
            else:
                node.yes = int(self._yes[node.index])
                node.shown = int(self._matches[node.index])
                node.there = int(node.index in self._there)
                node.replaced = int(node.index in self._replaced)
