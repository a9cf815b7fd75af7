"""`python -m benchmarks`: every row of the table, each a ratio taken in the same run.

Prints the table at the end, and writes it as text, Markdown, JSON and SVG. A row that cannot be
measured here is left out, with the reason, and the others go on.
"""

from __future__ import annotations

import argparse
import compileall
import json
import shutil
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from benchmarks.context import Context
from benchmarks.groups import GROUPS
from benchmarks.machine import describe, machine
from benchmarks.plot import draw
from benchmarks.processes import Failed
from benchmarks.table import Result, markdown, render

_ROOT = Path(__file__).parent.parent
#: Minutes that the groups' time allotments add up to, and the default for `--minutes`.
_PLANNED = 22.0
_MINUTES = 16.0
#: Bytes that all files but the largest take at once, with room for the programs.
_ROOM = 8_000_000_000


def main() -> None:
    """Read the options, measure, print and write."""
    names = [row.name for group in GROUPS for row in group.rows]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", nargs="+", metavar="ROW", help=", ".join(names), choices=names)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bytes, one round")
    parser.add_argument(
        "--minutes", type=float, default=_MINUTES, help=f"at most about so long ({_MINUTES:g})"
    )
    parser.add_argument(
        "--folder", type=Path, help="where all files go, 20 GB at most (memory; large ones on disk)"
    )
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="(build/bench)")
    options = parser.parse_args()
    fast = options.folder or memory_folder()
    facts = machine() | {"files": str(fast or tempfile.gettempdir())}
    print(describe(facts), flush=True)
    began = time.monotonic()
    for package in ("filesend_tui", "relay", "benchmarks"):
        # Else a fresh clone's first run would compile, and be measured as if each run were so slow.
        compileall.compile_dir(_ROOT / package, quiet=2)
    with (
        tempfile.TemporaryDirectory(prefix="filesend-bench-", dir=fast) as folder,
        tempfile.TemporaryDirectory(prefix="filesend-bench-", dir=options.folder) as disk,
    ):
        context = Context(
            folder=Path(folder),
            disk=Path(disk),
            quick=options.quick,
            pace=options.minutes / _PLANNED,
        )
        results = measure(context, set(options.rows or names))
    minutes = (time.monotonic() - began) / 60
    print(f"\n{render(results)}\n\n{describe(facts)}\n{minutes:.1f} minutes")
    write(options.out, results, facts | {"minutes": round(minutes, 1), "quick": options.quick})


def memory_folder() -> Path | None:
    """Return a folder in memory with room for the files; None where there is none."""
    import psutil

    folder = Path("/dev/shm")
    if not folder.is_dir() or psutil.virtual_memory().available < _ROOM:
        return None
    return folder if shutil.disk_usage(folder).free >= _ROOM else None


def measure(context: Context, wanted: set[str]) -> list[Result]:
    """Measure the rows of these names, group by group; a group's failure is noted in its rows."""
    results: list[Result] = []
    for group in GROUPS:
        rows = [row for row in group.rows if row.name in wanted]
        if not rows:
            continue
        print(f"{', '.join(row.name for row in rows)} …", flush=True)
        try:
            measured = group.measure(context, rows)
        except Failed as error:
            measured = [Result(row=row, why=str(error)) for row in rows]
        except Exception as error:
            traceback.print_exc()
            measured = [Result(row=row, why=f"{type(error).__name__}: {error}") for row in rows]
        for result in measured:
            if result.value is None:
                context.say(f"{result.row.name} is left out: {result.why}")
        results += measured
    return results


def write(folder: Path, results: list[Result], facts: Mapping[str, object]) -> None:
    """Write the table as text, Markdown, JSON and SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.txt").write_text(f"{render(results)}\n", encoding="utf-8")
    about = f"{describe(facts)}, {facts['minutes']} minutes"
    (folder / "table.md").write_text(f"{markdown(results)}\n\n{about}\n", encoding="utf-8")
    (folder / "table.json").write_text(
        json.dumps({"machine": dict(facts), "rows": [each.as_json() for each in results]}, indent=2)
        + "\n",
        encoding="utf-8",
    )
    (folder / "table.svg").write_text(draw(results, describe(facts)), encoding="utf-8")
    print(f"written: {folder}/table.txt, table.md, table.json, table.svg")


if __name__ == "__main__":
    main()
