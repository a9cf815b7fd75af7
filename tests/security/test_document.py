"""docs/security.md names the test of each attack: this holds it to that."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+(?:::\w+)?)`", DOCUMENT)))


def attacks() -> list[list[str]]:
    """The cells of each row of the tables of attacks."""
    section = DOCUMENT.partition("## Attacks")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [row for row in rows if row[0] != "attack" and not row[0].startswith("---")]


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_exists(name: str):
    file, _, function = name.partition("::")
    path = ROOT / file
    assert path.exists()
    if function:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_file_of_this_folder_is_named():
    files = {f"tests/security/{path.name}" for path in Path(__file__).parent.glob("test_*.py")}
    assert files <= {name.partition("::")[0] for name in NAMED} | {
        "tests/security/test_document.py"
    }


def test_every_attack_names_a_test():
    rows = attacks()
    assert len(rows) > 30
    assert [
        row[0] for row in rows if len(row) != 3 or "`tests/" not in row[2] or "open" in row[2]
    ] == []
