"""Another program that may write to the folder where files arrive, and swaps all it can reach.

Run as a process: what it may do is what anybody may who may write to that folder, and no more. It
does not go into the part folder, which is its owner's alone. Its own things are links and hard
links to what is precious, FIFOs, folders and files; it also moves around what it finds. It prints a
line a round and ends when its standard input does.

Arguments: the folder; the part folder's name; the names under which files are put in place, with
their numbered variants; after `--` the folder with what is precious.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: Begins the names of what it made or moved away.
MARK = "attacker-"


class Attacker:
    """Swaps things in a folder, and puts back what it moved."""

    def __init__(self, folder: Path, part: str, names: list[str], precious: Path) -> None:
        self._folder, self._part, self._names, self._precious = folder, part, names, precious
        self._count = 0
        self._rng = random.Random(5)

    def round(self) -> None:
        """Do one thing of each kind. What fails was a race that the other side won."""
        for act in (
            self._take_a_name,
            self._take_the_part_name,
            self._swap_the_part_folder,
            self._give_the_part_name_to_what_is_precious,
            self._swap_what_was_placed,
        ):
            with suppress(OSError):
                act()

    def _new(self) -> Path:
        self._count += 1
        return self._folder / f"{MARK}{self._count}"

    def _make(self, place: Path) -> None:
        """Make something hostile."""
        makers: list[Callable[[], object]] = [
            lambda: place.symlink_to(self._precious),
            lambda: place.symlink_to(self._precious / "file"),
            lambda: place.symlink_to("nowhere"),
            lambda: os.link(self._precious / "file", place),
            lambda: os.mkfifo(place),
            place.mkdir,
            place.touch,
        ]
        self._rng.choice(makers)()

    def _unmake(self, place: Path) -> None:
        if place.is_symlink() or not place.is_dir():
            place.unlink()
        else:
            place.rmdir()

    def _take(self, place: Path) -> None:
        """Have a name for a moment."""
        mine = self._new()
        self._make(mine)
        with suppress(OSError):
            mine.rename(place)  # over nothing, a file or an empty folder
            mine = place
        with suppress(OSError):
            # It may be the other side's by now: then it goes, as anybody could make it go.
            self._unmake(mine)

    def _take_a_name(self) -> None:
        self._take(self._folder / self._rng.choice(self._names))

    def _take_the_part_name(self) -> None:
        self._take(self._folder / self._part)

    def _swap_the_part_folder(self) -> None:
        away = self._new()
        (self._folder / self._part).rename(away)
        self._take_the_part_name()
        away.rename(self._folder / self._part)

    def _give_the_part_name_to_what_is_precious(self) -> None:
        self._precious.rename(self._folder / self._part)
        (self._folder / self._part).rename(self._precious)

    def _swap_what_was_placed(self) -> None:
        place = self._folder / self._rng.choice(self._names)
        away = self._new()
        place.rename(away)
        self._take(place)
        if away.is_dir():
            shutil.rmtree(away)
        else:
            away.unlink()


def main() -> None:
    folder, part, *names = sys.argv[1 : sys.argv.index("--")]
    precious = Path(sys.argv[sys.argv.index("--") + 1])
    stop = threading.Event()
    attacker = Attacker(Path(folder), part, names, precious)

    def work() -> None:
        while not stop.is_set():
            attacker.round()
            print(flush=True)

    thread = threading.Thread(target=work)
    thread.start()
    sys.stdin.read()
    stop.set()
    thread.join()


if __name__ == "__main__":
    main()
