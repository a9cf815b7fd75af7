"""The context of every measurement: its folders, its time, and its two ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

MB = 1_000_000
GB = 1_000_000_000


class Ends(Protocol):
    """Two ends of a network: 0 and 1."""

    @property
    def addresses(self) -> tuple[str, str]:
        """The address of each end."""

    def at(self, side: int, *command: str) -> list[str]:
        """Return the command line that runs `command` at one end."""


@dataclass(frozen=True)
class Loopback:
    """Both ends are this machine itself."""

    addresses: tuple[str, str] = ("127.0.0.1", "127.0.0.1")

    def at(self, _side: int, *command: str) -> list[str]:
        """Return the command unchanged."""
        return list(command)


@dataclass(kw_only=True)
class Context:
    """One run of the benchmarks.

    folder: for the files transferred, in memory where there is room, so that no disk is measured.
    disk: for files that may not be in memory; None: the same. quick: small files and one round.
    pace: the factor of all time allotments.
    """

    folder: Path
    disk: Path | None = None
    quick: bool = False
    pace: float = 1.0
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = {k: v for k, v in os.environ.items() if not k.startswith("FILESEND_")}
        # No personal setting applies, and no outside server is contacted.
        self.environment = own | {
            "FILESEND_SETTINGS": str(self.folder / "no-settings.toml"),
            "FILESEND_STATE": str(self.folder / "state"),
            "FILESEND_ICE_SERVERS": "none",
            "FILESEND_NAME": "benchmark",
            "PYTHONDEVMODE": "",
        }

    def rounds(self, most: int, seconds: float) -> Iterator[int]:
        """Yield round numbers: at least one, `most` at most, none that would exceed the time.

        Args:
            most: Rounds wanted.
            seconds: Time for all rounds on the machine they were planned for.
        """
        began = time.monotonic()
        longest = 0.0
        for number in range(1 if self.quick else most):
            round_began = time.monotonic()
            if number and round_began + longest - began > seconds * self.pace:
                return
            yield number
            longest = max(longest, time.monotonic() - round_began)

    def size(self, full: int) -> int:
        """Return how many bytes to transfer: all, or a tenth in a quick run."""
        return full // 10 if self.quick else full

    def file(self, size: int, *, random: bool = True) -> Path:
        """Return a file of so many bytes, made once; sparse unless it is random."""
        path = self.folder / f"{'random' if random else 'sparse'}-{size}.bin"
        if not path.exists():
            with path.open("wb") as file:
                for start in range(0, size if random else 0, MB):
                    file.write(os.urandom(min(MB, size - start)))
                # A byte here and there: pieces of nothing but zeros would not be sent.
                for start in range(0, 0 if random else size, 64 * 1024):
                    file.seek(start)
                    file.write(b"x")
                file.truncate(size)
        return path

    def on_disk(self) -> Context:
        """Return the same run with all its files on the disk."""
        return replace(self, folder=self.disk or self.folder)

    @staticmethod
    def say(text: str) -> None:
        """Print a line of progress."""
        print(f"    {text}", flush=True)
