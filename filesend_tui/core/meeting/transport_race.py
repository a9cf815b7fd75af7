"""One attempt to reach one peer by every transport that both sides have; the first good one wins.

All are tried at once. A channel that opens waits a moment for better ones still in progress: both
sides prefer in the same order, and so choose the same channel. The others are then closed. The list
of transports is the registry's, how each works its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import Attempt, Channel, RelayAccess, Transport
from filesend_tui.core.transports.clues import Clue, Outcome, Tried, failed

log = logging.getLogger(__name__)


class Winner(NamedTuple):
    """An open channel, and its transport."""

    channel: Channel
    transport: Transport


class _Runner(NamedTuple):
    """One transport that takes part."""

    transport: Transport
    attempt: Attempt


class TransportRace:
    """Attempts by several transports; made by `offer` or `answer`, ends with `opened` or `close`.

    Attributes:
        texts: The texts for the peer, by the transport's name.
    """

    def __init__(self, runners: list[_Runner], out: Iterable[Tried] = ()) -> None:
        self.texts = {runner.transport.name: runner.attempt.text for runner in runners}
        #: The best first.
        self._runners = runners
        self._opening: list[asyncio.Task[Channel]] = []
        self._handed_out: list[asyncio.Task[Channel]] = []
        #: What became of those that do not take part.
        self._out = list(out)

    @classmethod
    async def offer(cls, transports: Sequence[Transport], relay: RelayAccess) -> TransportRace:
        """Make an offer for a peer that is not known yet.

        Args:
            transports: Those that are allowed, the best first.
            relay: The one that they may use.

        Raises:
            ChannelFailed: None can be offered; the error of the last of them.
        """
        return cls(*await _begin([(each, each.offer(relay)) for each in transports]))

    @classmethod
    async def answer(
        cls, offer: Mapping[str, str], transports: Sequence[Transport], relay: RelayAccess
    ) -> TransportRace:
        """Answer a peer's offer; ignore texts of transports that are not allowed here.

        Args:
            offer: The peer's texts.
            transports, relay: As `offer`.

        Raises:
            ChannelFailed: The two have none in common, or none can be answered.
        """
        common = [each for each in transports if each.name in offer]
        if not common:
            raise ChannelFailed("A peer offers no road that is allowed here.")
        making = [(each, each.answer(offer[each.name], relay)) for each in common]
        runners, out = await _begin(making)
        return cls(runners, out + [_unoffered(each) for each in transports if each not in common])

    @property
    def settled(self) -> bool:
        """Whether the peer may have a channel already, so that giving this up would lose it."""
        return any(runner.attempt.settled for runner in self._runners)

    async def accept(self, answer: Mapping[str, str]) -> None:
        """Apply the peer's answer to our offer; `opened` returns the result.

        Raises:
            ChannelFailed: It was refused, or answers none of the offered transports.
        """
        failure = ChannelFailed("A peer answered no road that was offered.")
        for runner in tuple(self._runners):
            text = answer.get(runner.transport.name)
            try:
                if text is not None:
                    await runner.attempt.accept(text)
                    continue
                self._out.append(_unoffered(runner.transport))
            except ChannelFailed as refused:
                log.debug("an answer for %s was refused: %s", runner.transport.name, refused)
                failure = refused
                self._out.append(failed(runner.transport.name, refused))
            self._runners.remove(runner)
            await runner.attempt.close()
        if not self._runners:
            raise failure

    async def opened(self, timeout: float) -> Winner:
        """Wait for a channel; the caller closes it.

        Args:
            timeout: Seconds for each transport.

        Raises:
            ChannelFailed: The peer could not be reached by any; the error of the last of them.
        """
        self._opening = [
            asyncio.create_task(runner.attempt.opened(timeout)) for runner in self._runners
        ]
        graces = {
            task: runner.transport.grace
            for task, runner in zip(self._opening, self._runners, strict=True)
        }
        return self._hand_out(await _first(graces))

    async def better(self) -> Winner:
        """Wait for a better channel than the one that `opened` returned; the caller closes it.

        Raises:
            ChannelFailed: None opened in its time; the error of the last of them.
        """
        position = self._opening.index(self._handed_out[-1])
        if not position:
            raise ChannelFailed("There is no better road.")
        return self._hand_out(await _first(dict.fromkeys(self._opening[:position], 0.0)))

    @property
    def tried(self) -> tuple[Tried, ...]:
        """What became by now of each transport that is not closed for a better one."""
        return (*self._out, *map(self._became, range(len(self._runners))))

    def _became(self, position: int) -> Tried:
        transport, attempt = self._runners[position]
        task = self._opening[position] if self._opening else None
        if task is None or not task.done():
            return Tried(transport.name, Outcome.GOING_ON, attempt.clues, attempt.port)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            return failed(transport.name, error, attempt.clues, attempt.port)
        taken = bool(self._handed_out) and task is self._handed_out[-1]
        return Tried(
            transport.name, Outcome.TAKEN if taken else Outcome.LATE, attempt.clues, attempt.port
        )

    def on_failure(self, call: Callable[[], None]) -> None:
        """Have each transport that fails from now on told of; only after `opened`."""

        def ended(task: asyncio.Task[Channel]) -> None:
            if not task.cancelled() and task.exception() is not None:
                call()

        for task in self._opening:
            if not task.done():
                task.add_done_callback(ended)

    def _hand_out(self, winner: asyncio.Task[Channel]) -> Winner:
        self._handed_out.append(winner)
        return Winner(winner.result(), self._runners[self._opening.index(winner)].transport)

    def abandon(self) -> None:
        """Choose no connection from now on; `close` frees the resources."""
        for runner in self._runners:
            runner.attempt.abandon()

    async def close(self) -> None:
        """Stop and free everything; a channel that was handed out stays open."""
        losers = [task for task in self._opening if task not in self._handed_out]
        await asyncio.gather(*map(_let_go, losers))
        await asyncio.gather(*(runner.attempt.close() for runner in self._runners))


async def _first(opening: Mapping[asyncio.Task[Channel], float]) -> asyncio.Task[Channel]:
    """Return the task whose channel to take. opening: the best first, each with its grace.

    Raises:
        ChannelFailed: All failed; the error of the last of them.
    """
    loop = asyncio.get_running_loop()
    due: dict[asyncio.Task[Channel], float] = {}
    while True:
        left = [task for task in opening if not task.done() or _is_good(task)]
        if not left:
            list(opening)[-1].result()  # raises
        ready = next((position for position, task in enumerate(left) if task.done()), None)
        now = loop.time()
        for task in left:
            if task.done():
                due.setdefault(task, now + opening[task])
        until = min((due[task] for task in left if task in due), default=None)
        if ready is not None and until is not None and (ready == 0 or now >= until):
            return left[ready]
        await asyncio.wait(
            left[:ready],
            # No timeout while none is open.
            timeout=None if until is None else until - now,
            return_when=asyncio.FIRST_COMPLETED,
        )


async def _begin(
    making: Iterable[tuple[Transport, Coroutine[Any, Any, Attempt]]],
) -> tuple[list[_Runner], list[Tried]]:
    """Return the attempts that could be made, all started at once, at least one; and the others.

    Raises:
        ChannelFailed: None could; the error of the last of them.
    """
    tasks = {asyncio.create_task(work): transport for transport, work in making}
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        await asyncio.gather(*map(_let_go, tasks))
        raise
    failures: list[BaseException] = []
    out: list[Tried] = []
    for task, transport in tasks.items():
        if failure := task.exception():
            log.debug("%s cannot be used: %s", transport.name, failure)
            failures.append(failure)
            out.append(failed(transport.name, failure, frozenset({Clue.UNUSABLE_HERE})))
    runners = [_Runner(tasks[task], task.result()) for task in tasks if _is_good(task)]
    faults = [failure for failure in failures if not isinstance(failure, ChannelFailed)]
    if faults or not runners:
        await asyncio.gather(*(runner.attempt.close() for runner in runners))
        raise (faults or failures)[-1]
    return runners, out


def _unoffered(transport: Transport) -> Tried:
    return Tried(transport.name, Outcome.LEFT_OUT, frozenset({Clue.LEFT_OUT_THERE}))


async def _let_go(making: asyncio.Task[Channel] | asyncio.Task[Attempt]) -> None:
    """Cancel the task of an unneeded channel or attempt; close the result if there is one."""
    making.cancel()
    await asyncio.wait({making})
    if _is_good(making):
        await making.result().close()


def _is_good(task: asyncio.Task[Any]) -> bool:
    return not task.cancelled() and task.exception() is None
