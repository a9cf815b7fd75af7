"""The laws of imports hold what is new from its first line, and catch what they should."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.diagrams import ROOT, laws
from tools.import_laws import Laws, circles

TABLE = ("a:", "a.b:", "c: a a.b")


def test_what_no_line_allows_is_forbidden() -> None:
    few = Laws(TABLE)
    assert few.broken({"c.x": {"a.y", "a.b.z", "c.z"}, "a.b.z": set()}) == []
    assert few.broken({"a.y": {"c.x"}}) == ["a.y imports c.x: a may not import c"]
    assert few.broken({"a.b.y": {"a.x"}}) == ["a.b.y imports a.x: a.b may not import a"]
    assert few.broken({"d": set()}) == ["d is in no package of the table"]


def test_a_permission_that_nobody_needs_goes() -> None:
    assert Laws(TABLE).unused({"c.x": {"a.y"}}) == ["c needs not import a.b"]


def test_a_table_points_one_way() -> None:
    with pytest.raises(ValueError, match="not below it"):
        Laws(["a: b", "b:"])
    with pytest.raises(ValueError, match="two lines"):
        Laws(["a:", "b:", "a: b"])


def test_circles_are_found_however_long() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [("a", "b", "c")]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_every_module_is_under_a_law() -> None:
    table = laws()
    for root in ("filesend_tui", "relay"):
        for path in (ROOT / root).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            assert table.package_of(".".join(parts).removesuffix(".__init__")), path


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        (
            "filesend_tui/widgets/planted.py",
            "from filesend_tui.core.torrent import engine",
            "filesend_tui.widgets may not import filesend_tui.core.torrent",
        ),
        (
            "filesend_tui/core/wire/planted.py",
            "def late() -> None:\n    import filesend_tui.core.client",
            "filesend_tui.core.wire may not import filesend_tui.core.client",
        ),
        (
            "relay/protocol/planted.py",
            "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import filesend_tui.app",
            "relay.protocol may not import filesend_tui.app",
        ),
    ],
)
def test_a_planted_import_is_caught(tmp_path: Path, file: str, line: str, said: str) -> None:
    for name in ("filesend_tui", "relay", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / file).write_text(line + "\n", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(tmp_path), "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert said in " ".join(run.stdout.split())
