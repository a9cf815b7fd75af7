"""What is no code and belongs to the program comes with it when it is installed."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = {".py", ".pyc"}


def test_every_file_beside_the_code_is_in_the_wheel() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    data: dict[str, list[str]] = settings["tool"]["setuptools"]["package-data"]
    shipped = {
        path
        for package, patterns in data.items()
        for pattern in patterns
        for path in (ROOT / package).glob(pattern)
    }
    beside = {
        path
        for package in ("filesend_tui", "relay")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in CODE
    }
    assert ROOT / "relay" / "protocol" / "schema" / "words.json" in beside
    assert beside == shipped
