"""What the long forms came to: kept in build/chaos/, and written into docs/reliability.md.

`python -m tests.chaos.figures` writes the table of all that is kept, which `make chaos` ends with.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
KEPT: Final = ROOT / "build" / "chaos"
PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- figures, by `make chaos` -->"
END: Final = "<!-- end of figures -->"
_SECTION: Final = "## Figures\n"
_EMPTY: Final = "# Reliability\n"
_HEAD: Final = (
    "| what | faults | bytes lost | sent again | seconds to recover: median | worst | |\n"
    "|---|---|---|---|---|---|---|"
)


@dataclass(kw_only=True)
class Figures:
    """The figures of one test.

    what: a row's name. size: bytes that were to arrive. faults: how many were brought about. lost:
    bytes that did not arrive, or not as they were sent. sent: bytes on the wire; None where that
    was not measured. recoveries: seconds from a fault's end until new bytes arrived. note: anything
    else.
    """

    what: str
    size: int = 0
    faults: int = 0
    lost: int = 0
    sent: int | None = None
    recoveries: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def again(self) -> float | None:
        """The share of the size that was sent more than once, or that was no file data."""
        return None if self.sent is None else self.sent / self.size - 1

    def end(self, size: int, sent: int) -> None:
        """Note how much was to arrive, and what was on the wire for it."""
        self.size += size
        self.sent = (self.sent or 0) + sent

    def add(self, other: Figures) -> None:
        """Add those of the same test with other parameters."""
        self.size += other.size
        self.faults += other.faults
        self.lost += other.lost
        if other.sent is not None:
            self.sent = (self.sent or 0) + other.sent
        self.recoveries += other.recoveries
        self.note = self.note or other.note

    def row(self) -> str:
        """The line of the table."""
        again = "" if self.again is None else f"{self.again:.1%}"
        middle, worst = "", ""
        if self.recoveries:
            middle = f"{statistics.median(self.recoveries):.1f}"
            worst = f"{max(self.recoveries):.1f}"
        cells = (self.what, self.faults, self.lost, again, middle, worst, self.note)
        return f"| {' | '.join(str(cell) for cell in cells)} |"

    def keep(self, name: str) -> None:
        """Keep them for the table."""
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / f"{name}.json").write_text(json.dumps(asdict(self)), encoding="utf-8")


def table(kept: Path) -> str:
    """Return the table of all that is kept: a row for each test, whatever its parameters."""
    tests: dict[str, Figures] = {}
    for path in sorted(kept.glob("*.json")):
        figures = Figures(**json.loads(path.read_text(encoding="utf-8")))
        if figures.what in tests:
            tests[figures.what].add(figures)
        else:
            tests[figures.what] = figures
    return "\n".join([_HEAD, *(each.row() for each in tests.values())])


def written(page: str, text: str) -> str:
    """Return the page with this between its marks, which are added where there are none."""
    if BEGIN not in page:
        head, found, rest = (page or _EMPTY).partition(_SECTION)
        page = f"{head.rstrip()}\n\n{_SECTION}\n{BEGIN}\n{END}\n{rest if found else ''}"
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


if __name__ == "__main__":
    there = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(written(there, table(KEPT)), encoding="utf-8")
    print(table(KEPT))
