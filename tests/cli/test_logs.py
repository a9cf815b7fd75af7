from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesend_tui import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, levels = list(root.handlers), {name: logging.getLogger(name).level for name in NAMES}
    level = root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


NAMES = (*logs.OURS, "filesend_tui.core.people", "relay.people", "aiortc", "asyncio")


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("debug", "debug info warning error", "warning error"),
        ("info", "info warning error", "warning error"),
        ("warning", "warning error", "warning error"),
        ("error", "error", "error"),
    ],
)
def test_only_our_own_loggers_are_made_talkative(
    tmp_path: Path, level: str, ours: str, theirs: str
):
    file = tmp_path / "log"
    logs.configure(level, file, to_stderr=False)
    for name in NAMES:
        for each in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(name), each)("%s says %s", name, each)
    said = file.read_text().splitlines()
    for name in NAMES:
        of_name = [line.rpartition(" ")[2] for line in said if f" {name}: " in line]
        own = name.partition(".")[0] in logs.OURS
        assert of_name == (ours if own else theirs).split()
