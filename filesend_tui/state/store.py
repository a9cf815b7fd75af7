"""The store: what the screens draw, fed by events, the only mutable view state.

Events go in with the time they were seen; frozen snapshots come out, one a row, so a widget sees
what changed by comparing. No Textual, no I/O and no clock of its own ever lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from filesend_tui.core import events
from filesend_tui.core.events import Event, SessionId, TransferId, TransferPhase
from filesend_tui.state import notices
from filesend_tui.state.picked import Picked
from filesend_tui.state.shares import Shares
from filesend_tui.state.views import (
    NOTHING_KNOWN,
    Level,
    Notice,
    OwnCode,
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
#: Files of finished transfers that are kept: a partner's lists may be long, and taken back at once.
MAX_ENTRIES: Final = 50_000
#: Rate samples kept for the graph, one a second.
MAX_SAMPLES: Final = 240
#: The command during which what is to be sent is looked through, as `doing` names it.
REQUESTING: Final = "request"
#: The command during which a share is prepared, as `doing` names it.
SHARING: Final = "share"
#: Seconds after which a notice no longer calls for attention: who was there has read it.
OLD: Final = 60.0
#: Seconds without a byte after which a running transfer stands still; also what rates are over.
STALL: Final = 3.0


@dataclass(slots=True)
class _Motion:
    """When a transfer's bytes moved last, by who says so: this side, or the partner."""

    began: float
    seen: dict[str, float] = field(default_factory=dict)
    partner_heard: float | None = None

    def hear(self, source: str, now: float, *, moves: bool) -> None:
        """Take in a figure. One of no rate tells of the seconds that the rate is over, too."""
        self.seen[source] = now if moves else min(self.seen.get(source, now), now - STALL)
        if source == "partner":
            self.partner_heard = now

    def stalled(self, now: float) -> bool:
        """Whether nothing has moved for so long that the last figures are no longer true.

        A partner tells four times a second: one who is silent takes nothing, whatever goes out.
        """
        silent = self.partner_heard is not None and now - self.partner_heard >= STALL
        return silent or now - max(self.began, *self.seen.values()) >= STALL


@dataclass(slots=True)
class Store:
    """View state. Only its methods below change it.

    picked: what the person chose to send; theirs to change. time_of_day: for what is shown with the
    time when it came. unread: lines of talk that came while nobody looked at the talk. session: the
    one with the partner. One partner is shown; what other sessions tell of is not.
    """

    time_of_day: Callable[[], str] = str
    relay: RelayStatus = field(default_factory=RelayStatus)
    code: OwnCode | None = None
    partner: str | None = None
    session: SessionId | None = None
    notice: Notice | None = None
    talk: tuple[TalkLine, ...] = ()
    unread: int = 0
    busy: frozenset[str] = frozenset()
    rows: dict[TransferId, TransferRow] = field(default_factory=dict)
    details: dict[TransferId, TransferDetail] = field(default_factory=dict)
    shares: Shares = field(default_factory=Shares)
    picked: Picked = field(default_factory=Picked)
    _now: float = 0.0
    _told_at: float = 0.0
    _relay_was_there: bool = True
    _sampled_at: float = 0.0
    _torrents: dict[str, TransferId] = field(default_factory=dict)
    _motions: dict[TransferId, _Motion] = field(default_factory=dict)
    _paths: dict[TransferId, tuple[Path, ...]] = field(default_factory=dict)
    #: Files of the rows that have ended.
    _kept: int = 0

    # -- what the screens read

    @property
    def transfers(self) -> tuple[TransferRow, ...]:
        """All rows, oldest first."""
        return tuple(self.rows.values())

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
        """Whether somebody alone at a relay has no code, and nobody said that it should be so."""
        alone = self.relay.state == "connected" and self.partner is None
        code = self.code
        lost = code is None or code.gone in {"relay", "joined"}
        return alone and lost and not self.busy & {"code", "join"}

    @property
    def open_shares(self) -> tuple[ShareRow, ...]:
        """What anybody with the link can have, and what is being prepared for it, oldest first."""
        # News of making a torrent may come after its end: the command's own end counts.
        preparing = SHARING in self.busy
        return tuple(row for row in self.shares.rows.values() if preparing or not row.preparing)

    @property
    def running(self) -> tuple[TransferRow, ...]:
        """Transfers that have not ended."""
        return tuple(row for row in self.rows.values() if not row.ended)

    def detail(self, transfer: TransferId) -> TransferDetail:
        """Return what is known of the inside of a transfer."""
        return self.details.get(transfer, NOTHING_KNOWN)

    def sent_paths(self, transfer: TransferId) -> tuple[Path, ...]:
        """Return what was chosen here for a transfer; nothing where it comes from the partner."""
        return self._paths.get(transfer, ())

    # -- what changes it

    def remember_paths(self, transfer: TransferId, paths: tuple[Path, ...]) -> None:
        """Keep what a transfer was asked for with, so that it can be asked for again."""
        self._paths[transfer] = paths

    def is_of_another(self, event: Event) -> bool:
        """Whether an event is of another session than the partner's, and of no transfer shown."""
        if self.session is None or not isinstance(event, events.SessionEvent):
            return False
        if event.session in (None, self.session):
            return False
        return getattr(event, "transfer", None) not in self.rows

    def apply(self, event: Event, now: float) -> None:
        """Take in one event that was seen at `now` (seconds, monotonic)."""
        self._now = now
        if self.is_of_another(event):
            return
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)
        stopped = self.shares.apply(event)
        if stopped is not None:
            self._say(notices.share_stopped(stopped))

    def sample(self, now: float) -> None:
        """Add the present rate of each moving transfer to its graph, at most once a second."""
        if now - self._sampled_at < 1:
            return
        self._sampled_at = now
        if self.notice is not None and not self.notice.old and now - self._told_at >= OLD:
            self.notice = replace(self.notice, old=True)
        self.shares.sample(MAX_SAMPLES)
        for row in self.running:
            if row.phase is not TransferPhase.TRANSFERRING:
                continue
            self._look_whether_it_moves(row.id, now)
            rates = (*self.detail(row.id).rates, self.rows[row.id].bytes_per_second)
            self._deepen(row.id, rates=rates[-MAX_SAMPLES:])

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Mark a command as under way for as long as the block runs."""
        self.busy |= {what}
        if what not in {"relay", "code"} and self.notice is not None:  # those begin by themselves
            # What was about the last thing that the person did ends with the next.
            self.notice = None if self.notice.about == notices.HERE else self.notice
        if what == SHARING:
            self.shares.not_preparing()  # what is left of the last time
        try:
            yield
        finally:
            self.busy -= {what}

    def dismiss(self) -> None:
        """Take the notice away; the person has read it."""
        self.notice = None

    def add_notice(self, level: Level, message: str, hint: str = "") -> None:
        """Show a notice in place of the last."""
        self._say(Notice(level, message, hint, about=notices.HERE))

    def went_well(self, about: str) -> None:
        """Take away a notice of trouble with this: that is over."""
        if self.notice is not None and self.notice.about == about and self._in_trouble:
            self.notice = None

    def failed(self, what: str, error: events.Error, now: float) -> None:
        """Take in that a command failed; the notice goes once the same command goes well."""
        self.apply(error, now)
        if self.notice is not None and self.notice.message == error.message:
            self.notice = replace(self.notice, about=self.notice.about or what)

    def read_talk(self) -> None:
        """Somebody looks at the talk."""
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

    # -- people

    def _on_relay(self, event: events.Relay) -> None:
        self.relay = RelayStatus(event.state, event.url)
        if event.state == "connected":
            self._relay_was_there = True
            if not self._somebody_gone:  # that is still so
                self.went_well(notices.RELAY)
        elif event.state in {"lost", "closed"}:
            self._lose_code("relay")
            if event.state == "lost" and self._relay_was_there:
                self._relay_was_there = False  # told once, however often it is tried again
                self._say(notices.RELAY_LOST)

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
        self.partner, self.session = event.partner, event.session
        self.code = None
        if self.talk:
            self._add_line(TalkLine("", f"{event.partner} is here."))
        self.notice = None  # whatever went wrong on the way here is over

    def _on_partner_gone(self, event: events.PartnerGone) -> None:
        self.partner = self.session = None
        hung_up = event.reason == "relay" and self.relay.problem
        if event.reason != "broken" and not hung_up:  # then an error has said why, and what to do
            self._say(notices.partner_gone(event))

    def _on_message(self, event: events.Message) -> None:
        self._add_line(TalkLine(event.partner, event.text, event.outgoing))
        if event.outgoing:
            return
        self.unread += 1
        if not self._in_trouble:  # the number at the top tells of it, too
            self._say(notices.message(event))

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
            empty_folders=event.empty_folders,
        )
        if self.notice is not None and self.notice.level is Level.GOOD:
            self.notice = None  # what went well before is old news now
        self._forget_old()

    def _on_left_out(self, event: events.LeftOut) -> None:
        self._say(notices.left_out(event))

    def _on_answer(self, event: events.FileAnswer) -> None:
        row = self.rows.get(event.transfer)
        if row is None or len(event.accepted) != len(row.files):
            return
        wanted = [entry for entry, yes in zip(row.files, event.accepted, strict=True) if yes]
        if not wanted:  # what was asked is all that can be said of it
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
        row = self._change(event.transfer, phase=event.phase, reason=event.reason)
        if before is None or row is None:
            return
        self._kept += len(row.files) * (row.ended - before.ended)
        if event.phase is TransferPhase.TRANSFERRING:
            self._motions[row.id] = _Motion(self._now)
            self._change(row.id, progress=0.0)
        elif row.ended:
            self._change(row.id, bytes_per_second=0.0, time_remaining=None, stalled=False)
            self._deepen(row.id, peers=())
            if event.phase is not TransferPhase.DONE:  # and nothing half-done is kept
                self._deepen(row.id, pieces=b"", piece_count=0, file_progress=())
            notice = notices.ended(row)
            # Why somebody is gone says more than that their transfers failed with them.
            if notice is not None and not (notice.level is Level.ERROR and self._somebody_gone):
                self._say(notice)
        if event.phase in {TransferPhase.APPROVED, TransferPhase.TRANSFERRING}:
            self.went_well(row.id)

    def _on_hashing(self, event: events.Hashing) -> None:
        self._change(event.transfer, progress=event.progress)

    def _on_progress_update(self, event: events.ProgressUpdate) -> None:
        self._figure(
            event.transfer,
            "partner",
            event.download_bytes_per_second,
            progress=event.progress,
            time_remaining=event.time_remaining,
        )

    # -- torrents

    def _on_metadata(self, event: events.Metadata | events.Seeding) -> None:
        if event.transfer is not None:
            self._torrents[event.torrent] = event.transfer

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
        )

    def _figure(self, transfer: TransferId | None, source: str, rate: float, **fields: Any) -> None:
        row = self.rows.get(transfer) if transfer is not None else None
        if row is None or row.ended:
            return  # a late figure must not bring an ended transfer back to life
        moves = rate > 0 or fields.get("progress", 0.0) > row.progress
        self._change(row.id, **fields)
        if row.id in self._motions:
            self._motions[row.id].hear(source, self._now, moves=moves)
            self._look_whether_it_moves(row.id, self._now)

    def _look_whether_it_moves(self, transfer: TransferId, now: float) -> None:
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

    def _on_peer(self, event: events.PeerConnected) -> None:
        self._change(self._torrents.get(event.torrent), road=event.road)

    def _on_complete(self, event: events.DownloadComplete) -> None:
        row = self._change(
            event.transfer,
            url=event.url,
            seconds=event.seconds,
            road=event.road,
            progress=1.0,
        )
        if row is not None:
            self._say(notices.arrived(row))

    def _on_torrent_done(self, event: events.TorrentDone) -> None:
        self._change(event.transfer, progress=1.0)

    def _on_leftover(self, event: events.Leftover) -> None:
        self._say(notices.leftover(event))

    def _on_destroyed(self, event: events.TorrentDestroyed) -> None:
        self._torrents.pop(event.torrent, None)

    def _on_error(self, event: events.Error) -> None:
        if not (self._somebody_gone and event.code in {"partnerGone", "relayUnreachable"}):
            self._say(notices.error(event))
        if event.code == "relayUnreachable":
            self.relay = replace(self.relay, state="lost", problem=event.message)
        self._change(event.transfer, reason=event.message, hint=event.hint)


_HANDLERS: Final[dict[type[Event], Callable[[Store, Any], None]]] = {
    events.Relay: Store._on_relay,
    events.Code: Store._on_code,
    events.CodeClaimed: Store._on_code_claimed,
    events.CodeGone: Store._on_code_gone,
    events.Paired: Store._on_paired,
    events.PartnerGone: Store._on_partner_gone,
    events.Message: Store._on_message,
    events.FileRequest: Store._on_request,
    events.LeftOut: Store._on_left_out,
    events.FileAnswer: Store._on_answer,
    events.TransferState: Store._on_state,
    events.Hashing: Store._on_hashing,
    events.ProgressUpdate: Store._on_progress_update,
    events.TorrentDone: Store._on_torrent_done,
    events.Seeding: Store._on_metadata,
    events.Metadata: Store._on_metadata,
    events.Upload: Store._on_upload,
    events.Download: Store._on_download,
    events.SwarmState: Store._on_swarm,
    events.PeerConnected: Store._on_peer,
    events.DownloadComplete: Store._on_complete,
    events.Leftover: Store._on_leftover,
    events.TorrentDestroyed: Store._on_destroyed,
    events.Error: Store._on_error,
}
