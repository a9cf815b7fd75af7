"""The types in stubs/ are those of the libraries: names, arguments and their defaults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED = {"engineio", "socketio", "spake2"}
NATIVE = "aiolibdatachannel"


def compared(*libraries: str) -> tuple[int, str]:
    """Compare each library with its stub, as far as that goes; return the status and what it says.

    Whatever is not in the stub is not used here.
    """
    command = [sys.executable, "-m", "mypy.stubtest", *libraries, "--ignore-missing-stub"]
    config = ["--mypy-config-file", "pyproject.toml", "--concise"]
    done = subprocess.run(
        [*command, *config], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_each_stub_is_compared() -> None:
    folders = {path.name for path in (ROOT / "stubs").iterdir() if path.is_dir()}
    assert folders == {*INSTALLED, NATIVE}


def test_the_stubs_fit_the_libraries() -> None:
    status, said = compared(*sorted(INSTALLED))
    assert status == 0, said


@pytest.mark.native
def test_the_native_stub_fits_its_library() -> None:
    status, said = compared(NATIVE)
    assert status == 0, said
