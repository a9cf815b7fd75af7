"""The peers of a swarm: admitted or refused, replaced, displaced, banned, gone.

A connection may be dead long before either end notices, and then its peer comes back by another.
Who is silent takes no place from anybody, and is replaced: in an open swarm by a connection under
the same peer id, which anybody can claim, so only after a silence that no living peer keeps. In a
pair everybody who gets in is the other side, by the swarm's key, whatever its peer id: a process
that was killed comes back under another. There a shorter silence will do, as both send keep-alives
often.

What peers trade is piece_exchange.py's, how one connection is served peer.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, Protocol

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import Event, PeerDropped
from filesend_tui.core.meeting.rendezvous import MetPeer
from filesend_tui.core.torrent.drop_reasons import Drop, WhyDropped
from filesend_tui.core.torrent.peer.peer import Peer
from filesend_tui.core.torrent.road_events import connected, more_known
from filesend_tui.core.transports.base import Channel
from filesend_tui.core.transports.clues import Tried
from filesend_tui.core.util.text import clean

#: Members of the swarm of two people.
PAIR: Final = 2
#: Seconds without trade after which a peer may be displaced by another.
IDLE: Final = 60.0
#: Seconds without a byte after which a peer counts as silent: in an open swarm, where the usual
#: clients send a keep-alive each minute, and in a pair.
SILENT: Final = 90.0
SILENT_PAIR: Final = 15.0
#: Banned peers remembered.
MOST_BANNED: Final = 1000

log = logging.getLogger(__name__)


class RosterHost(Protocol):
    """What a roster needs of its swarm."""

    def make_peer(self, met: MetPeer) -> Peer:
        """Return a new peer on this channel."""

    def peer_replaced(self, peer: Peer) -> None:
        """Handle an admitted peer that will leave soon, and be of no use until then."""

    def peer_left(self, peer: Peer) -> None:
        """Handle an admitted peer that left."""


class Roster:
    """The peers of one torrent; iterating over it yields the admitted ones.

    Args:
        torrent: Its id, for events.
        max_peers: Most at a time, handshaking ones included.
        pair: Whether all others are the other side of a pair.
        clock: Seconds, monotonic.
        host: The swarm.
        publish: Takes an event.
    """

    def __init__(
        self,
        torrent: str,
        *,
        max_peers: int,
        pair: bool,
        clock: Callable[[], float],
        host: RosterHost,
        publish: Callable[[Event], None],
    ) -> None:
        self._torrent = torrent
        self._max_peers = max_peers
        self._pair = pair
        self._silent = SILENT_PAIR if pair else SILENT
        self._clock = clock
        self._host = host
        self._publish = publish
        self._peers: dict[bytes, Peer] = {}
        self._handshaking: set[Peer] = set()
        #: Those of them that take the place of a worse connection to the same peer.
        self._improving: set[Peer] = set()
        #: What became of each one's road, and of better ones.
        self._tried: dict[Peer, tuple[Tried, ...]] = {}
        #: Those whose place another connection of the same peer id has.
        self._replaced: set[Peer] = set()
        self._banned: dict[bytes, None] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._closed = False

    def __iter__(self) -> Iterator[Peer]:
        return iter(tuple(self._peers.values()))

    def __len__(self) -> int:
        return len(self._peers)

    @property
    def handshaking(self) -> tuple[Peer, ...]:
        """The peers whose handshake has not arrived yet."""
        return tuple(self._handshaking)

    @property
    def room(self) -> int:
        """How many more peers may be taken, displacing idle ones."""
        now = self._clock()
        busy = sum(
            now - peer.traded <= IDLE and peer.silence(now) <= self._silent
            for peer in self._peers.values()
        )
        return max(0, self._max_peers - busy)

    @property
    def alone(self) -> bool:
        """Whether nobody is there but perhaps silent peers."""
        now = self._clock()
        return all(peer.silence(now) > self._silent for peer in self._peers.values())

    def is_silent(self, channel: Channel) -> bool:
        """Return whether a channel is of an admitted peer that is silent."""
        now = self._clock()
        return any(
            peer.channel is channel and peer.silence(now) > self._silent
            for peer in self._peers.values()
        )

    def take(self, met: MetPeer) -> None:
        """Serve a newly met peer, or close its channel where there is no room."""
        work: Coroutine[Any, Any, None]
        full = len(self._peers) + len(self._handshaking) >= self._max_peers
        # Who was replaced may take seconds to close, and holds little; there are not many of them.
        slow = len(self._replaced) >= self._max_peers
        if self._closed or slow or (full and not self._displace()):
            # A slow close must not delay the peers that are met after it.
            work = met.channel.close()
        else:
            peer = self._host.make_peer(met)
            self._handshaking.add(peer)  # now, as many may be met at once
            self._tried[peer] = met.tried
            if met.improves:
                self._improving.add(peer)
            work = self._serve(peer)
        task = asyncio.create_task(work)
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    def admit(self, peer: Peer) -> WhyDropped | None:
        """Admit a peer whose handshake arrived, or return why it is refused."""
        peer_id = peer.wire.peer_id
        self._handshaking.discard(peer)
        improves = peer in self._improving
        self._improving.discard(peer)
        if self._closed:
            return Drop.STOPPED
        if peer_id in self._banned:
            return Drop.BANNED
        now = self._clock()
        before = self._peers.get(peer_id)
        if before is not None and before.silence(now) <= self._silent and not improves:
            return Drop.DUPLICATE
        for other in tuple(self._peers.values()):
            if other is before or (self._pair and other.silence(now) > self._silent):
                self._replace(other)
        self._peers[peer_id] = peer
        client = clean(peer_id[:8].decode("ascii", errors="replace"))
        self._publish(
            connected(
                self._torrent, peer.address, client, peer.channel.road, self._tried.get(peer, ())
            )
        )
        return None

    def learned(self, channel: Channel, tried: tuple[Tried, ...]) -> None:
        """Take more of what became of the roads to the peer of a channel."""
        for peer in self._tried:
            if peer.channel is channel:
                self._tried[peer] = tried
                if self._peers.get(peer.wire.peer_id) is peer:
                    self._publish(more_known(self._torrent, peer.address, peer.channel.road, tried))

    def ban(self, peer: Peer, reason: Drop) -> None:
        """Disconnect a peer and refuse it from now on."""
        self._banned[peer.wire.peer_id] = None
        if len(self._banned) > MOST_BANNED:
            del self._banned[next(iter(self._banned))]
        peer.stop(reason)

    def close(self) -> None:
        """Disconnect every peer and admit none any more; `closed` waits for it."""
        self._closed = True
        for peer in (*self._peers.values(), *self._replaced, *self._handshaking):
            peer.stop(Drop.STOPPED)

    async def closed(self) -> None:
        """Wait until every connection is closed."""
        await asyncio.gather(*self._connections, return_exceptions=True)

    def tick(self) -> None:
        """Drop the silent ones of a pair where one is not: that is who came back; once a second."""
        if not self._pair:
            return
        now = self._clock()
        silent = [peer for peer in self._peers.values() if peer.silence(now) > self._silent]
        if len(silent) < len(self._peers):
            for peer in silent:
                self._replace(peer)

    def _replace(self, peer: Peer) -> None:
        del self._peers[peer.wire.peer_id]
        self._replaced.add(peer)
        peer.stop(Drop.REPLACED)
        self._host.peer_replaced(peer)

    def _displace(self) -> bool:
        """Disconnect the idlest of those that are silent, or idle for too long; False for none."""
        now = self._clock()
        idle = [
            peer
            for peer in self._peers.values()
            if peer.reason is None
            and (now - peer.traded > IDLE or peer.silence(now) > self._silent)
        ]
        idlest = min(idle, key=lambda peer: peer.traded, default=None)
        if idlest is None:
            return False
        idlest.stop(Drop.DISPLACED)
        return True

    async def _serve(self, peer: Peer) -> None:
        reason: WhyDropped = Drop.INTERNAL_ERROR
        try:
            reason = await peer.run()
        except FileSendError:
            reason = Drop.STORAGE_FAILED
        except Exception:
            log.exception("a peer brought a fault of this program to light")
        finally:
            self._handshaking.discard(peer)
            self._improving.discard(peer)
            self._tried.pop(peer, None)
            self._forget(peer)
        if not self._closed:
            self._publish(
                PeerDropped(
                    torrent=self._torrent,
                    address=peer.address,
                    reason=reason,
                    complete=peer.has_everything,
                    sent_bytes=peer.given.total(),
                )
            )

    def _forget(self, peer: Peer) -> None:
        if self._peers.get(peer.wire.peer_id) is peer:
            del self._peers[peer.wire.peer_id]
        elif peer in self._replaced:
            self._replaced.remove(peer)
        else:
            return
        if not self._closed:
            self._host.peer_left(peer)
