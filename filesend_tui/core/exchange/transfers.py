"""The transfers of one session: carries out what table.py decides.

Effects become work of the engine, words to the partner and events; results go back as inputs. The
rules of an exchange never live here, nor anything about peers or disks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import Final

from filesend_tui.core.choices import Stood
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.error_events import error_event, left_out
from filesend_tui.core.errors import BadSource, FileSendError, RequestGone
from filesend_tui.core.event_stream import EventStream, Subscription
from filesend_tui.core.events import (
    AlreadyThere,
    Direction,
    Hashing,
    PausedBy,
    SendAgain,
    SessionId,
    TransferId,
    TransferPhase,
    TransferState,
    of_session,
)
from filesend_tui.core.exchange import offer
from filesend_tui.core.exchange.facts import TransferFacts, TransferKeeper
from filesend_tui.core.exchange.offered import Asked, Lists, OfferedFiles, Refused, without_holes
from filesend_tui.core.exchange.stream_task import StreamTask
from filesend_tui.core.exchange.table import PAUSABLE, Exchange, answered
from filesend_tui.core.exchange.transfer_task import REPORT_INTERVAL, TransferTask
from filesend_tui.core.exchange.values import (
    Cancelled,
    Effect,
    Failed,
    FilesPaused,
    FreeTorrent,
    HoldFiles,
    HoldTorrent,
    Input,
    PartnerLost,
    Paused,
    Prepared,
    Publish,
    Queued,
    Resumed,
    SendWord,
    StartAdding,
    StartHashing,
    StartSeeding,
)
from filesend_tui.core.sessions.session import REPEAT_AFTER, Session
from filesend_tui.core.torrent.engine_protocol import Torrents
from filesend_tui.core.torrent.group import Group
from filesend_tui.core.torrent.sources.create import Found
from filesend_tui.core.torrent.storage.arrival.existing import Existing
from filesend_tui.core.torrent.storage.disk_space import check_room
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.torrent.streams.outflow import StreamSource
from filesend_tui.core.torrent.streams.pipes import PipeTarget
from filesend_tui.core.util.tasks import Tasks
from filesend_tui.core.util.token_bucket import TokenBucket
from relay.protocol import words
from relay.protocol.words import MAX_FILES, MOST_FILES, MOST_FOLDERS, Word

_log = logging.getLogger(__name__)

_ALL_THERE: Final = "all of it is there already"
#: Most requests of the partner that wait for an answer, and that are unfinished in all.
MAX_ASKED: Final = 20
MAX_INCOMING: Final = 100
#: Most files, and folders with links, in the partner's unfinished requests together.
MAX_OFFERED: Final = 2 * MAX_FILES
#: The same in those that came in parts, which take a tenth of the memory.
MAX_LISTED: Final = 2 * MOST_FILES
MAX_OFFERED_FOLDERS: Final = 2 * MOST_FOLDERS
#: Rate limit of the parts of the partner's requests: at once, and a second. Each takes some 10 ms.
PARTS: Final = (500, 10)
#: Rate limit of the partner's requests: at once, and a second. Each is a row on the screen.
REQUESTS: Final = (1_000, 20)
#: Rate limit of the partner's pauses, and of what they ask to be sent again: at once, and a second.
#: Each is told to the person.
PAUSES: Final = (200, 5)
#: Most requests of a session: each has an id that is never used again.
MAX_REQUESTS: Final = 100_000
#: Timeout in seconds for the last words when the session ends.
PARTING: Final = 2.0
#: Seconds that a torrent which is done waits for the partner to hear of it: longer than it takes to
#: notice that the room delivers nothing, and to say it over the torrent's own channel.
LAST_WORD: Final = REPEAT_AFTER + PARTING

#: Seconds between two looks at what stands still.
BEAT: Final = 1.0

_STREAM_ENDS: Final = "A stream ends with the program that sends or takes it."
#: Figures: the next ones replace lost ones, so their loss is no failure.
_FIGURES = (words.Preparing, words.ProgressUpdate)


class Transfers:
    """Every request between this side and a partner, in both directions.

    Args:
        id: The session's.
        session: The partner.
        torrents: The engine.
        events: Where events go.
        config: Where received files go, unless an answer says otherwise.
        tracker: The relay's tracker, as this side knows it (ws or wss URL).
        known: The ids of all requests of all sessions, also those that are over; it adds its own.
        keeper: Keeps them for a later process, if any does.
        closed: Called once all has ended and is freed.
        changed: Called where another transfer may run than before.
    """

    def __init__(
        self,
        id: SessionId,
        session: Session,
        *,
        torrents: Torrents,
        events: EventStream,
        config: ClientConfig,
        tracker: str,
        known: set[TransferId],
        keeper: TransferKeeper | None,
        closed: Callable[[], object],
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._id = id
        self._session = session
        self._torrents = torrents
        self._events = events
        self._config = config
        self._tracker = tracker
        self._runs: dict[TransferId, TransferTask] = {}
        self._known = known
        self._over: dict[TransferId, Direction] = {}
        self._keeper = keeper
        self._suspended = False
        self._closed = closed
        self._changed = changed
        self._begun = 0
        self._tasks = Tasks(_broke)
        self._watch: Subscription = events.subscribe()
        self._watching = asyncio.create_task(self._watch_hashing())
        self._ticking = asyncio.create_task(self._tick())
        self._ended: FileSendError | None = None
        self._clock = asyncio.get_running_loop().time
        self._requests = TokenBucket(*REQUESTS, self._clock())
        self._pauses = TokenBucket(*PAUSES, self._clock())
        self._parts = TokenBucket(*PARTS, self._clock())
        self._lists = Lists()
        #: Requests in parts that were refused; their other parts are still on their way.
        self._refused: set[TransferId] = set()

    def __contains__(self, transfer: TransferId) -> bool:
        """Return whether a request is one of these and not over."""
        return transfer in self._runs

    @property
    def is_unfinished(self) -> bool:
        """See Activity."""
        return bool(self._runs)

    # -- commands

    async def request(
        self,
        chosen: Collection[Path] | Found,
        *,
        skip_unreadable: bool = False,
        group: Group | None = None,
    ) -> TransferId:
        """Ask the partner to accept what was chosen; see offer.look_through.

        group: shares its torrent with what others are asked to take.

        If an earlier result can no longer be sent, the request, which the partner expects, is made
        all the same, and fails at once with the reason on both sides.

        Raises:
            BadSource: Something cannot be read or was replaced, or it is too much for one request.
            NotPaired: The partner is gone.
        """
        lost: BadSource | None = None
        try:
            sending = self._config.sending._replace(skip=skip_unreadable)
            sources = await asyncio.to_thread(offer.look_through, chosen, sending=sending)
        except BadSource as error:
            if not isinstance(chosen, Found):
                raise
            sources, lost = chosen, error
        self._check_open()
        told = chosen.left_out if isinstance(chosen, Found) else ()
        if news := [each for each in sources.left_out if each not in told]:
            self._events.publish(of_session(left_out(news), self._id))
        asking = await asyncio.to_thread(
            offer.make_request, sources, group.size - 1 if group is not None else 0
        )
        self._check_open()
        if isinstance(asking, Asked) and not self._session.takes_parts:
            raise BadSource(
                f"{self._session.partner}'s FileSend takes {MAX_FILES:,} files at a time, and no "
                "more.",
                "Ask them for a newer one, or put the files into an archive (zip or tar).",
            )
        run = self._new_run(asking, Direction.SEND, group)
        run.sources = sources
        run.exchange.excluded = sources.unwanted
        self._begin(run)
        if lost is not None:
            self._happen(run, Failed(lost))
        return asking.id

    def request_stream(self, source: StreamSource, name: str) -> TransferId:
        """Ask the partner to take a stream; it is read once they said yes.

        Raises:
            BadSource: That is no name for it.
        """
        self._check_open()
        asking = offer.make_stream_request(name)
        run = self._new_run(asking, Direction.SEND)
        assert isinstance(run, StreamTask)
        run.source = source
        self._begin(run)
        return asking.id

    async def answer(
        self,
        transfer: TransferId,
        accepted: Sequence[bool],
        output: Path | Target | None,
        reason: str = "",
        replace: Sequence[Stood] = (),
        *,
        pipe: PipeTarget | None = None,
    ) -> None:
        """Accept or decline each file of the partner's request; `reason` is why all are declined.

        What is there already is not received, where the configuration says so.

        pipe: Where a stream goes, instead of a folder.

        Raises:
            NoSpace: The accepted files do not fit; the request stays open.
            StorageFailed: The folder is not writable or was replaced; the request stays open.
            RequestGone: There is no such request to answer.
            FileSendError: `accepted` does not have one entry for each file.
        """
        exchange = self._askable(transfer).exchange
        if len(accepted) != len(exchange.files):
            raise FileSendError(
                f"The answer has {len(accepted)} entries for {len(exchange.files)} files.",
                "Say yes or no for each file.",
            )
        if pipe is not None and any(accepted) and not exchange.stream:
            raise FileSendError("Only a stream can be written on.", "Receive files into a folder.")
        folder = output or self._config.output
        arriving = self._config.arriving
        if arriving.skip_existing and any(accepted) and not exchange.stream:
            accepted, there = await self._without_existing(exchange, accepted, folder)
            if there is not None:
                self._askable(transfer)
                self._events.publish(there)
                reason = _ALL_THERE if there.everything else reason
        # A disk without holes may have no room; that is told as soon as it is known.
        needed = 0 if exchange.stream else sum(compress(without_holes(exchange.files), accepted))
        lands = any(accepted) and pipe is None
        chosen = await asyncio.to_thread(check_room, folder, needed) if lands else None
        run = self._askable(transfer)  # it may have been cancelled meanwhile
        reach = await run.invite() if any(accepted) else None
        run = self._askable(transfer)
        run.output = chosen
        if isinstance(run, StreamTask):
            run.pipe = pipe
        run.arriving = arriving._replace(replace=tuple(replace))
        self._happen(run, answered(accepted, reason, reach))

    async def existing(
        self, transfer: TransferId, output: Path | Target | None
    ) -> tuple[Existing, ...]:
        """Return which files of the partner's request are in the folder; see Client.existing."""
        exchange = self._askable(transfer).exchange
        folder = output or self._config.output
        return tuple(await asyncio.to_thread(offer.existing, exchange.files, folder))

    async def _without_existing(
        self, exchange: Exchange, accepted: Sequence[bool], folder: Path | Target
    ) -> tuple[Sequence[bool], AlreadyThere | None]:
        """Return the answer without files that are there, and the event that tells of them."""
        names, further = await asyncio.to_thread(
            offer.with_further_names, exchange.files, exchange.links
        )
        found = await asyncio.to_thread(offer.existing, names, folder)
        there = {each.number for each in found if each.same}
        # A file of which a further name is to be made is needed for that.
        lacking = {number for name, number in further.items() if name not in there}
        same = {number for number in there - lacking - further.keys() if accepted[number]}
        if not same:
            return accepted, None
        rest = tuple(yes and number not in same for number, yes in enumerate(accepted))
        event = AlreadyThere(
            session=self._id, transfer=exchange.id, count=len(same), everything=not any(rest)
        )
        return rest, event

    async def cancel(self, transfer: TransferId, reason: str = "") -> None:
        """Cancel a transfer; return when its torrent is freed. No error if it is over."""
        run = self._runs.get(transfer)
        if run is not None:
            self._happen(run, Cancelled(reason))
            await run.freed.wait()

    def pause(self, transfer: TransferId, files: Collection[int] | None = None) -> None:
        """Pause a transfer, or only leave files of it out; see Client.pause."""
        run = self._runs.get(transfer)
        if run is not None and files is not None:
            self._leave_out(run, {*run.exchange.paused_files, *files})
        elif run is not None:
            self._happen(run, Paused())

    def go_on(self, transfer: TransferId, files: Collection[int] | None = None) -> None:
        """Take this side's pause of a transfer back, or only that of files; see Client.go_on."""
        run = self._runs.get(transfer)
        if run is not None and files is not None:
            self._leave_out(run, set(run.exchange.paused_files).difference(files))
        elif run is not None:
            self._happen(run, Resumed())

    def _leave_out(self, run: TransferTask, files: Collection[int]) -> None:
        if run.exchange.direction is Direction.SEND:
            raise FileSendError(
                "Only who receives can leave out single files for now.",
                "Pause the whole transfer, or ask them to.",
            )
        self._happen(run, FilesPaused(tuple(files)))

    def knows(self, transfer: TransferId) -> bool:
        """Return whether a transfer of this session is over."""
        return transfer in self._over

    def ask_again(self, transfer: TransferId) -> None:
        """Ask the partner to send again what was to come; see Client.ask_again."""
        if self._over.get(transfer) is not Direction.RECEIVE:
            raise RequestGone("Only what was to be received, and is over, can be asked for again.")
        self._check_open()
        self._session.say(words.SendAgain(id=transfer))
        self._tell_again(transfer)

    def _tell_again(self, transfer: TransferId) -> None:
        event = SendAgain(
            session=self._id,
            transfer=transfer,
            direction=self._over[transfer],
            partner=self._session.partner,
        )
        self._events.publish(event)

    def sending(self) -> Iterator[tuple[TransferId, bool]]:
        """Yield what this side sends and is not over, and whether it could run now."""
        for transfer, run in self._runs.items():
            exchange = run.exchange
            if exchange.direction is Direction.SEND and not exchange.finished:
                # With files left out, all else of it may be there: it runs beside the others.
                paused = exchange.paused_by is not PausedBy.NOBODY or exchange.paused_files
                yield (
                    transfer,
                    exchange.phase in PAUSABLE and not paused and not self._session.is_away,
                )

    def queue(self, transfer: TransferId, before: int) -> None:
        """Let a transfer of `sending` wait for so many others; 0: its turn has come."""
        run = self._runs[transfer]
        if run.exchange.queued != before:
            self._happen(run, Queued(before))

    async def close(self, lost: FileSendError | None = None) -> None:
        """End every transfer and free everything.

        Args:
            lost: Why the partner is gone; None when this side leaves and cancels its transfers.
        """
        self._ended = self._ended or lost or FileSendError("The session is over.")
        ending = PartnerLost(lost) if lost else Cancelled("The pairing was ended.")
        for run in tuple(self._runs.values()):
            self._happen(run, ending)
        while self._runs:
            await next(iter(self._runs.values())).freed.wait()
        await self._end()

    async def _end(self) -> None:
        self._watch.close()
        self._ticking.cancel()
        await self._tasks.cancel(after=PARTING)
        await asyncio.gather(self._watching, self._ticking, return_exceptions=True)
        self._closed()

    async def restore(self, facts: TransferFacts, group: Group | None = None) -> None:
        """Go on with a transfer of an earlier process."""
        run = self._new_run(facts.request, facts.direction, group)
        run.remember(facts)
        self._runs[facts.request.id] = run
        self._known.add(facts.request.id)
        self._begun += 1
        self._apply(
            run,
            run.exchange.reopen(
                facts.phase,
                facts.accepted,
                facts.paused_by,
                facts.paused_files,
                facts.queued,
            ),
        )
        try:
            await run.go_on(facts)
        except FileSendError as error:
            self._happen(run, Failed(error))

    async def suspend(self, lost: FileSendError | None = None) -> None:
        """See Activity: torrents stop, and what arrived of them stays."""
        for run in [each for each in self._runs.values() if each.exchange.stream]:
            self._happen(run, Cancelled(_STREAM_ENDS))
            await run.freed.wait()
        self._ended = self._ended or lost or FileSendError("This side stops, and goes on later.")
        self._suspended = True
        if lost is not None:
            for transfer, run in self._runs.items():
                self._events.publish(error_event(lost, transfer=transfer, session=self._id))
                state = TransferState(
                    session=self._id,
                    transfer=transfer,
                    direction=run.exchange.direction,
                    phase=TransferPhase.FAILED,
                    reason=lost.message,
                    partner=run.exchange.partner,
                )
                self._events.publish(state)
        for run in tuple(self._runs.values()):
            await self._free(run, delete_data=False)
        await self._end()

    def met_at(self, tracker: str) -> None:
        """See Activity."""
        self._tracker = tracker
        for run in self._runs.values():
            run.met_at(tracker)

    def partner_away(self, away: bool) -> None:
        """See Activity: transfers wait for them, and nobody is missed in their swarms."""
        for transfer in self._runs:
            self._torrents.partner_away(transfer, away=away)
        self._changed()

    def receive(self, word: Word) -> None:
        """Handle a word of the partner's about transfers; ignore others."""
        if self._ended is not None:
            return
        pauses = isinstance(word, words.Pause | words.PauseFiles)
        pauses = pauses or (isinstance(word, words.Queue) and word.waits)
        if pauses and not self._pauses.spend(1, self._clock()):
            return  # the end of a pause that was not heard changes nothing
        if isinstance(word, words.FileRequest):
            self._asked(word)
        elif isinstance(word, words.SendAgain):
            if self._over.get(word.id) is Direction.SEND and self._pauses.spend(1, self._clock()):
                self._tell_again(word.id)
        elif isinstance(word, words.Cancel) and word.id not in self._runs:
            self._lists.forget(word.id)
        elif (run := self._runs.get(getattr(word, "id", ""))) is not None:
            self._heard(run, word)

    def _heard(self, run: TransferTask, word: Word) -> None:
        differs = None
        if isinstance(word, words.DownloadComplete):
            differs = run.differs(word.digest or b"")
        if differs is not None:
            self._happen(run, Failed(differs))
        else:
            self._apply(run, run.exchange.receive(word))

    # -- beginnings

    def _asked(self, word: words.FileRequest) -> None:
        if word.id in self._runs:
            return
        try:
            asked = self._whole(word)
            refusal = self._why_not(asked) if asked is not None else ""
        except Refused as refused:
            asked, refusal = None, str(refused)
        if refusal:
            if len(self._refused) < MAX_REQUESTS:
                self._refused.add(word.id)
            self._say(words.Cancel(id=word.id, reason=refusal, failed=True), None)
        elif asked is not None:
            self._begin(self._new_run(asked, Direction.RECEIVE))

    def _whole(self, word: words.FileRequest) -> words.FileRequest | Asked | None:
        """Return a request once all of it has come; raise Refused where it is none."""
        if not word.packed:
            return word
        if word.part and word.id in self._refused:
            return None  # the rest of one that was refused, which was told
        if not self._parts.spend(1, self._clock()):
            raise Refused("Too many requests in too short a time.")
        return self._lists.take(word)

    def _why_not(self, word: words.FileRequest | Asked) -> str:
        """Return why the partner's request is refused without asking; empty if it is not."""
        # A request may still be on the screen when it is cancelled: no other may reuse its id, of
        # whichever partner, or a yes to the one would accept the other: an answer names only the
        # id.
        if word.id in self._known:
            return "This request was made before."
        if self._begun >= MAX_REQUESTS:
            return "That is enough for one session."
        if not self._requests.spend(1, self._clock()):
            return "Too many requests in too short a time."
        incoming = [
            run.exchange
            for run in self._runs.values()
            if run.exchange.direction is Direction.RECEIVE
        ]
        asked = sum(exchange.phase is TransferPhase.ASKED for exchange in incoming)
        listed = [isinstance(each.files, OfferedFiles) for each in (*incoming, word)]
        counts = [len(each.files) for each in (*incoming, word)]
        many = sum(compress(counts, listed))
        others = sum(len(each.folders) + len(each.links) for each in (*incoming, word))
        if (
            asked >= MAX_ASKED
            or len(incoming) >= MAX_INCOMING
            or sum(counts) - many > MAX_OFFERED
            or many > MAX_LISTED
            or others > MAX_OFFERED_FOLDERS
        ):
            return "Too many requests are open."
        return offer.why_odd(word)

    def _new_run(
        self,
        asking: words.FileRequest | Asked,
        direction: Direction,
        group: Group | None = None,
    ) -> TransferTask:
        partner = self._session.partner
        files = asking.files if isinstance(asking, Asked) else tuple(asking.files)
        folders = tuple(asking.folders)
        exchange = Exchange(
            asking.id,
            direction,
            partner,
            files,
            folders,
            stream=asking.stream,
            links=tuple(asking.links),
            others=asking.others,
        )
        make = StreamTask if asking.stream else TransferTask
        return make(
            exchange,
            self._id,
            self._session,
            torrents=self._torrents,
            tracker=self._tracker,
            happen=self._happen,
            kept=self._keeper is not None,
            group=group,
        )

    def _begin(self, run: TransferTask) -> None:
        self._runs[run.exchange.id] = run
        self._known.add(run.exchange.id)
        self._begun += 1
        self._apply(run, run.exchange.open())

    def _askable(self, transfer: TransferId) -> TransferTask:
        run = self._runs.get(transfer)
        if (
            run is None
            or run.exchange.direction is not Direction.RECEIVE
            or run.exchange.phase is not TransferPhase.ASKED
        ):
            raise RequestGone("This request is no longer open.")
        return run

    def _check_open(self) -> None:
        if self._ended is not None:
            raise self._ended

    # -- effects

    def _happen(self, run: TransferTask, happened: Input) -> None:
        if self._suspended:
            return  # it would be said and not recorded: the process that goes on would not know
        self._apply(run, run.exchange.step(happened))

    def _apply(self, run: TransferTask, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Publish(event):
                    self._events.publish(of_session(event, self._id))
                case SendWord(word):
                    self._say(word, run)
                case StartHashing():
                    run.start_hashing()
                case StartSeeding(reach):
                    run.start_seeding(reach)
                case StartAdding(magnet, swarm_key, reach):
                    run.start_adding(magnet, swarm_key, reach)
                case HoldTorrent(paused):
                    run.hold(paused=paused)
                case HoldFiles(files):
                    run.hold_files(files)
                case FreeTorrent(delete_data):
                    self._tasks.spawn(self._free(run, delete_data))
        if self._keeper is not None and not run.exchange.stream:
            self._record(run, self._keeper)
        if run.exchange.finished and not run.working:
            self._forget(run)
        if effects:
            self._changed()

    def _record(self, run: TransferTask, keeper: TransferKeeper) -> None:
        """Record what changed, in the step of what caused it and of the words that it led to."""
        exchange = run.exchange
        if run.recorded is None or (run.recorded[1:] != run.stage[1:] and not exchange.finished):
            keeper.transfer_changed(self._id, self._session.partner, run.facts)
        elif run.recorded[0] is not exchange.phase:
            keeper.phase_changed(self._id, exchange.id, exchange.phase)
        run.recorded = run.stage

    def _say(self, word: Word, run: TransferTask | None) -> None:
        """Send a word, in order; skip figures while earlier ones are in flight."""
        if isinstance(word, _FIGURES):
            if run is not None and (run.figures is None or run.figures.done()):
                run.figures = self._session.say_figures(word)
            return
        try:
            self._session.say(word)
        except FileSendError as error:
            _log.debug("%s cannot be said: %s", type(word).__name__, error)
            if run is not None:
                asyncio.get_running_loop().call_soon(self._happen, run, Failed(error))

    async def _free(self, run: TransferTask, delete_data: bool) -> None:
        try:
            # Words may need the channels of its torrent: let them arrive.
            if not self._session.in_room:
                await self._session.settled(PARTING)
            elif run.exchange.phase is TransferPhase.DONE:
                await self._session.settled(LAST_WORD)
            await run.free(delete_data=delete_data)
        finally:
            self._forget(run)

    def _forget(self, run: TransferTask) -> None:
        self._runs.pop(run.exchange.id, None)
        self._over[run.exchange.id] = run.exchange.direction
        self._tasks.spawn(run.take_back())
        run.freed.set()

    # -- what stands still

    async def _tick(self) -> None:
        """Tell what is waited for, and end what has waited for too long."""
        while True:
            await asyncio.sleep(BEAT)
            for run in tuple(self._runs.values()):
                try:
                    self._look(run, self._clock())
                except Exception:
                    _log.exception("looking at a transfer brought a fault to light")

    def _look(self, run: TransferTask, now: float) -> None:
        exchange = run.exchange
        if exchange.finished:
            return
        standing = self._torrents.standing(exchange.id)
        # Only the receiver knows whether all but what it leaves out is there.
        rests = exchange.direction is Direction.SEND and bool(exchange.paused_files)
        halted = self._session.is_away or exchange.halted or rests
        for event in run.patience.look(
            now, exchange.phase, standing, exchange.moves, halted=halted, disk=exchange.disk
        ):
            self._events.publish(event)
        if (failure := run.patience.failure(now)) is not None:
            self._happen(run, Failed(failure))

    # -- small things

    async def _watch_hashing(self) -> None:
        """Turn the engine's progress in hashing into inputs of this side's exchanges."""
        clock = asyncio.get_running_loop().time
        async for event in self._watch:
            if not isinstance(event, Hashing):
                continue
            run = self._runs.get(event.transfer or "")
            if run is None or run.exchange.direction is not Direction.SEND:
                continue
            if run.exchange.phase is TransferPhase.ASKED:
                continue  # hashed early: the partner does not wait for it yet
            if clock() - run.hashing_told >= REPORT_INTERVAL:
                run.hashing_told = clock()
                progress = min(1.0, max(0.0, event.progress))
                self._happen(run, Prepared(progress))


def _broke(bug: BaseException) -> None:
    _log.error("a transfer's work broke", exc_info=bug)
