from __future__ import annotations

import asyncio
import gc
import logging
import sys

import pytest

from filesend_tui.core.config import ClientConfig, WebRtcStack
from filesend_tui.core.transports.base import no_relay
from filesend_tui.core.transports.webrtc.aiortc.attempt import AiortcAttempt
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from filesend_tui.runtime.event_loop import runner, supports_uvloop


async def kind() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_the_fast_loop_is_used_where_it_is_installed() -> None:
    pytest.importorskip("uvloop")
    with runner() as running:
        assert running.run(kind()).startswith("uvloop")
    with runner(eager_tasks=True) as running:
        assert running.run(kind()).startswith("uvloop" if supports_uvloop() else "asyncio")


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


async def given_up_by_aiortc() -> None:
    """Have it send once more, as its timers do, over a connection that is closed."""
    from aiortc.rtcsctptransport import InitChunk

    attempt = await WebRtcTransport(ClientConfig(webrtc=WebRtcStack.AIORTC)).offer(no_relay)
    assert isinstance(attempt, AiortcAttempt)
    sctp = attempt._connection.sctp
    assert sctp is not None
    await attempt.close()
    sctp._remote_port = 5000
    sctp._t1_chunk = InitChunk()
    sctp._t1_expired()
    await sent()


async def failed_by_us() -> None:
    async def fail() -> None:
        raise ConnectionError("ours")

    task = asyncio.create_task(fail())
    del task
    await sent()


async def sent() -> None:
    """Let tasks run to their end, and be looked at."""
    while len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0)
    gc.collect()


def test_a_connection_that_was_given_up_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    with runner() as running:
        running.run(given_up_by_aiortc())
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
        running.run(failed_by_us())
    assert "never retrieved" in caplog.text
    assert "ours" in caplog.text
