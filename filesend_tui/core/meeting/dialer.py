"""The dialer: open channels to the peers of one swarm, from offers and answers.

Trackers are not known here: input and output are descriptions, and ids as bytes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from filesend_tui.core.errors import ChannelFailed, FileSendError
from filesend_tui.core.meeting.glare import (
    Contact,
    Verdict,
    on_answer,
    on_offer,
    on_sealed_answer,
    on_sealed_offer,
)
from filesend_tui.core.meeting.invitation import Invitation, Reach
from filesend_tui.core.meeting.road_reasons import better_than, in_order, none_got_through, updated
from filesend_tui.core.meeting.signaling import BadSignal, Description, Signaling, Texts, Use
from filesend_tui.core.meeting.timings import DEFAULT, Timings
from filesend_tui.core.meeting.transport_race import TransportRace, Winner
from filesend_tui.core.transports.base import Channel, NoWay, Transport
from filesend_tui.core.transports.clues import NoRoadLed, Outcome, Tried
from filesend_tui.core.transports.registry import Roads
from filesend_tui.core.util.tasks import Tasks

#: Most offers of one tracker that are answered at once: each holds sockets, and a tracker that
#: floods us must leave room for offers through others.
MAX_ANSWERING: Final = 6
#: Offers remembered as taken: each is answered once, even if it is replayed.
MAX_TAKEN: Final = 1024
#: Most attempts to connect to one peer at once.
MAX_BESIDE: Final = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MetPeer:
    """A peer to which a channel is open.

    transport: the channel's, for further channels; None for no more. improves: an open channel to
    the same peer, whose place it takes. tried: what became of it and of better ones; empty in an
    open swarm, which has no choice.
    """

    channel: Channel
    transport: Transport | None = None
    improves: bool = False
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True, slots=True)
class SealedOffer:
    """An offer ready for a tracker."""

    offer_id: bytes
    description: Description


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An unanswered offer of ours."""

    race: TransportRace
    expiry: asyncio.TimerHandle
    made: float


@dataclass(frozen=True, slots=True)
class _Dial:
    """An attempt in progress to connect to a known peer."""

    link: Contact
    task: asyncio.Task[None]
    tracker: str = ""


class Dialer:
    """A maker of offers and answers, which hands over the channels that open.

    Args:
        met: Called with every peer whose channel opened; the callee owns the channel.
        missed: Called when a willing peer could not be reached; the next attempt may succeed.
        wants_peers: How many more peers the swarm wants now.
        is_silent: Whether nothing comes over a channel handed over: its peer may be met again.
        learned: Called with more of what became of better roads than that of a channel handed over.
        roads: How peers may be reached; in an open swarm only the one of WebTorrent is used.
    """

    def __init__(
        self,
        *,
        signaling: Signaling,
        peer_id: bytes,
        roads: Roads,
        met: Callable[[MetPeer], None],
        wants_peers: Callable[[], int],
        missed: Callable[[], None] = lambda: None,
        is_silent: Callable[[Channel], bool] = lambda _channel: False,
        learned: Callable[[Channel, tuple[Tried, ...]], None] = lambda _channel, _tried: None,
        timings: Timings = DEFAULT,
    ) -> None:
        self._signaling = signaling
        self._peer_id = peer_id
        self._roads = roads
        self._met = met
        self._missed = missed
        #: Why the last known peer could not be met, if it could not, or why none can be.
        self.failure: ChannelFailed | None = None
        self._wants_peers = wants_peers
        self._is_silent = is_silent
        self._learned = learned
        self._timings = timings
        self._waiting: dict[bytes, _Waiting] = {}
        self._dials: dict[bytes, list[_Dial]] = {}
        self._answering: dict[asyncio.Task[Any] | None, TransportRace] = {}
        self._open: dict[bytes, MetPeer] = {}
        #: Attempts that led to a makeshift channel, and wait for a better one.
        self._improving: dict[bytes, set[asyncio.Task[Any]]] = {}
        self._taken: deque[tuple[bytes, bytes]] = deque(maxlen=MAX_TAKEN)
        self._tasks = Tasks()
        self._closed = False

    async def make_offers(self, count: int) -> list[SealedOffer]:
        """Make offers for peers that are not known yet; each is closed after its lifetime.

        Raises:
            ChannelFailed: None could be made.
        """
        # Once, and not in each of several offers.
        await self._roads.warm(private=self._signaling.private)
        making: list[asyncio.Task[TransportRace]] = []
        try:
            for _ in range(count):
                making.append(
                    asyncio.create_task(TransportRace.offer(self._usable, self._roads.relay))
                )
                # One step of the event loop each: making all at once would block it for too long.
                await asyncio.sleep(0)
            made = await asyncio.gather(*making, return_exceptions=True)
        except asyncio.CancelledError:
            for task in making:
                task.cancel()
            for race in await asyncio.gather(*making, return_exceptions=True):
                if isinstance(race, TransportRace):
                    await race.close()
            raise
        races = [race for race in made if isinstance(race, TransportRace)]
        failures = [failure for failure in made if isinstance(failure, BaseException)]
        if failures and not races:
            if isinstance(failures[0], NoWay):
                self.failure = failures[0]
            raise failures[0]
        if isinstance(self.failure, NoWay):
            self.failure = None
        try:
            offers = [self._sealed(race) for race in races]
        except BadSignal:
            await asyncio.gather(*(race.close() for race in races))
            raise ChannelFailed(
                "This machine has more addresses than an offer can hold.",
                "Switch off network interfaces that are not needed.",
            ) from None
        for offer, race in zip(offers, races, strict=True):
            self._keep(offer.offer_id, race)
        return offers

    def withdraw(self, offer_ids: Iterable[bytes]) -> None:
        """Close offers that can no longer be answered; ignore unknown ids: those were answered."""
        for offer_id in offer_ids:
            if waiting := self._waiting.pop(offer_id, None):
                waiting.expiry.cancel()
                self._tasks.spawn(waiting.race.close())

    def offered(
        self,
        peer_id: bytes,
        offer_id: bytes,
        description: Description,
        reply: Callable[[Description], Awaitable[None]],
        *,
        tracker: str = "",
    ) -> None:
        """Answer a peer's offer, or ignore it.

        Args:
            peer_id: The offering peer, by the tracker's frame.
            offer_id: The offer's id, by the tracker's frame.
            description: Sealed.
            reply: Sends our sealed answer back.
            tracker: The tracker that it came through.
        """
        answering = sum(
            dial.link is Contact.ANSWERING and dial.tracker == tracker
            for dials in self._dials.values()
            for dial in dials
        )
        if (
            self._closed
            or peer_id == self._peer_id
            or self._wants_peers() <= 0
            or answering >= MAX_ANSWERING
            or self._judge_offer(peer_id, tracker) is Verdict.LEAVE
            or (peer_id, offer_id) in self._taken
        ):
            return
        # Opened before any resource is held for it: a forged offer costs no more than that.
        use = Use(offer_id, offerer=peer_id)
        try:
            offer = self._signaling.open(description, use)
        except BadSignal as refusal:
            log.debug("an offer was dropped: %s", refusal)
            return
        self._taken.append((peer_id, offer_id))
        answer = self._answer(replace(use, answerer=self._peer_id), offer, reply)
        self._dial(peer_id, Contact.ANSWERING, answer, tracker)

    def answered(self, peer_id: bytes, offer_id: bytes, description: Description) -> None:
        """Handle a peer's answer to one of our offers; ignore any other answer."""
        waiting = self._waiting.get(offer_id)
        if waiting is None:
            return
        try:
            answer = self._signaling.open(
                description, Use(offer_id, offerer=self._peer_id, answerer=peer_id)
            )
        except BadSignal as refusal:
            # The offer stays: the answer of a member may still come.
            log.debug("an answer was dropped: %s", refusal)
            return
        del self._waiting[offer_id]
        waiting.expiry.cancel()
        verdict = self._judge_answer(peer_id, waiting)
        if verdict is Verdict.LEAVE or peer_id == self._peer_id or self._wants_peers() <= 0:
            self._tasks.spawn(waiting.race.close())
            return
        if verdict is Verdict.REPLACE:
            self._give_up(peer_id)
        self._dial(peer_id, Contact.OFFERED, self._accept(peer_id, waiting.race, answer))

    async def answer_reach(self, reach: Reach) -> Reach | None:
        """Answer an invitation of a known peer; None where there is no transport in common.

        The channel is handed over as any other.
        """
        # What does not last is in no invitation: that says nothing of what the peer allows.
        here = [each for each in self._usable if each.lasting or each.name in reach.texts]
        try:
            race = await TransportRace.answer(reach.texts, here, self._roads.relay)
        except ChannelFailed as failure:
            log.debug("an invitation was not answered: %s", failure)
            return None
        self._dial(reach.peer_id, Contact.ANSWERING, self._follow(reach.peer_id, race))
        return Reach(self._peer_id, race.texts)

    async def reach(self, invitation: Invitation, reach: Reach) -> None:
        """Connect to the peer that answered an invitation; return once that is done, or failed."""
        work = self._accept(reach.peer_id, invitation.race, reach.texts)
        await asyncio.wait({self._dial(reach.peer_id, Contact.OFFERED, work)})

    @property
    def _usable(self) -> Sequence[Transport]:
        return self._roads.usable(private=self._signaling.private)

    async def close(self) -> None:
        """Close every offer and attempt in progress; channels handed over stay open."""
        self._closed = True
        self.withdraw(list(self._waiting))
        for peer_id in (*self._dials, *self._improving):
            self._give_up(peer_id)
        await self._tasks.join()

    def _sealed(self, race: TransportRace) -> SealedOffer:
        offer_id = secrets.token_bytes(20)
        use = Use(offer_id, offerer=self._peer_id)
        return SealedOffer(offer_id, self._signaling.seal(race.texts, use))

    def _keep(self, offer_id: bytes, race: TransportRace) -> None:
        loop = asyncio.get_running_loop()
        expiry = loop.call_later(self._timings.offer_lifetime, self.withdraw, [offer_id])
        self._waiting[offer_id] = _Waiting(race, expiry, loop.time())

    def _known(self, peer_id: bytes) -> MetPeer | None:
        """Return a peer to which there is an open channel that is not silent."""
        self._open = {each: met for each, met in self._open.items() if not met.channel.closed}
        met = self._open.get(peer_id)
        return None if met is None or self._is_silent(met.channel) else met

    def _better(self, peer_id: bytes) -> Sequence[Transport]:
        """Return the transports by which a peer may be met: better ones than it is met by now."""
        known = self._known(peer_id)
        if known is None or known.transport not in self._usable:
            return self._usable
        return self._usable[: self._usable.index(known.transport)]

    def _link(self, peer_id: bytes) -> Contact:
        known = self._known(peer_id)
        if known is not None and not _is_makeshift(known):
            return Contact.OPEN
        dials = self._dials.get(peer_id)
        return dials[-1].link if dials else Contact.NONE

    def _dial(
        self, peer_id: bytes, link: Contact, work: Coroutine[Any, Any, None], tracker: str = ""
    ) -> asyncio.Task[None]:
        dial = _Dial(link, self._tasks.spawn(work), tracker)
        self._dials.setdefault(peer_id, []).append(dial)

        def ended(_task: asyncio.Task[None]) -> None:
            dials = self._dials.get(peer_id, [])
            if dial in dials:
                dials.remove(dial)
            if not dials:
                self._dials.pop(peer_id, None)

        dial.task.add_done_callback(ended)
        return dial.task

    def _judge_offer(self, peer_id: bytes, tracker: str) -> Verdict:
        """Return what to do with a peer's offer that came through this tracker."""
        link, dials = self._link(peer_id), self._dials.get(peer_id, ())
        if not self._signaling.private:
            return on_offer(link)
        if len(dials) >= MAX_BESIDE:
            return Verdict.LEAVE
        return on_sealed_offer(link, elsewhere=all(dial.tracker != tracker for dial in dials))

    def _judge_answer(self, peer_id: bytes, waiting: _Waiting) -> Verdict:
        """Return what to do with a peer's answer to an offer of ours."""
        link = self._link(peer_id)
        if not self._signaling.private:
            return on_answer(link, ours=self._peer_id, theirs=peer_id)
        dials = self._dials.get(peer_id, ())
        answering = [self._answering.get(dial.task) for dial in dials]
        if len(dials) >= MAX_BESIDE or any(each and each.settled for each in answering):
            return Verdict.LEAVE
        age = asyncio.get_running_loop().time() - waiting.made
        return on_sealed_answer(
            link, ours=self._peer_id, theirs=peer_id, fresh=age < self._timings.connect
        )

    def _give_up(self, peer_id: bytes) -> None:
        """Cancel every attempt in progress to reach a peer, except the calling one."""
        for dial in self._dials.get(peer_id, ()):
            if dial.task is not asyncio.current_task():
                if race := self._answering.get(dial.task):
                    # Now, not when the task next runs: until then the peer could choose it.
                    race.abandon()
                dial.task.cancel()
        for task in self._improving.get(peer_id, set()) - {asyncio.current_task()}:
            task.cancel()

    async def _answer(
        self,
        use: Use,
        offer: Texts,
        reply: Callable[[Description], Awaitable[None]],
    ) -> None:
        try:
            race = await TransportRace.answer(offer, self._better(use.offerer), self._roads.relay)
        except ChannelFailed as failure:
            log.debug("an offer was not answered: %s", failure)
            self._failed(use.offerer, failure)
            return
        try:
            sealed = self._signaling.seal(race.texts, use)
        except BadSignal as failure:
            log.debug("an answer cannot be sent: %s", failure)
            await race.close()
            return
        await self._follow(use.offerer, race, lambda: reply(sealed))

    async def _follow(
        self,
        peer_id: bytes,
        race: TransportRace,
        reply: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Send an answer, and hand over the channel that it leads to."""
        task = asyncio.current_task()
        self._answering[task] = race
        try:
            if reply is not None:
                await reply()
            await self._hand_over(peer_id, race)
        except FileSendError as failure:
            log.debug("an answer led nowhere: %s", failure)
            if isinstance(failure, ChannelFailed):
                self._failed(peer_id, failure)
        finally:
            self._answering.pop(task, None)
            await race.close()

    async def _accept(self, peer_id: bytes, race: TransportRace, answer: Texts) -> None:
        try:
            await race.accept(answer)
            await self._hand_over(peer_id, race)
        except ChannelFailed as failure:
            log.debug("an offer led nowhere: %s", failure)
            self._failed(peer_id, failure)
        finally:
            await race.close()

    def _failed(self, peer_id: bytes, failure: ChannelFailed) -> None:
        if self._known(peer_id) is None:  # else only something better was tried
            self.failure = failure

    async def _hand_over(self, peer_id: bytes, race: TransportRace) -> None:
        """Hand over the channel of a race, and then a better one that takes its place."""
        try:
            winner = await race.opened(self._timings.connect)
        except ChannelFailed as failure:
            self._learn(peer_id, race)
            self._miss(peer_id)
            raise self._why_none(failure, race) from failure
        await self._hand(peer_id, winner, race)
        if winner.transport.makeshift:
            race.on_failure(lambda: self._learn(peer_id, race))
            self._goes_on(peer_id)
            try:
                better = await race.better()
            except ChannelFailed:
                self._miss(peer_id)
                raise
            await self._hand(peer_id, better, race)

    def _learn(self, peer_id: bytes, race: TransportRace) -> None:
        """Tell what a race has found out of roads that are better than the one in use."""
        known = self._known(peer_id)
        if known is None or not known.tried:
            return
        tried = updated(known.tried, race.tried)
        if tried != known.tried:
            self._open[peer_id] = replace(known, tried=tried)
            self._learned(known.channel, tried)

    def _why_none(self, failure: ChannelFailed, race: TransportRace) -> ChannelFailed:
        """Return the error for a race that nothing came of. failure: of the last one in it."""
        tried = in_order(self._by_road(race).values(), self._roads.order)
        # Else it was given up for another attempt.
        over = all(each.outcome in {Outcome.FAILED, Outcome.LEFT_OUT} for each in tried)
        return NoRoadLed(*none_got_through(tried)) if self._signaling.private and over else failure

    def _by_road(self, race: TransportRace) -> dict[str, Tried]:
        """Return what became of the roads of a race, and why others are not in it."""
        tried = {each.road: each for each in race.tried}
        for name, why in self._roads.left_out.items():
            tried.setdefault(name, Tried(name, Outcome.LEFT_OUT, frozenset({why})))
        return tried

    def _tried(self, winner: Winner, race: TransportRace) -> tuple[Tried, ...]:
        if not self._signaling.private:
            return ()
        tried = self._by_road(race)
        for each in self._usable:  # those that were in no invitation are sought through trackers
            tried.setdefault(each.name, Tried(each.name, Outcome.GOING_ON))
        return better_than(
            winner.transport.name,
            tried.values(),
            self._roads.order,
            waits=winner.transport.makeshift,
        )

    def _miss(self, peer_id: bytes) -> None:
        """Have a peer sought again by whatever is better than what there is, if anything is."""
        if self._better(peer_id):
            self._missed()

    def _goes_on(self, peer_id: bytes) -> None:
        """Have the calling attempt, which has led to a channel, be in the way of no other."""
        task = asyncio.current_task()
        assert task is not None
        self._answering.pop(task, None)
        dials = self._dials.get(peer_id, [])
        dials[:] = [dial for dial in dials if dial.task is not task]
        if not dials:
            self._dials.pop(peer_id, None)
        improving = self._improving.setdefault(peer_id, set())
        improving.add(task)

        def ended(_task: asyncio.Task[Any]) -> None:
            improving.discard(task)
            if not improving and self._improving.get(peer_id) is improving:
                del self._improving[peer_id]

        task.add_done_callback(ended)

    async def _hand(self, peer_id: bytes, winner: Winner, race: TransportRace) -> None:
        known = self._known(peer_id)
        met = MetPeer(*winner, improves=known is not None, tried=self._tried(winner, race))
        if known is not None and winner.transport not in self._better(peer_id):
            await winner.channel.close()
            return
        self._open[peer_id] = met
        self.failure = None
        if not winner.transport.makeshift:
            self._give_up(peer_id)
        self._met(met)


def _is_makeshift(met: MetPeer) -> bool:
    return met.transport is not None and met.transport.makeshift
