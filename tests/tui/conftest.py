"""A stage for each test: app, scripted client, a clock moved by hand, a home to pick from."""

from __future__ import annotations

import shutil
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual._styles_cache import StylesCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from tests.tui.scripted import Stage, fill_home

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Parse each style sheet once for all tests: Textual does it anew for each app."""
    parse_rules = Stylesheet._parse_rules
    known: dict[object, list[RuleSet]] = {}

    def remembered(sheet: Stylesheet, *source: Any, **how: Any) -> list[RuleSet]:
        key = frozenset(sheet._variables.items()), source, frozenset(how.items())
        if key not in known:
            known[key] = parse_rules(sheet, *source, **how)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", remembered)
        # Textual's own is in Python, and says the same: nine million times in 35 tests.
        patch.setattr(RuleSet, "__hash__", object.__hash__)
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with things in it, at `~` whatever the machine."""
    home = fill_home(tmp_path / "home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    return home


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How much is free on every disk."""
    free = {"bytes": 120_000_000_000}
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda _: Usage(2**40, 2**40 - free["bytes"], free["bytes"]),
    )
    return free


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    """Dates as they are shown, whatever the machine's time zone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        _set_zone()
        yield
    _set_zone()


def _set_zone() -> None:
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture
def stage(home: Path, disk: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.delenv("SSH_TTY", raising=False)
    # No test opens a window on somebody's desktop.
    monkeypatch.setattr("filesend_tui.screens.open_folder.opener", lambda: None)
    yield Stage(home, disk)
    # Textual keeps what the last 1,024 widgets drew: a gigabyte, at the largest sizes.
    StylesCache.get_inner_outer.cache_clear()
