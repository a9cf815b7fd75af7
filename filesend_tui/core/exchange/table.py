"""The exchange of one request, from asked to its end. One table for each direction; sans-IO.

    asked ──yes──▶ approved ──▶ hashing ──▶ ready ──▶ transferring ──▶ done
      │                └────────────────────▲ (hashed by then: that begins with the request)
      └──no──▶ declined
    any phase before these ends ──cancel, by either side──▶ cancelled
                                ──trouble here, or the partner gone──▶ failed

What happens is a frozen input (a person's command, the partner's word, a result of the engine);
what is to be done is a tuple of frozen effects, which transfers.py carries out. An input without a
row for the phase is late, duplicate or invalid, and is ignored. Who has paused it stands beside the
phase, in pausing.py's table. No task, no clock and no torrent ever lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, TypeAlias

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import (
    Direction,
    FileEntry,
    LinkEntry,
    PausedBy,
    TransferId,
    TransferPhase,
    Who,
)
from filesend_tui.core.exchange import effects as do
from filesend_tui.core.exchange import pausing
from filesend_tui.core.exchange.offered import (
    Asked,
    OfferedFiles,
    paths,
    programs,
    sizes,
    spoken,
)
from filesend_tui.core.exchange.values import (
    Approved,
    Cancelled,
    Completed,
    Declined,
    Effect,
    Failed,
    FilesPaused,
    HoldFiles,
    HoldTorrent,
    Input,
    Misanswered,
    PartnerCancelled,
    PartnerLost,
    PartnerPaused,
    PartnerResumed,
    Prepared,
    Progressed,
    Publish,
    Queued,
    Ready,
    SendWord,
    Started,
    StartHashing,
)
from filesend_tui.core.torrent.disk_watch import DiskTrouble
from filesend_tui.core.util.text import clean
from relay.protocol import words
from relay.protocol.words import OfferedFile, OfferedFolder, OfferedLink, Reach, Word

P = TransferPhase
#: Where a transfer can be paused: from the answer to the end.
PAUSABLE: Final = frozenset({P.APPROVED, P.HASHING, P.READY, P.TRANSFERRING})
TERMINAL: Final = frozenset({P.DECLINED, P.DONE, P.FAILED, P.CANCELLED})
_MAX_PATH = 1024


class Exchange:
    """One request and its phase.

    Args:
        id: The request's id, made by the sender.
        direction: Whether this side sends or receives.
        partner: The other person's name, as shown.
        files, folders, links: What is offered; paths exactly as they were sent.
        others: How many other people are asked to take the same.
        stream: The one file is a stream of unknown length.
    """

    def __init__(
        self,
        id: str,
        direction: Direction,
        partner: str,
        files: Sequence[OfferedFile],
        folders: tuple[OfferedFolder, ...] = (),
        *,
        stream: bool = False,
        links: tuple[OfferedLink, ...] = (),
        others: int = 0,
    ) -> None:
        self.id = id
        self.others = others
        self.direction = direction
        self.partner = partner
        self.files = files
        self.folders = folders
        self.stream = stream
        self.links = links
        #: How much its sender leaves out by choice; nothing that the partner is told.
        self.excluded = 0
        self.accepted: tuple[bool, ...] = ()
        self.phase = P.ASKED
        self.paused_by = PausedBy.NOBODY
        #: Counts whatever shows that it moves within its phase.
        self.moves = 0
        self._far: float = 0.0
        #: What the receiver's disk is waited for; None where it is not.
        self.disk: DiskTrouble | None = None
        self.paused_files: tuple[int, ...] = ()
        #: For how many others that are sent first it waits; at the receiver 1 for any.
        self.queued = 0

    @property
    def finished(self) -> bool:
        """Whether it came to an end, good or bad."""
        return self.phase in TERMINAL

    def open(self) -> tuple[Effect, ...]:
        """Return the effects of the request itself; once, before any step."""
        request = events.FileRequest(
            transfer=self.id,
            direction=self.direction,
            partner=self.partner,
            files=(
                (FileEntry(path=shown_path(self.files[0].path), size=0),)
                if self.stream
                else tuple(
                    FileEntry(path=shown_path(f.path), size=f.size, holes=f.holes)
                    for f in self.files
                )
            ),
            total_bytes=0 if self.stream else sum(sizes(self.files)),
            file_count=len(self.files),
            empty_folders=tuple(map(shown_path, self._empty_folders())),
            stream=self.stream,
            programs=programs(self.files),
            links=tuple(
                LinkEntry(path=shown_path(each.path), to=shown_path(each.to), hard=each.hard)
                for each in self.links
            ),
            others=self.others,
            excluded=self.excluded,
        )
        asks: tuple[Effect, ...] = ()
        if self.direction is Direction.SEND:
            # Hashing runs while the other person decides, so that it can go as soon as they say
            # yes.
            asks = (*map(SendWord, spoken(self.asking)), StartHashing())
        return (Publish(request), self._entered(), *asks)

    @property
    def asking(self) -> words.FileRequest | Asked:
        """The request, as it is sent, whole or in parts."""
        if isinstance(self.files, OfferedFiles):
            return Asked(self.id, self.files, self.folders, self.others, self.links)
        return words.FileRequest(
            id=self.id,
            files=list(self.files),
            folders=list(self.folders),
            links=list(self.links),
            others=self.others,
            stream=self.stream,
        )

    def reopen(
        self,
        phase: TransferPhase,
        accepted: tuple[bool, ...],
        paused_by: PausedBy = PausedBy.NOBODY,
        paused_files: tuple[int, ...] = (),
        queued: int = 0,
    ) -> tuple[Effect, ...]:
        """Go on where an earlier process was; return the effects, once, before any step.

        Nothing is said to the partner, who has heard it, or will.
        """
        opened = [effect for effect in self.open() if isinstance(effect, Publish)][:1]
        self.phase, self.accepted = phase, accepted
        effects: list[Effect] = [*opened, self._entered()]
        if paused_by is not PausedBy.NOBODY:
            self.paused_by = paused_by
            effects.append(pausing.publish_paused(self._about, paused_by))
        if paused_files:
            self.paused_files = paused_files
            effects.append(pausing.publish_files(self._about, paused_files))
            if self.direction is Direction.RECEIVE:
                effects.append(HoldFiles(paused_files))
        if queued:
            self.queued = queued
            effects.append(self._told_queued())
        return (*effects, *self._hold(before=False))

    @property
    def halted(self) -> bool:
        """Whether no bytes go, as somebody has paused it or others are sent first."""
        return self.paused_by is not PausedBy.NOBODY or self.queued > 0

    def step(self, happened: Input) -> tuple[Effect, ...]:
        """Apply an input; return its effects, in order."""
        before = self.halted
        effects = self._step(happened)
        return (*effects, *self._hold(before=before))

    def receive(self, word: Word) -> tuple[Effect, ...]:
        """Apply a word of the partner's about this exchange; ignore other words."""
        meaning = _HEARD[self.direction].get(type(word))
        return self.step(meaning(self, word)) if meaning else ()

    def _step(self, happened: Input) -> tuple[Effect, ...]:
        if isinstance(happened, pausing.PauseInput):
            return self._pause(happened)
        if isinstance(happened, Queued):
            return self._queue(happened.before)
        if isinstance(happened, FilesPaused):
            return self._pause_files(happened.files)
        row = TABLES[self.direction].get((self.phase, type(happened)))
        if row is None:
            return ()
        if isinstance(happened, Approved):
            self.accepted = happened.accepted
        elif isinstance(happened, Prepared | Progressed):
            self._note(happened)
        effects = tuple(make(self.id, happened) for make in row.effects)
        if row.phase is self.phase:
            return effects
        self.phase = row.phase
        return (*effects, self._entered(_reason(happened), self._who(happened)))

    def _hold(self, *, before: bool) -> tuple[Effect, ...]:
        """Hold or release the torrent where the transfer is halted and was not, or the reverse."""
        return () if self.halted == before else (HoldTorrent(paused=self.halted),)

    def _pause(self, happened: pausing.PauseInput) -> tuple[Effect, ...]:
        row = pausing.TABLE.get((self.paused_by, type(happened)))
        if row is None or self.phase not in PAUSABLE:
            return ()
        self.paused_by = row.by
        return tuple(make(self._about, row.by) for make in row.effects)

    def _queue(self, before: int) -> tuple[Effect, ...]:
        if self.phase not in PAUSABLE or before == self.queued:
            return ()
        turns = (before > 0) != (self.queued > 0)
        self.queued = before
        if turns and self.direction is Direction.SEND:
            return self._told_queued(), SendWord(words.Queue(id=self.id, waits=before > 0))
        return (self._told_queued(),)

    def _told_queued(self) -> Publish:
        event = events.TransferQueued(
            transfer=self.id,
            direction=self.direction,
            partner=self.partner,
            waits=self.queued > 0,
            before=self.queued,
        )
        return Publish(event)

    def _pause_files(self, files: tuple[int, ...]) -> tuple[Effect, ...]:
        known = sorted(set(files).intersection(range(len(self.accepted))))
        agreed = tuple(index for index in known if self.accepted[index])
        if self.phase not in PAUSABLE or agreed == self.paused_files:
            return ()
        self.paused_files = agreed
        return pausing.files_paused(self._about, agreed)

    @property
    def _about(self) -> pausing.About:
        return pausing.About(self.id, self.direction, self.partner)

    def _note(self, happened: Prepared | Progressed) -> None:
        """Count figures that tell of something new; of large pieces only the speed does."""
        if isinstance(happened, Prepared):
            far, moving = happened.progress, False
        else:
            far, moving = happened.downloaded, happened.speed > 0
            self.disk = happened.disk
        self.moves += moving or far != self._far
        self._far = far

    def _empty_folders(self) -> list[str]:
        if not self.folders:
            return []
        everything = chain(paths(self.files), (folder.path for folder in self.folders))
        full = {path.rpartition("/")[0] for path in everything}
        full.update(link.path.rpartition("/")[0] for link in self.links)
        return sorted({folder.path for folder in self.folders} - full)

    def _who(self, happened: Input) -> Who | None:
        """Return who declined or cancelled it by that."""
        match happened:
            case Declined():
                return Who.PARTNER if self.direction is Direction.SEND else Who.YOU
            case Cancelled():
                return Who.YOU
            case PartnerCancelled(failed=False):
                return Who.PARTNER
            case _:
                return None

    def _entered(self, reason: str = "", by: Who | None = None) -> Publish:
        return Publish(
            events.TransferState(
                transfer=self.id,
                direction=self.direction,
                phase=self.phase,
                reason=reason,
                partner=self.partner,
                by=by,
            )
        )


def shown_path(path: str) -> str:
    """Return a path from the network, cleaned for display."""
    shown = clean(path, _MAX_PATH)
    return shown if shown.strip() else "(a name that cannot be shown)"


def answered(
    accepted: Iterable[bool], reason: str = "", reach: Reach | None = None
) -> Approved | Declined:
    """Return the input for an answer: no yes at all declines, with the reason if there is one."""
    answer = tuple(accepted)
    if any(answer):
        return Approved(answer, reach)
    return Declined(answer, clean(reason, do.MAX_REASON))


def _reason(happened: Input) -> str:
    match happened:
        case Cancelled(reason) | PartnerCancelled(reason, _) | Declined(_, reason):
            return reason
        case Failed(error) | Misanswered(error) | PartnerLost(error):
            return error.message
        case _:
            return ""


# --- the inputs for the partner's words, by the direction here --------------------------------


def _answer(exchange: Exchange, word: words.FileAnswer) -> Input:
    if len(word.accepted) != len(exchange.files):
        return Misanswered(FileSendError("The other side's answer does not fit the request."))
    return answered(word.accepted, word.reason, word.reach)


_HEARD_ALWAYS: Final[Mapping[type[Word], Callable[[Exchange, Any], Input]]] = {
    words.Cancel: lambda _, word: PartnerCancelled(clean(word.reason, do.MAX_REASON), word.failed),
    words.Pause: lambda _, _word: PartnerPaused(),
    words.Resume: lambda _, _word: PartnerResumed(),
}
_HEARD: Final[Mapping[Direction, Mapping[type[Word], Callable[[Exchange, Any], Input]]]] = {
    Direction.SEND: {
        words.FileAnswer: _answer,
        words.DownloadStarted: lambda _, _word: Started(),
        words.ProgressUpdate: lambda exchange, word: Progressed(
            word.downloaded,
            word.download_speed,
            word.progress,
            word.time_remaining,
            exchange.stream,
            DiskTrouble(word.disk, word.missing) if word.disk else None,
        ),
        words.DownloadComplete: lambda _, word: Completed(word.digest or b""),
        words.PauseFiles: lambda _, word: FilesPaused(tuple(word.files)),
        **_HEARD_ALWAYS,
    },
    Direction.RECEIVE: {
        words.Preparing: lambda _, word: Prepared(word.progress),
        words.Queue: lambda _, word: Queued(int(word.waits)),
        words.FileReady: lambda _, word: Ready(word.magnet_uri, word.swarm_key, word.reach),
        **_HEARD_ALWAYS,
    },
}

# --- the tables -------------------------------------------------------------------------------

_Make: TypeAlias = Callable[[TransferId, Any], Effect]
Key: TypeAlias = tuple[TransferPhase, type[Input]]


class Row(NamedTuple):
    """The phase that an input leads to, and its effects."""

    phase: TransferPhase
    effects: tuple[_Make, ...]


def _ends(phases: Iterable[TransferPhase], *freeing: _Make) -> dict[Key, Row]:
    """Return the rows by which each of these phases is cancelled or fails."""
    rows: dict[Key, Row] = {}
    for phase in phases:
        rows[phase, Cancelled] = Row(P.CANCELLED, (do.send_cancelled, *freeing))
        rows[phase, PartnerCancelled] = Row(P.CANCELLED, freeing)
        rows[phase, Failed] = Row(P.FAILED, (do.send_failed, do.publish_error, *freeing))
        rows[phase, PartnerLost] = Row(P.FAILED, (do.publish_error, *freeing))
    return rows


_DONE_SENDING = Row(P.DONE, (do.publish_done, do.free))
_DONE_RECEIVING = Row(P.DONE, (do.send_complete, do.free))

_SENDING: Final[dict[Key, Row]] = {
    (P.ASKED, Approved): Row(P.APPROVED, (do.publish_answer, do.seed)),
    (P.ASKED, Declined): Row(P.DECLINED, (do.publish_answer, do.free)),
    (P.ASKED, Misanswered): Row(P.FAILED, (do.send_failed, do.publish_error, do.free)),
    (P.APPROVED, Prepared): Row(P.HASHING, (do.send_preparing,)),
    (P.APPROVED, Ready): Row(P.READY, (do.send_ready, do.publish_ready)),
    (P.HASHING, Prepared): Row(P.HASHING, (do.send_preparing,)),
    (P.HASHING, Ready): Row(P.READY, (do.send_ready, do.publish_ready)),
    (P.READY, Started): Row(P.TRANSFERRING, (do.publish_started,)),
    (P.READY, Progressed): Row(P.TRANSFERRING, (do.publish_progress,)),
    (P.READY, Completed): _DONE_SENDING,
    (P.TRANSFERRING, Progressed): Row(P.TRANSFERRING, (do.publish_progress,)),
    (P.TRANSFERRING, Completed): _DONE_SENDING,
    **_ends((P.ASKED, P.APPROVED, P.HASHING, P.READY, P.TRANSFERRING), do.free),
}

_RECEIVING: Final[dict[Key, Row]] = {
    (P.ASKED, Approved): Row(P.APPROVED, (do.send_answer, do.publish_answer)),
    (P.ASKED, Declined): Row(P.DECLINED, (do.send_answer, do.publish_answer)),
    (P.APPROVED, Prepared): Row(P.HASHING, (do.publish_hashing,)),
    (P.APPROVED, Ready): Row(P.READY, (do.publish_added, do.add)),
    (P.HASHING, Prepared): Row(P.HASHING, (do.publish_hashing,)),
    (P.HASHING, Ready): Row(P.READY, (do.publish_added, do.add)),
    (P.READY, Started): Row(P.TRANSFERRING, (do.send_started, do.publish_started)),
    (P.READY, Completed): _DONE_RECEIVING,
    (P.TRANSFERRING, Progressed): Row(P.TRANSFERRING, (do.send_progress,)),
    (P.TRANSFERRING, Completed): _DONE_RECEIVING,
    **_ends((P.ASKED, P.APPROVED, P.HASHING)),
    **_ends((P.READY, P.TRANSFERRING), do.free_and_delete),
}

TABLES: Final[Mapping[Direction, Mapping[Key, Row]]] = {
    Direction.SEND: _SENDING,
    Direction.RECEIVE: _RECEIVING,
}
