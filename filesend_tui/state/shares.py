"""Open shares: what this machine serves to anybody with the link, according to the events.

A part of the store, with the same rules: events in, frozen rows out; no Textual, no I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from filesend_tui.core import events
from filesend_tui.core.events import Event, TorrentId
from filesend_tui.state.figures import countdown
from filesend_tui.state.views import NOTHING_KNOWN, ShareRow, TransferDetail

#: The id of the share whose torrent is still being made. There is at most one.
PREPARING: Final = ""
#: Samples without a figure after which a preparation stands still.
STANDSTILL: Final = 10
#: Peers of one share that are tracked; beyond these, downloads are no longer counted.
MAX_PEERS: Final = 10_000


@dataclass(slots=True)
class _Peers:
    """The peers of one share and those that downloaded it, by address.

    here: those that are connected. partial: peers that were seen here incomplete: only they can
    have downloaded it from here, not a peer that returns as a seed.
    """

    here: set[str] = field(default_factory=set)
    partial: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)

    def took(self, address: str) -> None:
        if len(self.taken) < MAX_PEERS:
            self.taken.add(address)


@dataclass(slots=True)
class Shares:
    """The rows of open shares. Only `apply` and `not_preparing` change them."""

    rows: dict[TorrentId, ShareRow] = field(default_factory=dict)
    details: dict[TorrentId, TransferDetail] = field(default_factory=dict)
    _peers: dict[TorrentId, _Peers] = field(default_factory=dict)
    #: Samples since the last figure about the preparation.
    _quiet: int = 0

    def detail(self, share: TorrentId) -> TransferDetail:
        """Return what is known of a share's torrent."""
        return self.details.get(share, NOTHING_KNOWN)

    def sample(self, most: int) -> None:
        """Add the current rate of each share to its graph of `most` samples; call once a second."""
        if PREPARING in self.rows:
            self._quiet += 1
            if self._quiet >= STANDSTILL:
                self._change(PREPARING, waited=countdown(self._quiet))
        for row in self.rows.values():
            if not row.preparing:
                rates = (*self.detail(row.id).rates, row.bytes_per_second)
                self._deepen(row.id, rates=rates[-most:])

    def not_preparing(self) -> None:
        """Remove the row of a torrent in the making: it is seeded now, or was given up."""
        self.rows.pop(PREPARING, None)

    def apply(self, event: Event) -> ShareRow | None:
        """Apply an event; return the share that it ended, if any."""
        match event:
            case events.Hashing(transfer=None):
                size, self._quiet = event.total_bytes or 0, 0
                self.rows[PREPARING] = ShareRow(PREPARING, "", size, progress=event.progress)
            case events.Seeding(transfer=None):
                self._seeding(event)
            case events.Upload(torrent=share) if share in self.rows:
                self._change(
                    share,
                    uploaded=event.uploaded,
                    uploaded_bytes=event.uploaded_bytes,
                    speed=event.upload_speed,
                    bytes_per_second=event.upload_bytes_per_second,
                )
            case events.SwarmState(torrent=share) if share in self.rows:
                self._swarm(event)
            case events.PeerConnected(torrent=share) if share in self.rows:
                self._peers[share].here.add(event.address)
                self._count(share)
            case events.PeerDropped(torrent=share) if share in self.rows:
                self._dropped(event)
            case events.TorrentDestroyed(torrent=share) if share in self.rows:
                self.details.pop(share, None)
                del self._peers[share]
                return self.rows.pop(share)
            case _:
                pass
        return None

    def _seeding(self, event: events.Seeding) -> None:
        self.not_preparing()
        self._peers[event.torrent] = _Peers()
        self.rows[event.torrent] = ShareRow(
            event.torrent,
            event.name,
            event.total_bytes,
            magnet=event.magnet_uri,
            link=event.share_url or "",
        )

    def _swarm(self, event: events.SwarmState) -> None:
        peers = self._peers[event.torrent]
        for peer in event.peers:
            if peer.progress < 1 and len(peers.partial) < MAX_PEERS:
                peers.partial.add(peer.address)
            elif peer.address in peers.partial:
                peers.took(peer.address)
        self._deepen(event.torrent, peers=event.peers)
        self._count(event.torrent)

    def _dropped(self, event: events.PeerDropped) -> None:
        share, address = event.torrent, event.address
        peers = self._peers[share]
        peers.here.discard(address)
        # Something small is downloaded between two SwarmState events; then the bytes decide.
        if event.complete and (address in peers.partial or event.sent_bytes):
            peers.took(address)
        peers.partial.discard(address)
        self._count(share)

    def _count(self, share: TorrentId) -> None:
        peers = self._peers[share]
        self._change(share, connected=len(peers.here), taken=len(peers.taken))

    def _change(self, share: TorrentId, **fields: Any) -> None:
        self.rows[share] = replace(self.rows[share], **fields)

    def _deepen(self, share: TorrentId, **fields: Any) -> None:
        self.details[share] = replace(self.detail(share), **fields)
