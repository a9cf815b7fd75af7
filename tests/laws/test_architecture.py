"""docs/architecture.md is about the code that is there: modules have floors, paths lead on."""

from __future__ import annotations

import re

import pytest

from tools.diagrams import DOCS, ROOT

TEXT = (DOCS / "architecture.md").read_text(encoding="utf-8")
#: Where the page's paths begin.
ROOTS = (ROOT, ROOT / "filesend_tui", ROOT / "filesend_tui" / "core", ROOT / "relay")
#: Most modules that a folder may hold before it is two rooms.
MOST_MODULES = 16
#: Most modules that stand loose at the top of the client.
MOST_LOOSE = 8


def floors() -> list[str]:
    rows = re.findall(r"^\| [\w ]+ \| (`[^|]+`) \|", TEXT, re.MULTILINE)
    return [path for row in rows for path in re.findall(r"`([^`]+)`", row)]


def folders() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for root in ("filesend_tui", "relay"):
        for path in (ROOT / root).rglob("*.py"):
            if path.name != "__init__.py":
                name = path.relative_to(ROOT).as_posix()
                found.setdefault(name.rpartition("/")[0], []).append(name)
    return found


def test_every_module_has_a_floor() -> None:
    places = floors()
    assert len(places) > 20
    for modules in folders().values():
        for module in modules:
            assert any(
                module == place or (place.endswith("/") and module.startswith(place))
                for place in places
            ), f"{module} is on no floor of docs/architecture.md"


def test_no_folder_is_more_than_one_room() -> None:
    for folder, modules in folders().items():
        assert len(modules) <= MOST_MODULES, folder
    loose = list((ROOT / "filesend_tui").glob("*.py"))
    assert len(loose) <= MOST_LOOSE, loose


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w/.]+(?:\.py|/))`", TEXT))))
def test_every_path_on_the_page_leads_somewhere(path: str) -> None:
    made = path in (ROOT / ".gitignore").read_text().splitlines()  # there once it was built
    everywhere = made or any((root / path).exists() for root in ROOTS)
    below = [each for root in ("filesend_tui", "relay") for each in (ROOT / root).rglob(path)]
    assert everywhere or below
