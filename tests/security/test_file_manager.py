"""What somebody sent is never opened, only the folder that it was put into."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from filesend_tui.system.file_manager import link_to, open_folder_of
from tests.security.hostile_text import TEXTS, faults

#: To the system, a folder of such a name is a program, or another place.
NAMES = ["Holiday.app", "x.{21EC2020-3AEA-1069-A2DD-08002B30309D}", "film.mkv", "-R", "a.desktop"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_received_folder_is_not_opened_itself(name: str, tmp_path: Path) -> None:
    """Python is the program: told to open a folder, it runs what is in it."""
    received = tmp_path / name
    received.mkdir()
    for folder in (tmp_path, received):
        note = f"from pathlib import Path; Path({str(folder / 'ran')!r}).touch()"
        (folder / "__main__.py").write_text(note, encoding="utf-8")
    await open_folder_of(received, sys.executable, os.environ)
    assert (tmp_path / "ran").exists()
    assert not (received / "ran").exists()


@pytest.mark.parametrize("text", list(TEXTS.values()), ids=list(TEXTS))
def test_a_link_to_it_steers_no_terminal(text: str, tmp_path: Path) -> None:
    name = text.encode("utf-8", "replace").decode().replace("/", "_").replace("\0", "_")[:100]
    place = tmp_path / f"{name}.mkv"
    for url in (place.as_uri(), f"file://{tmp_path.as_posix()}/{name}"):
        link = link_to(url)
        assert link.isascii()
        assert not faults(link, breaks=True)
        assert ";" not in link
