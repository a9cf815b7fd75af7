"""Which Python here has the native data channel: it needs 3.12, and is an optional extra.

`python -m benchmarks.native` installs it: beside everything else where that may be, and else into
an environment of its own, with a newer Python of this machine.
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
ENVIRONMENT: Final = _ROOT / ".venv" / "native"
#: The module that the extra brings.
MODULE: Final = "aiolibdatachannel"
_NEEDED: Final = (3, 12)
_NEWER: Final = ("python3.14", "python3.13", "python3.12")


@functools.cache
def interpreter() -> str:
    """Return it. Raises Failed where there is none."""
    for candidate in (sys.executable, _own()):
        if _can(candidate, f"import {MODULE}, filesend_tui"):
            return candidate
    raise Failed(f"no Python here has {MODULE}: it needs Python 3.12 and pip install .[fast]")


def main() -> None:
    """Install the extra where it can be; say so where it cannot. Never fails."""
    if sys.version_info >= _NEEDED:
        _install(sys.executable)
        return
    newer = next((python for python in _pythons() if _can(python, "import venv, ensurepip")), None)
    if newer is None:
        print("No Python from 3.12 on is here: rows with the native data channel are left out.")
        return
    if not Path(_own()).exists():
        subprocess.run([newer, "-m", "venv", str(ENVIRONMENT)], check=False)
    _install(_own())


def _install(python: str) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*command, "--editable", f"{_ROOT}[fast]"], check=False).returncode:
        print("The native data channel could not be installed: its rows are left out.")


def _pythons() -> Iterator[str]:
    """Yield interpreters that may be new enough: in the path, and where pyenv keeps them."""
    for name in _NEWER:
        if found := shutil.which(name):
            yield found
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in _NEWER:
        yield from (str(path) for path in sorted(kept.glob(f"*/bin/{name}"), reverse=True))


def _own() -> str:
    return str(ENVIRONMENT / "bin" / "python")


def _can(python: str, statement: str) -> bool:
    """Whether this interpreter exists, is new enough and can do this."""
    check = f"import sys; assert sys.version_info >= {_NEEDED}; {statement}"
    try:
        return not subprocess.run(
            [python, "-c", check], capture_output=True, check=False
        ).returncode
    except OSError:
        return False


if __name__ == "__main__":
    main()
