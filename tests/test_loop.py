from __future__ import annotations

import asyncio
import sys

import pytest

from filesend_tui.loop import bears_uvloop, runner


async def kind() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_the_fast_loop_is_used_where_it_is_installed() -> None:
    pytest.importorskip("uvloop")
    with runner() as running:
        assert running.run(kind()).startswith("uvloop")
    with runner(eager_tasks=True) as running:
        assert running.run(kind()).startswith("uvloop" if bears_uvloop() else "asyncio")


def test_tasks_begin_on_it_as_textual_asks_for_them() -> None:
    async def eagerly() -> str:
        if sys.version_info >= (3, 12):
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await asyncio.create_task(kind())

    with runner(eager_tasks=True) as running:
        assert running.run(eagerly())


def test_without_it_asyncios_own_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with runner() as running:
        assert running.run(kind()).startswith("asyncio")
