"""The virtual environment of the native data channel, with a Python that supports it.

That needs Python 3.12 and is an optional extra, so its benchmarks and tests run in a virtual
environment of their own. `python -m benchmarks.native` makes it; `python -m tools.native` does,
too, and runs the tests there.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.processes import Failed

_ROOT: Final = Path(__file__).parent.parent
_ENVIRONMENT: Final = _ROOT / ".venv" / "native"
_PYTHON: Final = str(_ENVIRONMENT / "bin" / "python")
#: Its modification time is that of the installation.
_STAMP: Final = _ENVIRONMENT / "installed.stamp"
_NEEDED: Final = (3, 12)
#: 3.14 last: libtorrent, which the interop tests need, has no wheel for it yet.
_NEWER: Final = ("python3.13", "python3.12", "python3.14")


@functools.cache
def interpreter() -> str:
    """Return the environment's Python. Raises Failed where it was not made."""
    if not _can(_PYTHON, "import aiolibdatachannel, filesend_tui"):
        raise Failed("no Python here has the native data channel: see python -m benchmarks.native")
    return _PYTHON


def install() -> None:
    """Make the environment if it is missing, and install by the current pyproject.toml.

    Raises:
        Failed: No Python here is new enough, or pip failed.
    """
    if not _can(_PYTHON, "import pip"):
        _run("cannot make an environment", _newer(), "-m", "venv", "--clear", str(_ENVIRONMENT))
    if _STAMP.exists() and _STAMP.stat().st_mtime > (_ROOT / "pyproject.toml").stat().st_mtime:
        return
    print(f"Installing FileSend with the native data channel into {_ENVIRONMENT}.", flush=True)
    quietly = ["--quiet", "--disable-pip-version-check"]
    what = ["--editable", f"{_ROOT}[dev,fast]"]
    _run("it cannot be installed", _PYTHON, "-m", "pip", "install", *quietly, *what)
    _STAMP.touch()


def _newer() -> str:
    for python in _pythons():
        if _can(python, "import venv, ensurepip"):
            return python
    raise Failed("no Python from 3.12 on was found, in the path or in pyenv")


def _pythons() -> Iterator[str]:
    """Yield interpreters that may be new enough."""
    for name in _NEWER:
        if found := shutil.which(name):
            yield found
    kept = {
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions",
        Path(sys.base_prefix).parent,  # the home folder may be another user's
    }
    for name in _NEWER:
        for folder in kept:
            yield from (str(path) for path in sorted(folder.glob(f"*/bin/{name}"), reverse=True))
    yield sys.executable


def _can(python: str, statement: str) -> bool:
    """Return whether this interpreter exists, is new enough and can run this statement."""
    check = f"import sys; assert sys.version_info >= {_NEEDED}; {statement}"
    try:
        return not subprocess.run(
            [python, "-c", check], capture_output=True, check=False
        ).returncode
    except OSError:
        return False


def _run(trouble: str, *command: str) -> None:
    if subprocess.run(command, check=False).returncode:
        raise Failed(trouble)


if __name__ == "__main__":
    try:
        install()
    except Failed as failed:
        # The other rows of the benchmarks do not need it.
        print(f"Rows with the native data channel are left out: {failed}.")
