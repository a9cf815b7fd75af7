"""`python -m tools.diagrams`: the diagrams of docs/, generated from the code's own tables.

Each is between two marks in a page and is never edited by hand: the packages' floors from the
import rules in pyproject.toml, the state machines from their transition tables. As Mermaid, which
code hosts render. tests/laws/test_diagrams.py checks that they are current.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from filesend_tui.core.events import Direction, PausedBy
from filesend_tui.core.exchange import pausing, table
from filesend_tui.core.sessions import pairing
from tools.import_laws import Laws

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = ROOT / "docs"


def laws() -> Laws:
    """Return the import rules of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [
        each for each in project["tool"]["importlinter"]["contracts"] if each["type"] == "allow"
    ]
    return Laws(contract["table"])


def floors() -> str:
    """Return the packages of both programs and what each may import, transitively reduced."""
    allowed = laws().allowed
    below: dict[str, frozenset[str]] = {}
    for package, imports in allowed.items():
        below[package] = imports.union(*(below[each] for each in imports))
    lines = ["flowchart TD"]
    for package, imports in allowed.items():
        lines.append(f'    {_id(package)}["{_short(package)}"]')
        through = frozenset[str]().union(*(below[each] for each in imports))
        lines += [f"    {_id(package)} --> {_id(each)}" for each in sorted(imports - through)]
    return "\n".join(lines)


def exchange(direction: Direction) -> str:
    """Return the phases of a request on one side, and their transitions."""
    rows = table.TABLES[direction]
    return states(
        table.P.ASKED,
        ((phase, happened.__name__, row.phase) for (phase, happened), row in rows.items()),
    )


def pairing_states() -> str:
    """Return the states of a pairing, and the words that cause each transition."""
    first = pairing.PairingState.UNSTARTED
    steps = [(first, "start", pairing.PairingState.WAITING_PAKE)]
    steps += [(state, word.__name__, row[0]) for (state, word), row in pairing.TABLE.items()]
    return states(first, steps)


def pauses() -> str:
    """Return who may have paused a transfer, and what leads there."""
    rows = pausing.TABLE.items()
    return states(
        PausedBy.NOBODY, ((by, happened.__name__, row.by) for (by, happened), row in rows)
    )


def states(first: str, steps: Iterable[tuple[str, str, str]]) -> str:
    """Return a state diagram of the first state, and (from, cause, to) for each transition."""
    by: dict[tuple[str, str], list[str]] = {}
    for begin, what, end in steps:
        by.setdefault((str(begin), str(end)), []).append(what)
    arrows = [f"    {begin} --> {end}: {', '.join(what)}" for (begin, end), what in by.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *arrows])


#: Page and mark, and the function that draws there.
DIAGRAMS: Final[Mapping[tuple[str, str], Callable[[], str]]] = {
    ("architecture.md", "floors"): floors,
    ("protocol.md", "pairing"): pairing_states,
    ("protocol.md", "sending"): lambda: exchange(Direction.SEND),
    ("protocol.md", "receiving"): lambda: exchange(Direction.RECEIVE),
    ("protocol.md", "pauses"): pauses,
}


def drawn(page: str, text: str) -> str:
    """Return the text of a page with current diagrams. Raises ValueError without such a mark."""
    for (where, mark), draw in DIAGRAMS.items():
        if where != page:
            continue
        begin, end = f"<!-- {mark}: drawn by python -m tools.diagrams -->", f"<!-- end {mark} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        block = f"{begin}\n```mermaid\n{draw()}\n```\n{end}"
        text, count = pattern.subn(lambda _: block, text)  # noqa: B023 - called at once
        if count != 1:
            raise ValueError(f"docs/{page} has not one mark {mark}")
    return text


def main() -> None:
    for name in sorted({page for page, _ in DIAGRAMS}):
        page = DOCS / name
        page.write_text(drawn(name, page.read_text(encoding="utf-8")), encoding="utf-8")


def _id(package: str) -> str:
    return package.replace(".", "_")


def _short(package: str) -> str:
    return package.removeprefix("filesend_tui.") if package != "filesend_tui" else package


if __name__ == "__main__":
    main()
