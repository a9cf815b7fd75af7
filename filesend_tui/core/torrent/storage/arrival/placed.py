"""Where the parts of a download's tree are once they are in place, as far as they are.

A folder is put in place whole where none of its name is there, and else entry by entry; so this
tells of paths in the tree, and of all that is below each. Nothing is moved here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

Parts = tuple[str, ...]


class Placed:
    """Paths in the tree with their paths below the target. Thread-safe as a dict is.

    Args:
        told: What `told` returned in an earlier run.
    """

    def __init__(self, told: Mapping[str, str] | None = None) -> None:
        self._at: dict[Parts, Parts] = {
            tuple(here.split("/")): tuple(there.split("/")) for here, there in (told or {}).items()
        }

    def __bool__(self) -> bool:
        return bool(self._at)

    def add(self, parts: Parts, at: Parts) -> None:
        """Note that what was at `parts` in the tree is at `at` below the target."""
        self._at[parts] = at

    def of(self, parts: Parts) -> Parts | None:
        """Return where something is below the target; None while it is in the tree."""
        for length in range(1, len(parts) + 1):
            if (at := self._at.get(parts[:length])) is not None:
                return (*at, *parts[length:])
        return None

    def has_all(self, paths: Iterable[Parts]) -> bool:
        """Return whether all of these are in place."""
        return all(self.of(parts) is not None for parts in paths)

    def told(self) -> dict[str, str]:
        """Return all of it, as it is kept for a later run."""
        return {"/".join(here): "/".join(there) for here, there in self._at.items()}

    @property
    def is_sane(self) -> bool:
        """Whether every name is one: what an earlier run left is not believed."""
        return all(
            name == Path(name).name and name not in ("", ".", "..")
            for at in self._at.values()
            for name in at
        )

    @property
    def only(self) -> Parts | None:
        """The one path below the target that all of it is at; None where it is at several."""
        (first, *others) = self._at.values() or ((),)
        return first if first and not others else None
