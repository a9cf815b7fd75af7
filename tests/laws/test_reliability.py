"""docs/reliability.md names a test for each wait and each trouble: this holds it to that."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from filesend_tui.core.exchange.patience import WAITS
from tools.waits_table import BROUGHT_ABOUT, PAGE, made

ROOT = Path(__file__).parents[2]
TEXT = PAGE.read_text(encoding="utf-8")
#: What comes before the figures, of which each row names a test.
TOLD = TEXT.partition("\n## Figures")[0]
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+(?:::\w+)?)`", TOLD)))


def rows() -> list[list[str]]:
    """The cells of each row of the tables, without their heads."""
    lines = [line for line in TOLD.splitlines() if line.startswith("|")]
    heads = {number for number, line in enumerate(lines) if line.startswith("|---")}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for number, line in enumerate(lines)
        if not {number, number + 1} & heads
    ]


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_exists(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert not function or function in {
        node.name for node in ast.walk(tree) if isinstance(node, kinds)
    }


def test_every_row_names_a_test() -> None:
    found = rows()
    assert len(found) > 40
    assert [row[0] for row in found if "`tests/" not in row[-1]] == []


def test_the_table_of_waits_is_what_is_made() -> None:
    assert made(TEXT) == TEXT, "run python -m tools.waits_table"
    assert {wait.what for wait in WAITS.values()} == set(BROUGHT_ABOUT)
    for wait in WAITS.values():
        assert f"| `{wait.what}` | {wait.turn} | {wait.tells:.0f} s |" in TEXT


def test_every_kind_of_trouble_has_a_section_and_figures_have_theirs() -> None:
    sections = re.findall(r"^##+ (.+)$", TEXT, re.MULTILINE)
    assert {"The network", "The relay", "A process", "A disk", "The terminal"} <= set(sections)
    assert sections[-1] == "Figures"
