"""The laws of who imports whom, seen from outside: what a fresh interpreter really loads.

import-linter holds the static laws (`make test` runs it); these hold for imports inside functions
and for other people's packages too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import filesend_tui

PACKAGE = Path(filesend_tui.__file__).parent
#: Slow to import, and so only imported when first needed.
HEAVY = {
    *("aiortc", "av", "socketio", "textual", "torf", "uvicorn", "cryptography", "aiohttp"),
    *("sqlite3", "zeroconf"),
}


TELL_MODULES = """
import json, sys
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def modules_of(package: str) -> list[str]:
    """Every module below a package, by its dotted name."""
    root = PACKAGE.parent
    return sorted(
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in (root / package.replace(".", "/")).rglob("*.py")
        if path.name != "__main__.py"
    )


def loaded_by(code: str, *arguments: str, **variables: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after running the code."""
    result = subprocess.run(
        [sys.executable, "-c", code + TELL_MODULES, *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_the_core_brings_no_textual() -> None:
    modules = modules_of("filesend_tui.core")
    assert "filesend_tui.core.client" in modules
    loaded = loaded_by("import " + ", ".join(modules))
    assert "textual" not in loaded
    assert "typer" not in loaded


def test_the_headless_face_brings_no_textual() -> None:
    loaded = loaded_by("import " + ", ".join(modules_of("filesend_tui.headless")))
    assert "textual" not in loaded


def test_the_relay_brings_no_client() -> None:
    assert "filesend_tui" not in loaded_by("import " + ", ".join(modules_of("relay")))


def test_the_core_is_light_until_it_is_used() -> None:
    assert not HEAVY & loaded_by("import filesend_tui.core.client")


def test_the_first_screen_waits_for_nothing_but_textual() -> None:
    assert not (HEAVY - {"textual"}) & loaded_by("import filesend_tui.app")


def test_what_is_looked_at_before_a_client_is_asked_is_light() -> None:
    assert not HEAVY & loaded_by("import filesend_tui.core.checks")


#: `filesend` on a terminal, with an app that is over at once.
SCREENS = """
import sys
from unittest import mock
from filesend_tui import __main__, app
from filesend_tui.system import process_exit
for stream in (sys.stdin, sys.stdout, sys.stderr):
    stream.isatty = lambda: True
with mock.patch.object(app.FileSendApp, "run") as run, mock.patch.object(process_exit, "end_soon"):
    try:
        __main__.begin()
    except SystemExit as end:
        assert end.code == 0, end.code
assert run.called
"""


def test_the_screens_open_without_the_command_line(tmp_path: Path) -> None:
    loaded = loaded_by(SCREENS, FILESEND_SETTINGS=str(tmp_path / "settings.toml"))
    assert "textual" in loaded
    assert not loaded & {"typer", "click", "aiortc", "socketio"}


RUN = """
import sys
from filesend_tui.__main__ import main
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("--help",),
        *((name, "--help") for name in ("send", "receive", "seed", "download", "history", "relay")),
    ],
    ids=" ".join,
)
def test_asking_for_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not HEAVY & loaded_by(RUN, *arguments)
