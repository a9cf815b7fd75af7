"""`python -m tools.oldest [OPTION…]`: the suite with the oldest versions that pyproject allows.

They are installed in a separate environment, each dependency at its lowest version and its own
dependencies at their newest. Tests of the native stack are left out: they need another Python. The
options are pytest's.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.version import Version

_ROOT: Final = Path(__file__).parent.parent
_PROJECT: Final = _ROOT / "pyproject.toml"
_ENVIRONMENT: Final = _ROOT / ".venv" / "oldest"
_BIN: Final = _ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin")
_CONSTRAINTS: Final = _ENVIRONMENT / "constraints.txt"
#: Written once everything is installed; ignored if older than pyproject.toml.
_STAMP: Final = _ENVIRONMENT / "installed.stamp"


def requirements(*extras: str) -> Iterator[Requirement]:
    """Yield the requirements of pyproject.toml that apply here, with these extras."""
    project = tomllib.loads(_PROJECT.read_text("utf-8"))["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement


def floor(requirement: Requirement) -> Version | None:
    """Return the oldest version allowed; None where any is."""
    return max(
        (Version(each.version) for each in requirement.specifier if each.operator == ">="),
        default=None,
    )


def install() -> None:
    """Make the environment, unless it exists and is newer than pyproject.toml.

    Raises:
        subprocess.CalledProcessError: It cannot be made, or the lowest versions conflict.
    """
    if _STAMP.exists() and _STAMP.stat().st_mtime > _PROJECT.stat().st_mtime:
        return
    print(f"Installing FileSend with its oldest dependencies into {_ENVIRONMENT}.", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT)], check=True)
    pins = [f"{each.name}=={lowest}" for each in requirements("dev") if (lowest := floor(each))]
    _CONSTRAINTS.write_text("\n".join(pins), "utf-8")
    pip = [str(_BIN / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    what = ["--constraint", str(_CONSTRAINTS), "--editable", f"{_ROOT}[dev]"]
    subprocess.run([*pip, *what], check=True)
    _STAMP.touch()


def main() -> int:
    """Run pytest; return its exit status, or 1 where the lowest versions cannot be installed."""
    try:
        install()
    except subprocess.CalledProcessError as failed:
        print(f"THE OLDEST DEPENDENCIES CANNOT BE INSTALLED: {failed}", flush=True)
        return 1
    options = sys.argv[1:] or ["-n", "logical", "--dist", "loadgroup", "-m", "not native"]
    return subprocess.run([str(_BIN / "python"), "-m", "pytest", *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
