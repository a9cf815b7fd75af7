"""A run whose terminal is gone: what is under way is finished without anybody, and then it ends.

Which signal says so is signals.py's, and what counts as under way is state/under_way.py's. Nothing
is read from a terminal or written to one from then on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Protocol

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import Direction, Event, TransferId
from filesend_tui.headless.exit_codes import ExitCode, for_error
from filesend_tui.headless.outcome import Outcome
from filesend_tui.headless.signals import stop_on_signals
from filesend_tui.runtime.client_api import ClientApi
from filesend_tui.runtime.client_handle import FAREWELL, HandedOver
from filesend_tui.runtime.work_watch import WorkWatch

#: The reason for the partner, where a request would need a person here.
NOBODY: Final = "nobody is at the terminal"

_log = logging.getLogger(__name__)


class End(Protocol):
    """Ends a run with an exit code; keep: what is unfinished, so that it can be resumed."""

    def __call__(self, code: ExitCode, *, keep: bool) -> None:
        """End it."""


class Unattended:
    """The finishing of one run, once `begin` was called.

    Args:
        watch: Tells what is under way.
        patience: Seconds in which something has to move; then it ends, and keeps what is
            unfinished.
        until_idle: End as soon as nothing is under way; else only for want of patience.
        end: Ends the run.
    """

    def __init__(
        self,
        watch: WorkWatch,
        patience: float,
        end: End,
        *,
        until_idle: bool,
    ) -> None:
        self._watch = watch
        self._patience = patience
        self._until_idle = until_idle
        self._end = end
        self._finishing: asyncio.Task[None] | None = None

    @property
    def began(self) -> bool:
        """Whether the terminal is gone, and the run goes on."""
        return self._finishing is not None

    def begin(self) -> None:
        """Finish what is under way; return at once."""
        _log.info("the terminal is gone: %s will be finished without it", self._watch.now.words)
        self._finishing = asyncio.create_task(self._finish())

    async def _finish(self) -> None:
        if await self._watch.over(self._patience, until_idle=self._until_idle):
            _log.info("everything is finished")
            self._end(ExitCode.DONE, keep=False)
        else:
            _log.warning("nothing moved for %.0f s: it ends, and can be resumed", self._patience)
            self._end(ExitCode.FAILED, keep=True)


async def finish(left: HandedOver, patience: float) -> ExitCode:
    """Finish what the screens left, and end the client; return the exit code of what happened.

    Requests that wait for an answer, and those that come, are declined with a reason.

    Args:
        left: What they left.
        patience: As of Unattended.
    """
    client, work, transfers, seen = left
    ended: asyncio.Future[tuple[ExitCode, bool]] = asyncio.get_running_loop().create_future()

    def end(code: ExitCode, *, keep: bool) -> None:
        if not ended.done():
            ended.set_result((code, keep))

    substitute = _Substitute(client, transfers)
    for event in [*work.now.waiting.values(), *seen]:
        substitute.hear(event)
    work.listeners[:] = [substitute.hear]
    with stop_on_signals(lambda _: end(ExitCode.INTERRUPTED, keep=True), lambda _: True):
        Unattended(work, patience, end, until_idle=True).begin()
        code, keep = await ended
        try:
            async with asyncio.timeout(FAREWELL):
                await client.destroy(keep=keep)
        except Exception:
            _log.exception("the client did not end cleanly")
    return code if code is not ExitCode.DONE else substitute.code


class _Substitute:
    """Who hears the events in a person's place. code: the exit code of what ended so far."""

    def __init__(self, client: ClientApi, transfers: Iterable[TransferId]) -> None:
        self._client = client
        self._outcome = Outcome()
        self._outcome.open_transfers |= set(transfers)
        self._refusing: dict[TransferId, asyncio.Task[None]] = {}
        self.code = ExitCode.DONE

    def hear(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, events.FileRequest) and event.direction is Direction.RECEIVE:
            if event.transfer not in self._refusing:
                self._refusing[event.transfer] = asyncio.create_task(self._refuse(event))
        elif (
            self._outcome.open_transfers and getattr(event, "transfer", None) not in self._refusing
        ):
            try:
                self._outcome.see(event)
            except FileSendError as error:
                self.code = for_error(error.code)

    async def _refuse(self, request: events.FileRequest) -> None:
        with suppress(FileSendError):  # it was withdrawn, or the partner is gone
            nothing = (False,) * len(request.files)
            await self._client.answer(request.transfer, nothing, reason=NOBODY)
