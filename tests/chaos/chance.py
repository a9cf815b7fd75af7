"""Chance, from one seed for all tests: CHAOS_SEED repeats what a run before did."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SEED: Final = os.environ.get("CHAOS_SEED") or f"{random.SystemRandom().getrandbits(32)}"
# Workers of pytest-xdist are children of the process that read this first.
os.environ["CHAOS_SEED"] = SEED
_CHUNK: Final = 1_000_000


class Chance(random.Random):
    """The chance of one test, which is the same whichever tests run beside it.

    Args:
        test: The test's name.
    """

    def __new__(cls, test: str) -> Chance:
        return super().__new__(cls)

    def __init__(self, test: str) -> None:
        super().__init__(f"{SEED} {test}")

    def shuffled(self, *groups: str, times: int) -> list[str]:
        """Return each of these at least once, and so many in all, in any order."""
        drawn = [*groups, *self.choices(groups, k=times)][:times]
        self.shuffle(drawn)
        return drawn

    def fill(self, path: Path, size: int) -> Path:
        """Write a file of so many random bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for part in self._parts(size):
                file.write(self.randbytes(part))
        return path

    @staticmethod
    def _parts(size: int) -> Iterator[int]:
        for start in range(0, size, _CHUNK):
            yield min(_CHUNK, size - start)
