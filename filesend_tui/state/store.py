"""The store: what the screens draw, updated by events; the only mutable view state.

Events are applied with the time they were seen; rows are frozen snapshots, so a widget detects
changes by comparing. No Textual, no I/O and no clock of its own ever lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from filesend_tui.core import events
from filesend_tui.core.events import (
    Direction,
    Event,
    PausedBy,
    SessionId,
    TransferId,
    TransferPhase,
)
from filesend_tui.state import notices
from filesend_tui.state.figures import countdown
from filesend_tui.state.people import remembering
from filesend_tui.state.people.beside import Beside
from filesend_tui.state.people.everybody import People, Person, Standing
from filesend_tui.state.picked import Picked
from filesend_tui.state.shares import Shares
from filesend_tui.state.unfinished import idle
from filesend_tui.state.views import (
    NOTHING_KNOWN,
    Level,
    Notice,
    OwnCode,
    ReceivedText,
    RelayStatus,
    ShareRow,
    TalkLine,
    TransferDetail,
    TransferRow,
    name_of,
)

#: Finished transfers and lines of talk that are kept; older ones are forgotten.
MAX_ROWS: Final = 200
MAX_LINES: Final = 200
#: Texts that are kept, each of which may have 64 KiB.
MAX_TEXTS: Final = 20
#: Files of finished transfers that are kept: a partner may send long lists, and withdraw them.
MAX_ENTRIES: Final = 50_000
#: Rate samples kept for the graph, one a second.
MAX_SAMPLES: Final = 240
#: The command during which the chosen files are scanned, as `doing` names it.
REQUESTING: Final = "request"
#: The command during which a share is prepared, as `doing` names it.
SHARING: Final = "share"
#: Seconds after which a notice is drawn less prominently: it was read by then.
OLD: Final = 60.0
#: Seconds after which it is shown for how long a command has been busy.
PATIENCE: Final = 5
#: Seconds without a byte after which a running transfer is stalled; also the rates' window.
STALL: Final = 3.0


@dataclass(slots=True)
class _Motion:
    """When a transfer's bytes last moved, by source: this side, or the partner."""

    began: float
    seen: dict[str, float] = field(default_factory=dict)
    partner_heard: float | None = None

    def hear(self, source: str, now: float, *, moves: bool) -> None:
        """Note a figure; a rate of zero means nothing moved in the rate's window either."""
        self.seen[source] = now if moves else min(self.seen.get(source, now), now - STALL)
        if source == "partner":
            self.partner_heard = now

    def stalled(self, now: float) -> bool:
        """Return whether nothing has moved for STALL seconds.

        A partner reports four times a second: a silent one receives nothing, whatever is uploaded.
        """
        silent = self.partner_heard is not None and now - self.partner_heard >= STALL
        return silent or now - max([self.began, *self.seen.values()]) >= STALL


#: A session that nobody has.
_NOBODY: Final = SessionId("-")
#: Events of a session that is not known yet: they come before it, or are its first.
_OF_NEWCOMERS: Final = (events.Paired, events.Code, events.CodeClaimed, events.CodeGone)
#: States of a connection, the best first.
_BEST: Final = ("connected", "connecting", "lost", "closed")


@dataclass(slots=True)
class Store:
    """View state. Only its methods below change it.

    picked: what the person chose to send; changed from outside. time_of_day: the time shown beside
    lines and notices. unread: lines of talk that arrived while the talk was not shown. session: the
    one with the partner. limits: of upload and download, in bytes a second. One partner is shown;
    what others send and ask goes on beside theirs. people: all of them, and who is remembered.
    recipients: whom the choice is for, by their keys; empty for the partner. unfinished: what was
    when it was last looked for.
    """

    time_of_day: Callable[[], str] = str
    relay: RelayStatus = field(default_factory=RelayStatus)
    code: OwnCode | None = None
    partner: str | None = None
    session: SessionId | None = None
    limits: tuple[int | None, int | None] = (None, None)
    unfinished: tuple[events.Unfinished, ...] = ()
    people: People = field(default_factory=People)
    recipients: tuple[str, ...] = ()
    notice: Notice | None = None
    talk: tuple[TalkLine, ...] = ()
    unread: int = 0
    texts: tuple[ReceivedText, ...] = ()
    busy: frozenset[str] = frozenset()
    _busy_for: dict[str, int] = field(default_factory=dict)
    rows: dict[TransferId, TransferRow] = field(default_factory=dict)
    details: dict[TransferId, TransferDetail] = field(default_factory=dict)
    shares: Shares = field(default_factory=Shares)
    picked: Picked = field(default_factory=Picked)
    _now: float = 0.0
    _told_at: float = 0.0
    _relay_was_there: bool = True
    #: The state of each place, by URL.
    _places: dict[str, str] = field(default_factory=dict)
    _sampled_at: float = 0.0
    _beside: Beside = field(default_factory=Beside)
    _torrents: dict[str, TransferId] = field(default_factory=dict)
    _motions: dict[TransferId, _Motion] = field(default_factory=dict)
    _paths: dict[TransferId, tuple[Path, ...]] = field(default_factory=dict)
    #: Since when each transfer that stands still does.
    _waiting: dict[TransferId, float] = field(default_factory=dict)
    #: Files of the rows that have ended.
    _kept: int = 0

    # -- what the screens read

    @property
    def transfers(self) -> tuple[TransferRow, ...]:
        """All rows, oldest first."""
        return tuple(self.rows.values())

    def busy_for(self, what: str) -> str:
        """Return how long a command is busy, such as `0:42`; empty before PATIENCE seconds."""
        seconds = self._busy_for.get(what, 0)
        return countdown(seconds) if seconds >= PATIENCE else ""

    @property
    def away_since(self) -> float | None:
        """When the partner was last there; None while they are, and without one."""
        return self.people.away_since(self._shown)

    @property
    def asks_to_remember(self) -> bool:
        """Whether the partner asks to remember each other, and has no answer."""
        return self.people.asks(self._shown)

    @property
    def absence(self) -> str:
        """How long the partner is away, such as `0:42`; empty while they are there."""
        since = self.away_since
        return "" if since is None else countdown(self._now - since)

    @property
    def requests(self) -> tuple[TransferRow, ...]:
        """Requests from the partner that wait for an answer, oldest first."""
        return tuple(
            row
            for row in self.rows.values()
            if row.phase is TransferPhase.ASKED and not row.sending
        )

    @property
    def wants_code(self) -> bool:
        """Whether to get a code: alone at a relay, without one that expired or was burned."""
        alone = self.relay.state == "connected" and self.partner is None
        code = self.code
        lost = code is None or code.gone in {"relay", "joined"}
        return alone and lost and not self.busy & {"code", "join"}

    @property
    def open_shares(self) -> tuple[ShareRow, ...]:
        """Open shares, and the one being prepared, oldest first."""
        # Hashing events may arrive after the command ended: only the command's end counts.
        preparing = SHARING in self.busy
        return tuple(row for row in self.shares.rows.values() if preparing or not row.preparing)

    @property
    def running(self) -> tuple[TransferRow, ...]:
        """Transfers that have not ended."""
        return tuple(row for row in self.rows.values() if not row.ended)

    def detail(self, transfer: TransferId) -> TransferDetail:
        """Return what is known of a transfer's torrent."""
        return self.details.get(transfer, NOTHING_KNOWN)

    def sent_paths(self, transfer: TransferId) -> tuple[Path, ...]:
        """Return the paths chosen here for a transfer; empty where the partner sends it."""
        return self._paths.get(transfer, ())

    def later(self, row: TransferRow) -> TransferRow | None:
        """Return the last transfer since then of the same files, the same way, if there is one."""
        rows = self.transfers
        since = next((at for at, each in enumerate(rows) if each.id == row.id), len(rows))
        return next((each for each in reversed(rows[since + 1 :]) if _alike(each, row)), None)

    @property
    def wished(self) -> TransferRow | None:
        """What the partner wants to be sent again: what the notice tells of, else the newest."""
        wanted = [row for row in self.transfers if row.sending and row.wanted_again]
        told = [row for row in wanted if self._tells_wish(row)]
        return next(reversed(told or wanted), None)

    @property
    def everybody(self) -> tuple[Person, ...]:
        """Those with whom there is a session, and those who are remembered."""
        return self.people.rows(self._shown, self._now)

    @property
    def partners(self) -> tuple[Person, ...]:
        """Those with whom there is a session, in the order of pairing."""
        return self.people.partners(self._shown)

    @property
    def _shown(self) -> SessionId | None:
        return self.session if self.partner is not None else _NOBODY

    @property
    def addressed(self) -> tuple[Person, ...]:
        """Whom the choice is sent to: the recipients who can be, else the partner."""
        if not self.recipients:
            return tuple(person for person in self.partners if person.shown)
        meant = self.recipients
        return tuple(each for each in self.everybody if each.addressable and each.key in meant)

    def person(self, session: SessionId | None) -> Person | None:
        """Return the partner of a session; None where there is no such session."""
        return next((each for each in self.partners if each.session == session), None)

    @property
    def others(self) -> int:
        """How many are here beside the partner who is shown."""
        return sum(p.standing is Standing.HERE and not p.shown for p in self.partners)

    def invites(self, now: float) -> bool:
        """Return whether there is a code for somebody else, beside a partner."""
        code = self.code if self.partner is not None else None
        return code is not None and not code.gone and code.expires_at > now

    def running_with(self, session: SessionId | None) -> tuple[TransferRow, ...]:
        """Return the transfers of a session that have not ended."""
        return tuple(row for row in self.running if row.session in (None, session))

    # -- what changes it

    def look_back(self, left: Iterable[events.Unfinished]) -> None:
        """Take what is unfinished."""
        self.unfinished = tuple(left)
        told = self.notice is not None and self.notice.about == notices.UNFINISHED
        if told and not idle(self.unfinished):
            self.notice = None

    def tell_unfinished(self) -> None:
        """Show the notice of what can be gone on with, if there is anything."""
        if left := idle(self.unfinished):
            self._say(notices.unfinished(left))

    def going_on(self, left: Sequence[events.Unfinished]) -> None:
        """Take transfers that are about to go on, perhaps beside those with the partner."""
        self._beside.add(each for each in left if each.session != self.session)

    def went_on(self, left: Sequence[events.Unfinished], begun: Collection[TransferId]) -> None:
        """Take which of them do go on, and show for whom they wait."""
        self._beside.over(each.transfer for each in left if each.transfer not in begun)
        if on := [each for each in left if each.transfer in begun]:
            self._say(notices.goes_on(on))

    def meet_again(self) -> str | None:
        """Show a partner of an earlier run who is there, if nobody is shown; return their name."""
        there = self._beside.somebody() if self.partner is None else None
        if there is None:
            return None
        session, partner = there
        self._show_partner(partner, session)
        self._say(notices.partner_again(partner))
        return partner

    def done_with(self) -> list[SessionId]:
        """Return the sessions of an earlier run in which nothing is left to do, each once."""
        done = self._beside.done_with(self.session, [row.session for row in self.running])
        for session in done:
            self.people.gone(session)
        return done

    def turn_to(self, session: SessionId | None) -> None:
        """Show another partner from now on; nothing changes for those who are there."""
        if (partner := self.people.name_of(session)) is not None:
            self.partner, self.session = partner, session
            self._say(notices.turned_to(partner))

    def remember_paths(self, transfer: TransferId, paths: tuple[Path, ...]) -> None:
        """Keep the paths of a request, so that it can be sent again; they may have been wanted."""
        self._paths[transfer] = paths
        for row in self.transfers:
            if set(self.sent_paths(row.id)) == set(paths):
                self._end_wish(row)

    def is_of_another(self, event: Event) -> bool:
        """Return whether an event is of another session, and of no transfer shown."""
        if self.session is None or not isinstance(event, events.SessionEvent):
            return False
        if event.session in (None, self.session) or event.session in self._beside:
            return False
        if event.session in self.people or isinstance(event, _OF_NEWCOMERS):
            return False
        return getattr(event, "transfer", None) not in self.rows

    def apply(self, event: Event, now: float) -> None:
        """Apply one event that was seen at `now` (seconds, monotonic)."""
        self._now = now
        if self.is_of_another(event):
            return
        self.people.apply(event, now)
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)
        stopped = self.shares.apply(event)
        if stopped is not None:
            self._say(notices.share_stopped(stopped))

    def sample(self, now: float) -> None:
        """Add the current rate of each running transfer to its graph, at most once a second."""
        if now - self._sampled_at < 1:
            return
        self._sampled_at = self._now = now
        for what in self._busy_for:
            self._busy_for[what] += 1
        if self.notice is not None and not self.notice.old and now - self._told_at >= OLD:
            self.notice = replace(self.notice, old=True)
        self.shares.sample(MAX_SAMPLES)
        for transfer in self._waiting:
            self._count_wait(transfer)
        for row in self.running:
            if row.phase is not TransferPhase.TRANSFERRING:
                continue
            self._look_whether_it_moves(row.id, now)
            rates = (*self.detail(row.id).rates, self.rows[row.id].bytes_per_second)
            self._deepen(row.id, rates=rates[-MAX_SAMPLES:])

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Mark a command as busy while the block runs."""
        self.busy |= {what}
        self._busy_for[what] = 0
        if what not in {"relay", "code"} and self.notice is not None:  # those start by themselves
            # A notice about the person's last action ends with the next action.
            self.notice = None if self.notice.about == notices.HERE else self.notice
        if what == SHARING:
            self.shares.not_preparing()  # left over from the last command
        try:
            yield
        finally:
            self.busy -= {what}
            self._busy_for.pop(what, None)

    def dismiss(self) -> None:
        """Hide the notice; the person has read it."""
        self.notice = None

    def tell(self, notice: Notice) -> None:
        """Show a notice, replacing the last."""
        self._say(notice)

    def add_notice(self, level: Level, message: str, hint: str = "") -> None:
        """Show a notice, replacing the last."""
        self._say(Notice(level, message, hint, about=notices.HERE))

    def went_well(self, about: str) -> None:
        """Hide a warning or error about this subject, as it is over."""
        if self.notice is not None and self.notice.about == about and self._in_trouble:
            self.notice = None

    def failed(self, what: str, error: events.Error, now: float) -> None:
        """Show that a command failed; the notice goes once the same command succeeds."""
        self.apply(error, now)
        if self.notice is not None and self.notice.message == error.message:
            self.notice = replace(self.notice, about=self.notice.about or what)

    def read_talk(self) -> None:
        """Mark the talk as read."""
        self.unread = 0
        if self.notice is not None and self.notice.about == notices.TALK:
            self.notice = None

    def _say(self, notice: Notice) -> None:
        self.notice = replace(notice, at=self.time_of_day())
        self._told_at = self._now

    @property
    def _in_trouble(self) -> bool:
        return self.notice is not None and self.notice.level in {Level.WARNING, Level.ERROR}

    @property
    def _somebody_gone(self) -> bool:
        return self.notice is not None and self.notice.code == "partnerGone"

    def _tells_wish(self, row: TransferRow) -> bool:
        return self.notice is not None and self.notice.about == notices.wish(row.id)

    def _end_wish(self, row: TransferRow) -> None:
        """Note that what was wanted again is on its way, or cannot be sent any more."""
        self._change(row.id, wanted_again=False)
        if self._tells_wish(row):
            self.notice = None

    def _change(self, transfer: TransferId | None, **fields: Any) -> TransferRow | None:
        row = self.rows.get(transfer) if transfer is not None else None
        if row is None:
            return None
        self.rows[row.id] = row = replace(row, **fields)
        return row

    def _deepen(self, transfer: TransferId | None, **fields: Any) -> None:
        if transfer in self.rows:
            self.details[transfer] = replace(self.detail(transfer), **fields)

    def _forget_old(self) -> None:
        if len(self.rows) <= MAX_ROWS and self._kept <= MAX_ENTRIES:
            return
        for old in [row for row in self.rows.values() if row.ended]:
            if len(self.rows) <= MAX_ROWS and self._kept <= MAX_ENTRIES:
                break
            self._kept -= len(old.files)
            self.rows.pop(old.id)
            self.details.pop(old.id, None)
            self._motions.pop(old.id, None)
            self._paths.pop(old.id, None)
            self._waiting.pop(old.id, None)

    # -- people

    def _on_relay(self, event: events.Relay) -> None:
        """Show the best of all places: connected before any other, a relay before a tracker."""
        if event.url.startswith("http"):
            self._places.pop("", None)  # one was looked for, and is found
        self._places.pop(event.url, None)
        if event.state != "closed":
            self._places[event.url] = event.state
        url, state = min(
            self._places.items(),
            key=lambda place: (_BEST.index(place[1]), not place[0].startswith("http")),
            default=(event.url, event.state),
        )
        self.relay = RelayStatus(state, url)
        if event.state == "connected":
            self._relay_was_there = True
            if not self._somebody_gone:  # their notice is still true
                self.went_well(notices.RELAY)
        elif state != "connected" and event.state in {"lost", "closed"}:
            self._lose_code("relay")
            if event.state == "lost" and self._relay_was_there:
                self._relay_was_there = False  # shown once, however often it is retried
                self._say(notices.RELAY_LOST if self.partner is None else notices.RELAY_AWAY)

    def _on_limits(self, event: events.Limits) -> None:
        self.limits = event.upload, event.download

    def _on_code(self, event: events.Code) -> None:
        before, replaced = self.code, ""
        if before is not None:
            replaced = "asked" if before.works(self._now) else before.gone
        self.code = OwnCode(event.code, self._now + event.expires_seconds, replaced=replaced)
        self.went_well(notices.CODE)
        changed = notices.code_changed(replaced)
        if changed is not None and (self.notice is None or self.notice.level is not Level.ERROR):
            self._say(changed)

    def _on_code_claimed(self, _: events.CodeClaimed) -> None:
        if self.code is not None:
            self.code = replace(self.code, claimed=True)

    def _on_code_gone(self, event: events.CodeGone) -> None:
        self._lose_code(event.reason)
        if event.reason == "burned":
            self._say(notices.CODE_BURNED)

    def _lose_code(self, reason: str) -> None:
        if self.code is not None and not self.code.gone:
            self.code = OwnCode("", self.code.expires_at, gone=reason)

    def _on_paired(self, event: events.Paired) -> None:
        if event.session in self._beside:
            return
        known = bool(event.contact)
        if not known:
            self.code = None  # it is used up, or was withdrawn
        # A partner stays. Somebody who is remembered comes unasked: keys do not mean them yet.
        if not known and (self.partner is None or self.session in self._beside):
            self._show_partner(event.partner, event.session)
            self.notice = None  # earlier trouble with pairing is over
        else:
            self._say(notices.somebody_here(event.partner))

    def _on_remember_asked(self, event: events.RememberAsked) -> None:
        if event.outgoing or event.session == self.session:
            self._tell_of_contact(event)
        else:
            self._say(remembering.asked_beside(event.partner))

    def _on_remembered(self, event: events.Remembered) -> None:
        # From now on they are told by their contact, not by their session.
        self.recipients = tuple(
            event.contact if key == event.session else key for key in self.recipients
        )
        self._tell_of_contact(event)

    def _tell_of_contact(self, event: events.Event) -> None:
        if (told := remembering.notice(event)) is not None:
            self._say(told)

    def answered_remembering(self) -> None:
        """Note that the person has answered whether the two remember each other."""
        self.people.answered(self.session)

    def _show_partner(self, partner: str, session: SessionId | None) -> None:
        self.partner, self.session = partner, session
        self.code = None
        if session not in self.people:
            self.people.add(session, partner)
        if self.talk:
            self._add_line(TalkLine("", f"{partner} is here."))

    def _on_partner_away(self, event: events.PartnerAway) -> None:
        self._stand(event.session, present=False)
        if event.session == self.session and event.reason != "relay":  # else the relay's is shown
            self._say(notices.partner_away(event))

    def _on_partner_back(self, event: events.PartnerBack) -> None:
        self._stand(event.session, present=True)
        if event.session == self.session:
            self.went_well(notices.PARTNER)

    def _stand(self, session: SessionId | None, *, present: bool) -> None:
        """Note whether a partner is there; what goes on with them waits, or does not."""
        self._beside.stand(session, present=present)
        for row in self.running:
            if row.session == session:
                self._change(row.id, away=not present)

    def _on_partner_gone(self, event: events.PartnerGone) -> None:
        for row in self.transfers:
            if event.session in (None, row.session):
                self._end_wish(row)
        self._beside.gone(event.session)
        if event.session not in (None, self.session):
            self._say(notices.partner_gone(event, known=self.people.parted_known))
            return
        self.partner = self.session = None
        hung_up = event.reason == "relay" and self.relay.problem
        if event.reason != "broken" and not hung_up:  # then an error notice is shown already
            self._say(notices.partner_gone(event, known=self.people.parted_known))

    def _on_message(self, event: events.Message) -> None:
        to = event.partner if event.outgoing and len(self.people) > 1 else ""
        self._add_line(TalkLine(event.partner, event.text, event.outgoing, to=to))
        if event.outgoing:
            return
        self.unread += 1
        if not self._in_trouble:  # the count at the top shows it, too
            self._say(notices.message(event))

    def _on_text(self, event: events.Text) -> None:
        if event.outgoing:
            return
        text = ReceivedText(event.partner, event.text, self.time_of_day())
        self.texts = (*self.texts, text)[-MAX_TEXTS:]
        if not self._in_trouble:
            self._say(notices.text(event))

    def _add_line(self, line: TalkLine) -> None:
        self.talk = (*self.talk, replace(line, at=self.time_of_day()))[-MAX_LINES:]

    # -- one request

    def _on_request(self, event: events.FileRequest) -> None:
        again = self.rows.get(event.transfer)
        if again is not None and again.ended:
            self._kept -= len(again.files)
        self.rows[event.transfer] = TransferRow(
            event.transfer,
            event.direction,
            event.partner,
            event.files,
            name=name_of(event.files),
            wanted_count=len(event.files),
            wanted_bytes=event.total_bytes,
            stream=event.stream,
            empty_folders=event.empty_folders,
            programs=event.programs,
            links=event.links,
            others=event.others,
            excluded=event.excluded,
            session=event.session,
            away=self._beside.is_away(event.session)
            or self.people.away_since(event.session) is not None,
        )
        if event.direction is Direction.RECEIVE:
            for row in self.transfers:
                if row.wanted_again and _alike(row, self.rows[event.transfer]):
                    self._end_wish(row)
        if self.notice is not None and self.notice.level is Level.GOOD:
            self.notice = None  # an earlier success is out of date
        self._forget_old()

    def _on_already_there(self, event: events.AlreadyThere) -> None:
        self._say(notices.already_there(event))

    def _on_left_out(self, event: events.LeftOut) -> None:
        self._say(notices.left_out(event))

    def _on_answer(self, event: events.FileAnswer) -> None:
        row = self.rows.get(event.transfer)
        if row is None or len(event.accepted) != len(row.files):
            return
        wanted = [entry for entry, yes in zip(row.files, event.accepted, strict=True) if yes]
        if not wanted:  # keep the figures of the whole request
            self._change(row.id, accepted=event.accepted)
            return
        self._change(
            row.id,
            accepted=event.accepted,
            wanted_count=len(wanted),
            wanted_bytes=sum(entry.size for entry in wanted),
        )

    def _on_state(self, event: events.TransferState) -> None:
        before = self.rows.get(event.transfer)
        row = self._change(
            event.transfer, phase=event.phase, reason=event.reason, ended_by=event.by
        )
        if before is None or row is None:
            return
        self._kept += len(row.files) * (row.ended - before.ended)
        if event.phase is TransferPhase.TRANSFERRING:
            self._motions[row.id] = _Motion(self._now)
            self._change(row.id, progress=0.0)
        elif row.ended:
            self._change(row.id, paused_by=PausedBy.NOBODY, paused_files=(), queued=0)
            self._change(row.id, slowed="", slowed_hint="")
            self._beside.over([row.id])
            self._change(row.id, bytes_per_second=0.0, time_remaining=None, stalled=False)
            self._no_wait(row.id)
            self._deepen(row.id, peers=())
            if event.phase is not TransferPhase.DONE:  # unfinished files are not kept
                self._deepen(row.id, pieces=b"", piece_count=0, file_progress=())
            notice = notices.ended(row)
            # The partner's leaving explains more than the failed transfers that it caused.
            if notice is not None and not (notice.level is Level.ERROR and self._somebody_gone):
                self._say(notice)
        if event.phase in {TransferPhase.APPROVED, TransferPhase.TRANSFERRING}:
            self.went_well(row.id)

    def _on_paused(self, event: events.TransferPaused) -> None:
        before = self.rows.get(event.transfer)
        row = self._halt(event.transfer, paused_by=event.by)
        if row is not None and before is not None and row.paused_there > before.paused_there:
            self._say(notices.paused(row))

    def _on_resumed(self, event: events.TransferResumed) -> None:
        row = self._halt(event.transfer, paused_by=PausedBy.NOBODY)
        if row is None:
            return
        self.went_well(row.id)
        if event.by is PausedBy.PARTNER:
            self._say(notices.resumed_by_partner(row))

    def _on_waiting(self, event: events.Waiting) -> None:
        self._wait(event.transfer, event.message, event.hint, self._now - event.seconds)

    def _on_wait_over(self, event: events.WaitOver) -> None:
        self._no_wait(event.transfer)

    def _wait(self, transfer: TransferId, message: str, hint: str, since: float) -> None:
        row = self.rows.get(transfer)
        if row is not None and not row.ended:
            self._waiting[transfer] = since
            self._change(transfer, waits=message, waits_hint=hint)
            self._count_wait(transfer)

    def _no_wait(self, transfer: TransferId) -> None:
        if self._waiting.pop(transfer, None) is not None:
            self._change(transfer, waits="", waits_hint="", waited="")

    def _count_wait(self, transfer: TransferId) -> None:
        self._change(transfer, waited=countdown(self._now - self._waiting[transfer]))

    def _on_send_again(self, event: events.SendAgain) -> None:
        if (row := self._change(event.transfer, wanted_again=True)) is not None:
            self._say(notices.send_again(row, known=bool(self.sent_paths(row.id))))

    def _on_queued(self, event: events.TransferQueued) -> None:
        self._halt(event.transfer, queued=event.before)

    def _halt(self, transfer: TransferId, **what: Any) -> TransferRow | None:
        """Change what halts a transfer; none has figures then, or stalls by what was before."""
        row = self._change(
            transfer, bytes_per_second=0.0, time_remaining=None, stalled=False, **what
        )
        if row is not None and not row.halted and row.id in self._motions:
            self._motions[row.id] = _Motion(self._now)
        return row

    def _on_files_paused(self, event: events.FilesPaused) -> None:
        before = self.rows.get(event.transfer)
        row = self._change(event.transfer, paused_files=event.files)
        if row is not None and before is not None and row.sending:
            self._say(notices.files_paused(row))

    def _on_hashing(self, event: events.Hashing) -> None:
        self._change(event.transfer, progress=event.progress)

    def _on_progress_update(self, event: events.ProgressUpdate) -> None:
        self._figure(
            event.transfer,
            "partner",
            event.download_bytes_per_second,
            progress=event.progress,
            time_remaining=event.time_remaining,
            **({"wanted_bytes": event.downloaded_bytes} if event.stream else {}),
        )

    # -- torrents

    def _on_metadata(self, event: events.Metadata | events.Seeding) -> None:
        if event.transfer is not None:
            self._torrents[event.torrent] = event.transfer
        if isinstance(event, events.Metadata) and event.wanted_bytes:
            self._change(event.transfer, progress=event.resumed_bytes / event.wanted_bytes)
        row = self.rows.get(event.transfer or "")
        waits = row is not None and row.away  # for whom, is told already
        if isinstance(event, events.Metadata) and not waits and (told := notices.resumed(event)):
            self._say(told)

    def _on_upload(self, event: events.Upload) -> None:
        self._figure(
            event.transfer,
            "here",
            event.upload_bytes_per_second,
            speed=event.upload_speed,
            bytes_per_second=event.upload_bytes_per_second,
        )

    def _on_download(self, event: events.Download) -> None:
        self._figure(
            event.transfer,
            "here",
            event.download_bytes_per_second,
            progress=event.progress,
            speed=event.download_speed,
            bytes_per_second=event.download_bytes_per_second,
            time_remaining=event.time_remaining,
            **({"wanted_bytes": event.downloaded_bytes} if event.stream else {}),
        )

    def _figure(self, transfer: TransferId | None, source: str, rate: float, **fields: Any) -> None:
        row = self.rows.get(transfer) if transfer is not None else None
        if row is None or row.ended:
            return  # a late figure must not change an ended transfer
        if row.halted:
            self._change(row.id, progress=fields.get("progress", row.progress))
            return
        moves = rate > 0 or fields.get("progress", 0.0) > row.progress
        self._change(row.id, **fields)
        if row.id in self._motions:
            self._motions[row.id].hear(source, self._now, moves=moves)
            self._look_whether_it_moves(row.id, self._now)

    def _look_whether_it_moves(self, transfer: TransferId, now: float) -> None:
        row = self.rows.get(transfer)
        if row is not None and row.halted:
            return
        stalled = transfer in self._motions and self._motions[transfer].stalled(now)
        self._change(transfer, stalled=stalled)
        if stalled:
            self._change(transfer, bytes_per_second=0.0, time_remaining=None)

    def _on_swarm(self, event: events.SwarmState) -> None:
        transfer = event.transfer or self._torrents.get(event.torrent)
        self._deepen(
            transfer,
            pieces=event.pieces,
            piece_count=event.piece_count,
            piece_length=event.piece_length,
            peers=event.peers,
            file_progress=event.file_progress,
        )
        if event.peers:
            self._change(transfer, road=event.peers[0].road)

    def _on_peer(self, event: events.PeerConnected | events.PeerRoads) -> None:
        transfer = self._torrents.get(event.torrent)
        self._change(transfer, road=event.road, why=event.why, why_hint=event.hint)
        self._deepen(transfer, tried=event.tried)

    def _on_slowed(self, event: events.PeerSlowed) -> None:
        row = self.rows.get(event.transfer or "")
        if row is not None and not row.ended:
            self._change(row.id, slowed=event.message, slowed_hint=event.hint)

    def _on_slow_over(self, event: events.PeerSlowOver) -> None:
        self._change(event.transfer, slowed="", slowed_hint="")

    def _on_complete(self, event: events.DownloadComplete) -> None:
        if event.sha256:  # of a stream: its length is known at the end
            self._change(event.transfer, wanted_bytes=event.bytes)
        row = self._change(
            event.transfer,
            url=event.url,
            seconds=event.seconds,
            fetched_bytes=event.bytes - event.resumed_bytes,
            links_not_made=event.links_not_made,
            road=event.road,
            progress=1.0,
        )
        if row is not None:
            self._say(notices.arrived(row))

    def _on_torrent_done(self, event: events.TorrentDone) -> None:
        self._change(event.transfer, progress=1.0)

    def _on_storage_waits(self, event: events.StorageWaits) -> None:
        self._say(notices.storage_waits(event))
        if event.transfer is not None:
            since = self._waiting.get(event.transfer, self._now)
            self._wait(event.transfer, event.message, event.hint, since)

    def _on_storage_back(self, event: events.StorageBack) -> None:
        self._say(notices.storage_back(event))
        if event.transfer is not None:
            self._no_wait(event.transfer)

    def _on_journal_trouble(self, event: events.JournalTrouble) -> None:
        self._say(notices.journal_trouble(event))

    def _on_forgotten(self, event: events.Forgotten) -> None:
        if event.expired and (self.notice is None or self.notice.about != notices.UNFINISHED):
            self._say(notices.expired(event))

    def _on_leftover(self, event: events.Leftover) -> None:
        # What can be gone on with at one key matters more.
        if self.notice is None or self.notice.about != notices.UNFINISHED:
            self._say(notices.leftover(event))

    def _on_destroyed(self, event: events.TorrentDestroyed) -> None:
        self._torrents.pop(event.torrent, None)

    def _on_error(self, event: events.Error) -> None:
        if not (self._somebody_gone and event.code in {"partnerGone", "relayUnreachable"}):
            self._say(notices.error(event))
        if event.code == "relayUnreachable":
            self._places.pop("", None)
        if event.code == "relayUnreachable" and "connected" not in self._places.values():
            self.relay = replace(self.relay, state="lost", problem=event.message)
        self._change(event.transfer, reason=event.message, hint=event.hint)


def _alike(one: TransferRow, other: TransferRow) -> bool:
    """Return whether two transfers are of the same files, between the same two, the same way."""
    same = one.direction is other.direction and one.partner == other.partner
    if not same or one.name != other.name or len(one.files) != len(other.files):
        return False
    return all(a.path == b.path for a, b in zip(one.files, other.files, strict=True))


_HANDLERS: Final[dict[type[Event], Callable[[Store, Any], None]]] = {
    events.RememberAsked: Store._on_remember_asked,
    events.RememberDeclined: Store._tell_of_contact,
    events.Remembered: Store._on_remembered,
    events.ContactForgotten: Store._tell_of_contact,
    events.ContactDoubted: Store._tell_of_contact,
    events.Relay: Store._on_relay,
    events.Limits: Store._on_limits,
    events.Code: Store._on_code,
    events.CodeClaimed: Store._on_code_claimed,
    events.CodeGone: Store._on_code_gone,
    events.Paired: Store._on_paired,
    events.PartnerAway: Store._on_partner_away,
    events.PartnerBack: Store._on_partner_back,
    events.PartnerGone: Store._on_partner_gone,
    events.Message: Store._on_message,
    events.Text: Store._on_text,
    events.FileRequest: Store._on_request,
    events.LeftOut: Store._on_left_out,
    events.AlreadyThere: Store._on_already_there,
    events.FileAnswer: Store._on_answer,
    events.TransferState: Store._on_state,
    events.TransferPaused: Store._on_paused,
    events.TransferResumed: Store._on_resumed,
    events.Waiting: Store._on_waiting,
    events.WaitOver: Store._on_wait_over,
    events.FilesPaused: Store._on_files_paused,
    events.TransferQueued: Store._on_queued,
    events.SendAgain: Store._on_send_again,
    events.Hashing: Store._on_hashing,
    events.ProgressUpdate: Store._on_progress_update,
    events.TorrentDone: Store._on_torrent_done,
    events.Seeding: Store._on_metadata,
    events.Metadata: Store._on_metadata,
    events.Upload: Store._on_upload,
    events.Download: Store._on_download,
    events.SwarmState: Store._on_swarm,
    events.PeerConnected: Store._on_peer,
    events.PeerRoads: Store._on_peer,
    events.PeerSlowed: Store._on_slowed,
    events.PeerSlowOver: Store._on_slow_over,
    events.DownloadComplete: Store._on_complete,
    events.Forgotten: Store._on_forgotten,
    events.Leftover: Store._on_leftover,
    events.StorageWaits: Store._on_storage_waits,
    events.StorageBack: Store._on_storage_back,
    events.JournalTrouble: Store._on_journal_trouble,
    events.TorrentDestroyed: Store._on_destroyed,
    events.Error: Store._on_error,
}
