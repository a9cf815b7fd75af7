"""The rooms of web/src import what docs/architecture.md says, and no modules import in a circle."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tools.diagrams import DOCS, ROOT

SRC = ROOT / "web" / "src"
_IMPORT = re.compile(r"""^(?:import|export)\b[^;]*?\bfrom\s+"([^"]+)";""", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \|((?: `\w+`)*) \|$", re.MULTILINE)
#: What each room may have of npm.
PACKAGES = {
    "crypto": {"@noble"},
    "relay": {"socket.io-client"},
    "session": {"@noble"},
    "signaling": {"@noble"},
}


def may_import() -> dict[str, set[str]]:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("| room of `web/src/` |") :].split("\n\n", 1)[0]
    return {room: set(re.findall(r"\w+", others)) for room, others in _ROW.findall(table)}


def imports(module: Path) -> tuple[set[Path], set[str]]:
    """The modules that one imports, and the packages."""
    named = _IMPORT.findall(module.read_text(encoding="utf-8"))
    own = {(module.parent / each).resolve() for each in named if each.startswith(".")}
    return own, {each.split("/")[0] for each in named if not each.startswith(".")}


MODULES = sorted(SRC.rglob("*.ts"))


def test_every_room_is_in_the_table() -> None:
    assert set(may_import()) == {path.name for path in SRC.iterdir() if path.is_dir()}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(SRC).as_posix())
def test_a_module_imports_what_its_room_may(module: Path) -> None:
    own, packages = imports(module)
    room = module.parent.name if module.parent != SRC else ""
    rooms = {path.parent.name for path in own if path.parent != SRC}
    assert all(path.is_file() for path in own)
    assert rooms <= may_import().get(room, set()) | {room}
    assert packages <= PACKAGES.get(room, set())


def test_no_modules_import_each_other_in_a_circle() -> None:
    order = TopologicalSorter({module: imports(module)[0] for module in MODULES})
    assert len(list(order.static_order())) == len(MODULES)
