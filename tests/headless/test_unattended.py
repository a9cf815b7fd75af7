"""headless/unattended.py: what the screens left is finished, and nobody is asked."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from filesend_tui.core import events
from filesend_tui.core.events import Direction, Event, TransferPhase
from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.headless.unattended import NOBODY, finish
from filesend_tui.runtime.client_handle import ClientHandle
from tests.tui.scripted import URL, ScriptedClient, ScriptedPlaces
from tests.waiting import until


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """After its end a run has handlers that end the process."""
    numbers = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def url(_: object) -> str:
    return URL


async def always(_: object) -> bool:
    return True


class Left:
    """Screens that ended while their client had something to do."""

    def __init__(self, *happened: Event) -> None:
        self.client = ScriptedClient()
        self.handle = ClientHandle(lambda: self.client, ScriptedPlaces(url), always)
        assert self.handle.open()
        self.publish(*happened)

    def publish(self, *happened: Event) -> None:
        for event in happened:
            self.client.stream.publish(event)

    async def finishing(self, patience: float = 60) -> asyncio.Task[ExitCode]:
        await until(lambda: self.handle.is_busy)
        left = self.handle.hand_over()
        assert left is not None
        return asyncio.create_task(finish(left, patience))


def asked(transfer: str, direction: Direction) -> Event:
    return events.FileRequest(
        transfer=transfer,
        direction=direction,
        partner="Bob",
        files=(events.FileEntry(path="a", size=1), events.FileEntry(path="b", size=1)),
        total_bytes=2,
    )


def entered(transfer: str, phase: TransferPhase, direction: Direction = Direction.SEND) -> Event:
    return events.TransferState(transfer=transfer, direction=direction, phase=phase)


def failed(code: str) -> Event:
    return events.Error(code=code, message="", hint="", transfer="a")


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ((entered("a", TransferPhase.DONE),), ExitCode.DONE),
        ((entered("a", TransferPhase.DECLINED),), ExitCode.DECLINED),
        ((entered("a", TransferPhase.CANCELLED),), ExitCode.FAILED),
        ((failed("noPeers"), entered("a", TransferPhase.FAILED)), ExitCode.FAILED),
        ((failed("partnerGone"), entered("a", TransferPhase.FAILED)), ExitCode.PARTNER_GONE),
    ],
    ids=lambda each: each.name if isinstance(each, ExitCode) else "",
)
async def test_the_exit_code_is_what_happened(ends: tuple[Event, ...], code: ExitCode) -> None:
    left = Left(asked("a", Direction.SEND))
    finishing = await left.finishing()
    left.publish(*ends)
    assert await finishing is code
    assert left.client.destroyed.is_set()
    assert not left.client.kept


async def test_one_of_two_that_failed_counts() -> None:
    left = Left(asked("a", Direction.SEND), asked("b", Direction.SEND))
    finishing = await left.finishing()
    left.publish(failed("noPeers"), entered("a", TransferPhase.FAILED))
    left.publish(entered("b", TransferPhase.DONE))
    assert await finishing is ExitCode.FAILED


async def test_what_would_need_a_person_is_declined_with_a_reason() -> None:
    """What waits for an answer already, and what is asked later; neither is a failure."""
    left = Left(asked("waits", Direction.RECEIVE), asked("a", Direction.SEND))
    finishing = await left.finishing()
    left.publish(asked("later", Direction.RECEIVE))
    await until(lambda: len(left.client.reasons) == 2)
    assert left.client.named("answer") == [(id, (False, False), None) for id in ("waits", "later")]
    assert left.client.reasons == [NOBODY, NOBODY]
    for id in ("waits", "later"):
        left.publish(entered(id, TransferPhase.DECLINED, Direction.RECEIVE))
    left.publish(entered("a", TransferPhase.DONE))
    assert await finishing is ExitCode.DONE


async def test_where_nothing_moves_it_ends_and_keeps() -> None:
    left = Left(asked("a", Direction.SEND))
    assert await (await left.finishing(patience=0)) is ExitCode.FAILED
    assert left.client.kept


async def test_what_ends_while_the_screens_end_counts() -> None:
    left = Left(asked("a", Direction.SEND))
    await until(lambda: left.handle.is_busy)
    handed_over = left.handle.hand_over()
    assert handed_over is not None
    left.publish(failed("partnerGone"), entered("a", TransferPhase.FAILED))
    await until(lambda: not handed_over.work.now.any)
    assert await finish(handed_over, 60) is ExitCode.PARTNER_GONE


async def test_a_handle_that_gave_its_client_away_does_not_destroy_it() -> None:
    left = Left(asked("a", Direction.SEND))
    finishing = await left.finishing()
    await left.handle.close()
    assert not left.client.destroyed.is_set()
    left.publish(entered("a", TransferPhase.DONE))
    assert await finishing is ExitCode.DONE
