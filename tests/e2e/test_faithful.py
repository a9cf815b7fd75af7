"""A tree with everything in it arrives as it was, through a real relay: walked on both sides."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.processes import World, digest, fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("transfers"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither modes nor plain links"),
]

THEN = 1_500_000_000 * 10**9 + 123_456_700
SPARSE = 48 * 1024 * 1024


class Seen(NamedTuple):
    """What a walker sees of a name. same: the first name of the same file, below the top."""

    kind: str
    mode: int
    modified_ns: int
    what: str
    same: str


def walked(top: Path) -> dict[str, Seen]:
    """Return all names below a folder, links not followed."""
    found: dict[str, Seen] = {}
    first: dict[int, str] = {}
    for path in sorted([top, *top.rglob("*")]):
        status, name = path.lstat(), path.relative_to(top).as_posix()
        mode, modified = stat.S_IMODE(status.st_mode), status.st_mtime_ns
        if path.is_symlink():
            found[name] = Seen("link", 0, 0, str(path.readlink()), name)
        elif path.is_dir():
            found[name] = Seen("folder", mode, modified, "", name)
        else:
            same = first.setdefault(status.st_ino, name)
            found[name] = Seen("file", mode, modified, digest(path), same)
    return found


def everything(top: Path) -> Path:
    """Make a tree with one of each kind."""
    fill(top / "plain", 100_000).chmod(0o644)
    fill(top / "bin" / "run", 5_000).chmod(0o755)
    fill(top / "bin" / "key", 10).chmod(0o600)
    (top / "nothing" / "at all").mkdir(parents=True)
    (top / "none").touch()
    os.link(top / "plain", top / "zz again")
    os.link(top / "bin" / "run", top / "bin" / "walk")
    (top / "bin" / "first").symlink_to("../plain")
    (top / "second").symlink_to("bin/first")
    (top / "there").symlink_to("bin")
    with (top / "sparse").open("wb") as file:
        file.write(b"the beginning")
        file.seek(SPARSE)
        file.write(b"the end")
    for path in sorted(top.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o755)
            os.utime(path, ns=(THEN, THEN))
    os.utime(top, ns=(THEN, THEN))
    return top


def test_a_tree_of_everything_arrives_as_it_was(world: World, tmp_path: Path) -> None:
    top = everything(tmp_path / "from" / "top")
    fill(top / "left.log", 10)
    fill(top / "ignored" / "x", 10)
    (top / ".gitignore").write_text("/ignored/\n.gitignore\n")
    os.utime(top, ns=(THEN, THEN))
    sender, code = world.send(top, "--links", "keep", "--exclude", "*.log", "--respect-gitignore")
    receiver = world.receive(code, tmp_path / "to")
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()

    came = walked(tmp_path / "to" / "top")
    gone = {"left.log", "ignored", "ignored/x", ".gitignore"}
    sent = {name: seen for name, seen in walked(top).items() if name not in gone}
    assert came == sent
    request = receiver.wait_for("fileRequest")
    assert request["programs"] == 1
    # What is left out by choice is told who chose it, and nobody else.
    assert (sender.wait_for("fileRequest")["excluded"], request["excluded"]) == (3, 0)
    assert sorted((each["path"], each["hard"]) for each in request["links"]) == [
        ("top/bin/first", False),
        ("top/bin/walk", True),
        ("top/second", False),
        ("top/there", False),
        ("top/zz again", True),
    ]
    # The file of two names came once, and the hole not at all.
    assert request["totalBytes"] == 100_000 + 5_000 + 10 + SPARSE + 7
    if 512 * (top / "sparse").stat().st_blocks < SPARSE // 2:
        assert 512 * (tmp_path / "to" / "top" / "sparse").stat().st_blocks < SPARSE // 2

    # The same again, where all of it is: nothing is to be received, which is no failure.
    sender, code = world.send(top / "plain", top / "sparse")
    to = tmp_path / "to" / "top"
    receiver = world.receive(code, to, "--skip-existing")
    assert receiver.end() == 0, receiver.report()
    assert sender.end() == 3
    assert receiver.wait_for("alreadyThere")["everything"]


def test_only_what_is_older_is_overwritten_and_without_times_nothing_is(
    world: World, tmp_path: Path
) -> None:
    top = tmp_path / "from" / "top"
    for name in ("a", "b", "c"):
        os.utime(fill(top / name, 1000), ns=(THEN, THEN))
    there = tmp_path / "to" / "top"
    for name, age in {"a": -60, "b": 60}.items():
        os.utime(fill(there / name, 500), ns=(THEN + age * 10**9,) * 2)
    newer = digest(there / "b")
    sender, code = world.send(top)
    receiver = world.receive(code, tmp_path / "to", "--overwrite", "older", "--no-times")
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    # Times that are not kept make nothing newer.
    assert sorted(path.name for path in there.iterdir()) == ["a", "a (1)", "b", "b (1)", "c"]
    assert abs((there / "c").stat().st_mtime_ns - THEN) > 10**12

    for path in there.glob("* (1)"):
        path.unlink()
    (there / "c").unlink()
    sender, code = world.send(top)
    receiver = world.receive(code, tmp_path / "to", "--overwrite", "older")
    assert (receiver.end(), sender.end()) == (0, 0), receiver.report() + sender.report()
    assert sorted(path.name for path in there.iterdir()) == ["a", "b", "b (1)", "c"]
    assert digest(there / "a") == digest(top / "a")
    assert digest(there / "b") == newer
