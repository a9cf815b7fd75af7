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
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

from tests.tui.scripted import Stage, fill_home

Usage = namedtuple("Usage", "total used free")


class MatchedRules(dict[tuple[Any, ...], Any]):
    """What Textual found to be the rules of a node, for all nodes that stand in the same way.

    Textual looks for them anew at each change, in each app: a third of what a test of the screens
    takes. Its own cache, which this takes the place of, lasts for one change, and knows a node's
    parent by its identity.
    """

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(_place(key), default)

    def __setitem__(self, key: tuple[Any, ...], rules: Any) -> None:
        super().__setitem__(_place(key), rules)


def _place(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return Textual's key with the parent replaced by all that a rule may ask of it, and above."""
    parent, *own = key
    above: list[object] = []
    while parent is not None:
        if isinstance(parent, App):
            above.append((type(parent), parent.classes, frozenset(parent.get_pseudo_classes())))
        else:
            states = parent._pseudo_classes_cache_key
            above.append((type(parent), parent._id, parent.classes, states))
        parent = parent._parent
    return (*own, *above)


#: By the rules of a style sheet.
_matched: dict[tuple[int, ...], MatchedRules] = {}


def _rules_of(sheet: Stylesheet) -> MatchedRules:
    rules = sheet.rules
    known: tuple[object, MatchedRules] | None = getattr(sheet, "_matched", None)
    if known is None or known[0] is not rules:
        known = rules, _matched.setdefault(tuple(map(id, rules)), MatchedRules())
        sheet._matched = known  # type: ignore[attr-defined]
    return known[1]


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Parse each style sheet once for all tests, and match its rules once for each place.

    Textual does both anew for each app.
    """
    parse_rules = Stylesheet._parse_rules
    known: dict[object, list[RuleSet]] = {}

    def remembered(sheet: Stylesheet, *source: Any, **how: Any) -> list[RuleSet]:
        key = frozenset(sheet._variables.items()), source, frozenset(how.items())
        if key not in known:
            known[key] = parse_rules(sheet, *source, **how)
        return known[key]

    apply = Stylesheet.apply

    def applied(
        sheet: Stylesheet, node: DOMNode, *, animate: bool = False, cache: object = None
    ) -> None:
        apply(sheet, node, animate=animate, cache=_rules_of(sheet))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", remembered)
        patch.setattr(Stylesheet, "apply", applied)
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
