from __future__ import annotations

import asyncio
import sys

import pytest

from filesend_tui.loop import runner


async def kind() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_the_fast_loop_is_used_where_it_is_installed() -> None:
    pytest.importorskip("uvloop")
    with runner() as running:
        assert running.run(kind()).startswith("uvloop")


def test_without_it_asyncios_own_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with runner() as running:
        assert running.run(kind()).startswith("asyncio")
