"""Listing a folder and weighing what was chosen, on a real disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from filesend_tui.widgets.folder import Weight, list_folder, weigh
from filesend_tui.widgets.path_field import complete_path


def test_folders_come_first_then_names_without_regard_to_case(tmp_path: Path) -> None:
    for name in ("b.txt", "A.txt", ".hidden"):
        (tmp_path / name).write_bytes(b"123")
    (tmp_path / "z").mkdir()
    entries = list_folder(tmp_path, hidden=False)
    assert [entry.name for entry in entries] == ["z", "A.txt", "b.txt"]
    assert [entry.size for entry in entries] == [None, 3, 3]
    assert ".hidden" in [entry.name for entry in list_folder(tmp_path, hidden=True)]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_broken_link_is_shown_with_its_size_unknown(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    (entry,) = list_folder(tmp_path, hidden=False)
    assert (entry.is_folder, entry.size) == (False, None)
    assert weigh([entry.path], lambda: False).unreadable == 1


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_weighing_walks_folders_once_even_in_a_circle(home: Path) -> None:
    (home / "Pictures" / "again").symlink_to(home / "Pictures")
    assert weigh([home / "Pictures"], lambda: False) == Weight(3, 4_812_331 + 3_012, 0)


def test_weighing_stops_when_told(home: Path) -> None:
    assert weigh([home], lambda: True) == Weight()


def test_a_missing_path_counts_as_unreadable(tmp_path: Path) -> None:
    assert weigh([tmp_path / "gone"], lambda: False) == Weight(0, 0, 1)


def test_a_path_is_completed_from_the_disk(home: Path) -> None:
    assert complete_path("~/Pic") == "~/Pictures"
    assert complete_path(f"{home}/let") == f"{home}/letter.odt"
    assert complete_path("~/nothing") is None
    assert complete_path("~/") is None
    assert complete_path("Pic") is None
    assert complete_path("~/gone/x") is None
