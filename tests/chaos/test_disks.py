"""Disks with no room, and disks that cannot be read: it waits and goes on, or says why not.

What fails reads is a library that is loaded before the C library (failing_reads.c): it needs a C
compiler, but neither root nor a kernel module, as FUSE and dm-flakey would.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chaos.chance import Chance
from tests.chaos.figures import Figures
from tests.chaos.stage import Recovery, Side, Stage
from tests.e2e.processes import contents, digest
from tests.torrent.small_disk import mounted

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos of surroundings")]

MB = 1_000_000
RATE = "4M"
SIZE = 12 * MB
#: Room beside the files, for what FileSend itself keeps there.
SPARE = 4 * MB


class Form(NamedTuple):
    """How large the disk is, and how much is sent to it."""

    disk: int
    size: int


FORMS = [
    pytest.param(Form(10 * MB, 20 * MB), id="short"),
    pytest.param(Form(50 * MB, 100 * MB), id="long", marks=pytest.mark.long),
]


@pytest.mark.parametrize("form", FORMS)
def test_a_disk_without_room_refuses_and_takes_it_once_there_is(
    stage: Stage, chance: Chance, figures: Figures, form: Form
) -> None:
    """One large file: its room is promised before anything is fetched, or nothing is."""
    path = chance.fill(stage.folder / "from" / "film.mkv", form.size)
    with mounted(stage.folder / "small", form.disk) as disk:
        ann, bob = stage.side("Ann"), stage.side("Bob")
        code = ann.start("send", path).wait_for("code")["code"]
        bob.start("receive", code, "--yes", "-o", disk)
        assert (bob.process.end(), ann.process.end()) == (1, 3), stage.report()
        assert bob.process.error_codes() == ["noSpace"]
        assert "no room" in ann.process.wait_for("error")["message"]
        stage.all_well({disk: {}})
        figures.faults += 1
        grow(disk, form.size + SPARE)
        stage.begin(ann, bob, path, disk)
        stage.finish(ann, bob)
        stage.all_well({disk: {path.name: digest(path)}})


@pytest.mark.parametrize("form", FORMS)
def test_a_disk_that_fills_up_on_the_way_is_waited_for(
    stage: Stage, chance: Chance, figures: Figures, form: Form
) -> None:
    """Small files: nobody promised them room, and somebody else takes it."""
    top = stage.folder / "from" / "many"
    count = form.size // 50_000
    for number in range(count):
        chance.fill(top / f"{number}.bin", 50_000)
    # Each file takes whole pages.
    with mounted(stage.folder / "disk", form.size + count * 4096 + SPARE) as disk:
        hog, output = disk / "hog", disk / "to"
        ann, bob = stage.side("Ann", None, "--upload-limit", RATE), stage.side("Bob")
        recovery = Recovery(bob, figures)
        stage.begin(ann, bob, top, output)
        had = bob.has
        with hog.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, form.size - form.disk)
        told = bob.process.wait_for("storageWaits")
        assert told["reason"] == "full"
        assert had < bob.has < form.size
        hog.unlink()
        recovery.begin()
        bob.process.wait_for("storageBack")
        recovery.recovered()
        stage.finish(ann, bob)
        figures.end(form.size, stage.host.carried() if stage.host else ann.uploaded())
        stage.all_well({output: {f"many/{name}": sha for name, sha in contents(top).items()}})


def grow(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


class BadReads:
    """A library that makes reads of one file fail, and the file that says how."""

    def __init__(self, library: Path, fault: Path) -> None:
        self._library = library
        self._fault = fault

    def of(self, name: str) -> dict[str, str]:
        """Return the variables of a process that cannot read files whose path ends so."""
        return {
            "LD_PRELOAD": str(self._library),
            "CHAOS_FILE": name,
            "CHAOS_FAULT": str(self._fault),
        }

    def begin(self, how: str) -> None:
        """Fail from now on: `error`, or `flip` for a wrong byte."""
        fresh = self._fault.with_suffix(".new")
        fresh.write_text(how)
        fresh.replace(self._fault)

    def end(self) -> None:
        self._fault.unlink()


@pytest.fixture
def bad_reads(tmp_path: Path) -> Iterator[BadReads]:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if sys.platform != "linux":
        pytest.skip("only Linux loads a library before the C library like this")
    if compiler is None:
        pytest.skip("there is no C compiler here")
    library = tmp_path / "failing_reads.so"
    source = Path(__file__).with_name("failing_reads.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    yield BadReads(library, tmp_path / "fault")


def start_with(side: Side, variables: dict[str, str], command: str, *arguments: str | Path) -> None:
    """Start a side with variables that nobody else gets."""
    side.stage.environment |= variables
    side.start(command, *arguments)
    for name in variables:
        del side.stage.environment[name]


@pytest.mark.parametrize("how", ["error", "flip"])
def test_a_sender_whose_disk_cannot_be_read(
    stage: Stage, chance: Chance, figures: Figures, bad_reads: BadReads, how: str
) -> None:
    """It ends with a clear error on both sides, never with other bytes than were sent."""
    path = chance.fill(stage.folder / "from" / "film.mkv", SIZE)
    output = stage.folder / "to"
    ann, bob = stage.side("Ann", None, "--upload-limit", RATE), stage.side("Bob")
    start_with(ann, bad_reads.of("film.mkv"), "send", path)
    bob.start("receive", ann.process.wait_for("code")["code"], "--yes", "-o", output)
    Recovery(bob, figures).wait(chance.uniform(0.1, 0.5) * SIZE)
    bad_reads.begin(how)
    figures.faults += 1
    assert (ann.process.end(), bob.process.end()) == (1, 1), stage.report()
    assert ann.process.error_codes() == ["badSource"], stage.report()
    said = "can no longer be read" if how == "error" else "changed while it was being sent"
    for side in (ann, bob):
        assert said in side.process.wait_for("error")["message"], stage.report()
    stage.all_well({output: {}})


def test_a_sender_whose_disk_reads_wrongly_for_a_moment(
    stage: Stage, chance: Chance, figures: Figures, bad_reads: BadReads
) -> None:
    """It arrives whole, or ends with a clear error."""
    path = chance.fill(stage.folder / "from" / "film.mkv", SIZE)
    output = stage.folder / "to"
    ann, bob = stage.side("Ann", None, "--upload-limit", RATE), stage.side("Bob")
    start_with(ann, bad_reads.of("film.mkv"), "send", path)
    bob.start("receive", ann.process.wait_for("code")["code"], "--yes", "-o", output)
    Recovery(bob, figures).wait(chance.uniform(0.1, 0.5) * SIZE)
    had = ann.uploaded()
    bad_reads.begin("flip")
    ann.process.wait_for("upload", lambda event: event["uploadedBytes"] > had)
    bad_reads.end()
    figures.faults += 1
    ends = (ann.process.end(), bob.process.end())
    if ends == (0, 0):
        stage.all_well({output: {path.name: digest(path)}})
    else:
        assert ends == (1, 1), stage.report()
        assert ann.process.error_codes() == ["badSource"], stage.report()
        stage.all_well({output: {}})


@pytest.mark.parametrize("how", ["error", "flip"])
def test_a_receiver_whose_disk_cannot_be_read(
    stage: Stage, chance: Chance, figures: Figures, bad_reads: BadReads, how: str
) -> None:
    """What an earlier run left and nothing vouches for is read: it waits, or fetches that again."""
    path = chance.fill(stage.folder / "from" / "film.mkv", SIZE)
    output = stage.folder / "to"
    ann, bob = stage.side("Ann", None, "--upload-limit", RATE), stage.side("Bob")
    stage.begin(ann, bob, path, output)
    Recovery(bob, figures).wait(chance.uniform(0.2, 0.5) * SIZE)
    bob.kill()
    (part,) = output.rglob("film.mkv")
    os.utime(part)  # so that none of it is taken for what was written
    bad_reads.begin(how)
    figures.faults += 1
    start_with(bob, bad_reads.of("film.mkv"), "resume")
    assert bob.process.wait_for("metadata")["doubtedBytes"] > 0
    if how == "error":
        assert bob.process.wait_for("storageWaits")["reason"] == "away"
        bad_reads.end()
        bob.process.wait_for("storageBack")
    stage.finish(ann, bob)
    if how == "flip":
        assert bob.process.wait_for("downloadComplete")["resumedBytes"] == 0
    stage.all_well({output: {path.name: digest(path)}})
