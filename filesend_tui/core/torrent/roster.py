"""Who is in a swarm: channels become peers, are let in or refused, make room, are banned, leave.

What peers trade is piece_exchange.py's, how one connection is served peer.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, Protocol

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import Event, PeerConnected, PeerDropped
from filesend_tui.core.meeting.rendezvous import MetPeer
from filesend_tui.core.torrent.drop_reasons import Drop, WhyDropped
from filesend_tui.core.torrent.peer.peer import Peer
from filesend_tui.core.util.text import clean

#: Seconds without trade after which a peer may have to make room for another.
IDLE: Final = 60.0
#: Peers remembered that may not come back.
MOST_BANNED: Final = 1000

log = logging.getLogger(__name__)


class RosterHost(Protocol):
    """What a roster asks and tells its swarm."""

    def make_peer(self, met: MetPeer) -> Peer:
        """Return a fresh peer on this channel."""

    def peer_left(self, peer: Peer) -> None:
        """It was in, and is no longer."""


class Roster:
    """The peers of one torrent; iterating over it gives those that are in.

    Args:
        torrent: Its id, for events.
        max_peers: Most at a time, with those that did not shake hands yet.
        clock: Seconds, monotonic.
        host: The swarm.
        publish: Takes an event.
    """

    def __init__(
        self,
        torrent: str,
        *,
        max_peers: int,
        clock: Callable[[], float],
        host: RosterHost,
        publish: Callable[[Event], None],
    ) -> None:
        self._torrent = torrent
        self._max_peers = max_peers
        self._clock = clock
        self._host = host
        self._publish = publish
        self._peers: dict[bytes, Peer] = {}
        self._handshaking: set[Peer] = set()
        self._banned: dict[bytes, None] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._closed = False

    def __iter__(self) -> Iterator[Peer]:
        return iter(tuple(self._peers.values()))

    def __len__(self) -> int:
        return len(self._peers)

    @property
    def handshaking(self) -> tuple[Peer, ...]:
        """Those whose handshake has not come yet."""
        return tuple(self._handshaking)

    @property
    def room(self) -> int:
        """How many more peers there is room for; idle ones give way."""
        now = self._clock()
        busy = sum(now - peer.traded <= IDLE for peer in self._peers.values())
        return max(0, self._max_peers - busy)

    def take(self, met: MetPeer) -> None:
        """Serve a peer that was met from now on, or close its channel where nobody makes room."""
        work: Coroutine[Any, Any, None]
        full = len(self._peers) + len(self._handshaking) >= self._max_peers
        if self._closed or (full and not self._displace()):
            # Whoever takes long to close holds up nobody who is met after them.
            work = met.channel.close()
        else:
            peer = self._host.make_peer(met)
            self._handshaking.add(peer)  # now: many may be met at once
            work = self._serve(peer)
        task = asyncio.create_task(work)
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    def admit(self, peer: Peer) -> WhyDropped | None:
        """Let in a peer whose handshake came, or return why it is refused."""
        peer_id = peer.wire.peer_id
        self._handshaking.discard(peer)
        if self._closed:
            return Drop.STOPPED
        if peer_id in self._banned:
            return Drop.BANNED
        if peer_id in self._peers:
            return Drop.DUPLICATE
        self._peers[peer_id] = peer
        self._publish(
            PeerConnected(
                torrent=self._torrent,
                address=peer.address,
                client=clean(peer_id[:8].decode("ascii", errors="replace")),
                road=peer.channel.road,
            )
        )
        return None

    def ban(self, peer: Peer, reason: Drop) -> None:
        """Part from a peer for good."""
        self._banned[peer.wire.peer_id] = None
        if len(self._banned) > MOST_BANNED:
            del self._banned[next(iter(self._banned))]
        peer.stop(reason)

    def close(self) -> None:
        """Part from everybody, and let nobody in any more; `closed` waits for it."""
        self._closed = True
        for peer in (*self._peers.values(), *self._handshaking):
            peer.stop(Drop.STOPPED)

    async def closed(self) -> None:
        """Return when every connection is closed."""
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _displace(self) -> bool:
        """Make room where a peer has traded nothing for long; return whether one had."""
        staying = [peer for peer in self._peers.values() if peer.reason is None]
        idlest = min(staying, key=lambda peer: peer.traded, default=None)
        if idlest is None or self._clock() - idlest.traded <= IDLE:
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
            self._forget(peer)
        if not self._closed:
            self._publish(
                PeerDropped(
                    torrent=self._torrent,
                    address=peer.address,
                    reason=reason,
                    complete=peer.has_everything,
                )
            )

    def _forget(self, peer: Peer) -> None:
        if self._peers.get(peer.wire.peer_id) is peer:
            del self._peers[peer.wire.peer_id]
            if not self._closed:
                self._host.peer_left(peer)
