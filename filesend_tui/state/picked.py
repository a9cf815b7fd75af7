"""What a person chose to send, and which of it cannot be sent: a part of the store.

Paths are absolute, unresolved, as the person reached them. None is below another: a folder includes
its contents. No Textual, no I/O.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filesend_tui.core.checks import Chosen, Seen


@dataclass(frozen=True, slots=True)
class Weight:
    """The size of a choice: files, their bytes, and folders or files that cannot be sent."""

    files: int = 0
    bytes: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class Picked:
    """Paths in the order in which they were chosen.

    version: increased by each change. refusals: how often something could not be sent.
    """

    version: int = 0
    refusals: int = 0
    _seen: dict[str, Seen | None] = field(default_factory=dict)
    _unseen: dict[str, None] = field(default_factory=dict)
    _weights: dict[str, Weight] = field(default_factory=dict)
    _parents: Counter[str] = field(default_factory=Counter)
    _refused: dict[str, str] = field(default_factory=dict)
    _refused_below: Counter[str] = field(default_factory=Counter)
    _total: tuple[int, Weight | None] = (-1, None)

    # -- what is chosen

    def __len__(self) -> int:
        return len(self._seen)

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __contains__(self, path: str) -> bool:
        return path in self._seen

    def carrier(self, path: str) -> str | None:
        """Return the chosen folder that includes this path; None where there is none."""
        if not self._seen:
            return None
        return next((above for above in _above(path) if above in self._seen), None)

    def holds(self, folder: str) -> bool:
        """Return whether something below a folder is chosen, though not the folder itself."""
        inside = os.path.join(folder, "")
        return any(
            parent == folder or parent.startswith(inside)
            for parent, count in self._parents.items()
            if count
        )

    def as_chosen(self) -> Chosen:
        """Return the paths, and the file or folder each named when it was chosen."""
        return {Path(path): seen for path, seen in self._seen.items()}

    def names(self) -> tuple[str, ...]:
        """Return the names of the first three."""
        first = (path for path, _ in zip(self._seen, range(3), strict=False))
        return tuple(os.path.basename(path) or path for path in first)

    # -- choosing

    def add(self, paths: Mapping[str, Weight | None]) -> None:
        """Choose these paths; a weight is None where it is not known.

        Paths below a chosen folder are no longer chosen by themselves.
        """
        goes_along = _GoesAlong(self._seen)
        fresh = {p: w for p, w in paths.items() if p not in self._seen and not goes_along.does(p)}
        goes_along = _GoesAlong(fresh)
        fresh = {p: weight for p, weight in fresh.items() if not goes_along.does(p)}
        if not fresh:
            return
        if any(self.holds(path) for path, weight in fresh.items() if weight is None):
            self._drop([p for p in self._seen if goes_along.does(p)])
        self._seen.update(dict.fromkeys(fresh))
        self._unseen.update(dict.fromkeys(fresh))
        self._weights.update({p: weight for p, weight in fresh.items() if weight is not None})
        self._parents.update(map(os.path.dirname, fresh))
        self.version += 1

    def remove(self, paths: Iterable[str]) -> None:
        """Remove these from the choice: they were sent, or are not wanted after all."""
        self._drop(paths)
        self._refuse_only({p: why for p, why in self._refused.items() if self._has(p)})
        self.version += 1

    def clear(self) -> None:
        """Choose nothing."""
        self.become(Picked())

    def copy(self) -> Picked:
        """Return the choice as it is now."""
        kept = Picked()
        kept.become(self)
        return kept

    def become(self, other: Picked) -> None:
        """Copy another choice into this one."""
        self._seen, self._unseen = dict(other._seen), dict(other._unseen)
        self._weights, self._parents = dict(other._weights), Counter(other._parents)
        self._refuse_only(dict(other._refused))
        self.version += 1

    def become_with(self, before: Picked, paths: Mapping[str, Weight | None]) -> None:
        """Copy an earlier choice and add these paths; keep what is known of each path."""
        seen, unseen, weights = self._seen, self._unseen, self._weights
        self.become(before)
        self.add(paths)
        for path in self._seen:
            if path in seen and path not in unseen and path in self._unseen:
                del self._unseen[path]
                self._seen[path] = seen[path]
            if path in weights:
                self._weights[path] = weights[path]

    # -- what is looked up about it

    def unseen(self, most: int) -> tuple[str, ...]:
        """Return paths not looked up yet, `most` at most."""
        return tuple(path for path, _ in zip(self._unseen, range(most), strict=False))

    def see(self, seen: Mapping[str, Seen | None]) -> None:
        """Note which file or folder each path named when it was chosen."""
        for path, what in seen.items():
            self._unseen.pop(path, None)
            if path in self._seen:
                self._seen[path] = what

    def unweighed(self) -> str | None:
        """Return a path whose weight is not known; None where there is none."""
        if len(self._weights) == len(self._seen):
            return None
        return next((path for path in self._seen if path not in self._weights), None)

    def weigh(self, path: str, weight: Weight) -> None:
        """Note the weight of a path."""
        if path in self._seen:
            self._weights[path] = weight
            self.version += 1

    @property
    def weight(self) -> Weight | None:
        """The total weight; None while that is not known."""
        if self._total[0] != self.version:
            known = len(self._weights) == len(self._seen)
            self._total = self.version, _sum(self._weights.values()) if known else None
        return self._total[1]

    # -- what cannot be sent

    @property
    def refused(self) -> Mapping[str, str]:
        """What cannot be sent, and why: chosen things, or things in chosen folders."""
        return self._refused

    def from_choice(self, path: str) -> str:
        """Return a path as sent: relative to the parent of the chosen folder that includes it."""
        above = os.path.dirname(self.carrier(path) or path)
        return path[len(os.path.join(above, "")) :] or path

    def refused_below(self, folder: str) -> int:
        """Return how many things in a folder cannot be sent."""
        return self._refused_below[folder]

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Mark what cannot be sent, replacing earlier marks."""
        self._refuse_only(dict(reasons))
        self.refusals += bool(reasons)
        self.version += 1

    # -- inside

    def _has(self, path: str) -> bool:
        return path in self._seen or self.carrier(path) is not None

    def _drop(self, paths: Iterable[str]) -> None:
        for path in paths:
            if path in self._seen:
                del self._seen[path]
                self._unseen.pop(path, None)
                self._weights.pop(path, None)
                parent = os.path.dirname(path)
                self._parents[parent] -= 1
                if not self._parents[parent]:
                    del self._parents[parent]

    def _refuse_only(self, reasons: dict[str, str]) -> None:
        self._refused = reasons
        self._refused_below = Counter(above for path in reasons for above in _above(path))


class _GoesAlong:
    """Whether paths are below one of some folders; caches the result per parent folder."""

    def __init__(self, folders: Container[str]) -> None:
        self._folders = folders
        self._known: dict[str, bool] = {}

    def does(self, path: str) -> bool:
        parent = os.path.dirname(path)
        if parent not in self._known:
            self._known[parent] = parent in self._folders or any(
                above in self._folders for above in _above(parent)
            )
        return parent != path and self._known[parent]


def _above(path: str) -> Iterator[str]:
    """Yield the folders above a path, nearest first."""
    while (above := os.path.dirname(path)) != path:
        yield above
        path = above


def _sum(weights: Iterable[Weight]) -> Weight:
    files = total = unreadable = 0
    for each in weights:
        files += each.files
        total += each.bytes
        unreadable += each.unreadable
    return Weight(files, total, unreadable)
