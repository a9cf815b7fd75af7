"""The tracker's swarms: their peers, and the receivers of frames.

Pure: no socket, no clock (seconds are passed in) and no JSON. SwarmStore documents each step.
"""

from __future__ import annotations

import random
from collections import OrderedDict, defaultdict
from collections.abc import Collection
from hmac import compare_digest
from typing import TypeAlias

from relay.guard.addresses import networks
from relay.guard.buckets import AddressTally, Tally
from relay.guard.limits import Limits
from relay.protocol.tracker_frames import (
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    Event,
    FrameError,
    OfferFrame,
    Scrape,
    ScrapeReply,
    SwarmFigures,
)
from relay.stores.base import Delivery, SocketKey, SwarmTotals

#: An infohash and a peer id in its swarm.
_Membership: TypeAlias = tuple[bytes, bytes]


class _Peer:
    """A peer id in a swarm, and the socket that announced it last.

    key: of its first announce. expires: its time of expiry unless it announces again. holder: the
    widest network of its address, under which it is counted for eviction.
    """

    __slots__ = ("address", "complete", "expires", "holder", "key", "peer_id", "socket")

    def __init__(self, peer_id: bytes, socket: SocketKey, address: str, key: str) -> None:
        self.peer_id = peer_id
        self.key = key
        self.socket = socket
        self.address = address
        self.holder = networks(address)[-1].name
        self.expires = 0.0
        self.complete = False


class _Swarm:
    """Peers by id, the least recently announced first."""

    __slots__ = ("addresses", "complete", "downloaded", "holders", "peers")

    def __init__(self) -> None:
        self.peers: OrderedDict[bytes, _Peer] = OrderedDict()
        self.addresses = AddressTally()
        self.holders: Tally[str] = Tally()
        self.complete = 0
        self.downloaded = 0

    def superfluous(self) -> bytes:
        """Return the peer id to evict: the longest silent one of all whose holders have most."""
        most = self.holders.largest()
        return next(
            peer.peer_id for peer in self.peers.values() if self.holders[peer.holder] == most
        )

    def figures(self) -> SwarmFigures:
        return SwarmFigures(
            complete=self.complete,
            incomplete=len(self.peers) - self.complete,
            downloaded=self.downloaded,
        )


class Swarms:
    """All swarms of a tracker. rng: picks the peers that get an offer."""

    def __init__(self, limits: Limits, rng: random.Random | None = None) -> None:
        self._limits = limits
        self._rng = rng or random.Random()  # noqa: S311  (no secret depends on it)
        self._swarms: dict[bytes, _Swarm] = {}
        self._memberships: defaultdict[SocketKey, set[_Membership]] = defaultdict(set)
        self._crowd = AddressTally()
        # By holder, the least recently announced first.
        self._held: dict[str, OrderedDict[_Membership, None]] = {}
        self._peer_count = 0

    def totals(self) -> SwarmTotals:
        """Return the numbers of swarms and peers."""
        return SwarmTotals(len(self._swarms), self._peer_count)

    def members(self, sockets: Collection[SocketKey]) -> set[SocketKey]:
        """Return those of these sockets that are in any swarm."""
        return {socket for socket in sockets if socket in self._memberships}

    def announce(
        self, socket: SocketKey, address: str, frame: Announce, lifetime: float, now: float
    ) -> list[Delivery]:
        """Handle an announce; return the reply to it, and its offers for other peers.

        Raises:
            FrameError: This socket or its address is in too many swarms, or the peer id is another
                address's.
        """
        if frame.event is Event.STOPPED:
            self._stopped(socket, frame)
            return [self._reply(socket, frame.info_hash)]
        peer = self._admit(socket, address, frame)
        peer.expires = now + lifetime
        self._make_room(frame.info_hash)
        deliveries = [self._reply(socket, frame.info_hash)]
        wanted = len(frame.offers) if frame.numwant is None else frame.numwant
        for other, offer in zip(self._others(frame, peer, wanted), frame.offers, strict=False):
            relayed = OfferFrame(
                info_hash=frame.info_hash,
                peer_id=frame.peer_id,
                offer_id=offer.offer_id,
                offer=offer.offer,
            )
            deliveries.append(Delivery(other.socket, relayed))
        return deliveries

    def answer(self, socket: SocketKey, frame: Answer) -> list[Delivery]:
        """Handle an answer; return it for the peer that it names, or nothing if that peer is gone.

        Raises:
            FrameError: The answering peer is not in the swarm through this socket.
        """
        swarm = self._swarms.get(frame.info_hash)
        if (frame.info_hash, frame.peer_id) not in self._memberships.get(socket, ()):
            raise FrameError(
                "announce before you answer", action="announce", info_hash=frame.info_hash
            )
        target = swarm.peers.get(frame.to_peer_id) if swarm else None
        if target is None:
            return []
        relayed = AnswerFrame(
            info_hash=frame.info_hash,
            peer_id=frame.peer_id,
            offer_id=frame.offer_id,
            answer=frame.answer,
        )
        return [Delivery(target.socket, relayed)]

    def scrape(self, frame: Scrape) -> ScrapeReply:
        """Return the figures of the swarms asked about; an unknown one is all zeros."""
        nobody = SwarmFigures()
        return ScrapeReply(
            {
                info_hash: swarm.figures() if (swarm := self._swarms.get(info_hash)) else nobody
                for info_hash in frame.info_hashes
            }
        )

    def drop(self, socket: SocketKey) -> None:
        """Remove every peer of a closed socket, except those that another socket took over."""
        for info_hash, peer_id in list(self._memberships.get(socket, ())):
            self._remove(info_hash, peer_id)

    def expire(self, now: float) -> None:
        """Remove expired peers."""
        over = [
            (info_hash, peer.peer_id)
            for info_hash, swarm in self._swarms.items()
            for peer in swarm.peers.values()
            if peer.expires <= now
        ]
        for info_hash, peer_id in over:
            self._remove(info_hash, peer_id)

    def _admit(self, socket: SocketKey, address: str, frame: Announce) -> _Peer:
        key = (frame.info_hash, frame.peer_id)
        members = self._memberships.get(socket, set())
        if key not in members and len(members) >= self._limits.max_socket_peers:
            raise FrameError("too many swarms", action="announce", info_hash=frame.info_hash)
        swarm = self._swarms.get(frame.info_hash)
        peer = swarm.peers.get(frame.peer_id) if swarm else None
        if peer is None:
            peer = self._join(frame, socket, address, swarm)
        elif peer.socket != socket:
            peer = self._take_over(peer, socket, address, frame)
        swarm = self._swarms[frame.info_hash]
        self._memberships[socket].add(key)
        swarm.peers.move_to_end(frame.peer_id)
        self._held[peer.holder].move_to_end(key)
        if frame.event is Event.COMPLETED and not peer.complete:
            swarm.downloaded += 1
        swarm.complete -= peer.complete
        peer.complete = frame.left == 0 or frame.event is Event.COMPLETED
        swarm.complete += peer.complete
        return peer

    def _join(
        self, frame: Announce, socket: SocketKey, address: str, swarm: _Swarm | None
    ) -> _Peer:
        """Add a new peer, unless its address has too many already."""
        limits = self._limits
        if not self._crowd.has_room(address, limits.max_address_peers) or (
            swarm and not swarm.addresses.has_room(address, limits.max_address_swarm_peers)
        ):
            raise FrameError(
                "too many peers of one address", action="announce", info_hash=frame.info_hash
            )
        if swarm is None:
            swarm = self._swarms[frame.info_hash] = _Swarm()
        peer = swarm.peers[frame.peer_id] = _Peer(frame.peer_id, socket, address, frame.key)
        swarm.addresses.add(address)
        swarm.holders.add(peer.holder)
        self._crowd.add(address)
        self._held.setdefault(peer.holder, OrderedDict())[(frame.info_hash, frame.peer_id)] = None
        self._peer_count += 1
        return peer

    def _take_over(self, peer: _Peer, socket: SocketKey, address: str, frame: Announce) -> _Peer:
        """Move a peer to a new socket, so that the close of the old one does not remove it.

        Only for the same address, or by the peer's key: others that have seen the peer id must not
        be able to evict it.
        """
        if address == peer.address:
            self._withdraw(peer.socket, (frame.info_hash, frame.peer_id))
            peer.socket = socket
            return peer
        if not peer.key or not compare_digest(peer.key.encode(), frame.key.encode()):
            raise FrameError(
                "this peer id is somebody else's", action="announce", info_hash=frame.info_hash
            )
        self._remove(frame.info_hash, frame.peer_id)
        return self._join(frame, socket, address, self._swarms.get(frame.info_hash))

    def _make_room(self, info_hash: bytes) -> None:
        swarm = self._swarms[info_hash]
        if len(swarm.peers) > self._limits.max_swarm_peers:
            self._remove(info_hash, swarm.superfluous())
        while (
            len(self._swarms) > self._limits.max_swarms or self._peer_count > self._limits.max_peers
        ):
            largest = max(self._held.values(), key=len)
            self._remove(*next(iter(largest)))

    def _others(self, frame: Announce, peer: _Peer, wanted: int) -> list[_Peer]:
        everybody = self._swarms[frame.info_hash].peers.values()
        others = [each for each in everybody if each is not peer]
        count = min(wanted, len(frame.offers), len(others))
        if not peer.complete:
            return self._rng.sample(others, count)
        # Two complete peers have nothing for each other: incomplete ones go first.
        self._rng.shuffle(others)
        return sorted(others, key=lambda each: each.complete)[:count]

    def _reply(self, socket: SocketKey, info_hash: bytes) -> Delivery:
        swarm = self._swarms.get(info_hash)
        figures = swarm.figures() if swarm else SwarmFigures()
        reply = AnnounceReply(
            info_hash=info_hash,
            interval=self._limits.announce_interval,
            complete=figures.complete,
            incomplete=figures.incomplete,
        )
        return Delivery(socket, reply)

    def _stopped(self, socket: SocketKey, frame: Announce) -> None:
        # Only through its own socket: others that have seen the id must not be able to evict it.
        if (frame.info_hash, frame.peer_id) in self._memberships.get(socket, ()):
            self._remove(frame.info_hash, frame.peer_id)

    def _remove(self, info_hash: bytes, peer_id: bytes) -> None:
        swarm = self._swarms[info_hash]
        peer = swarm.peers.pop(peer_id)
        swarm.complete -= peer.complete
        swarm.addresses.remove(peer.address)
        swarm.holders.remove(peer.holder)
        self._crowd.remove(peer.address)
        self._peer_count -= 1
        held = self._held[peer.holder]
        del held[(info_hash, peer_id)]
        if not held:
            del self._held[peer.holder]
        self._withdraw(peer.socket, (info_hash, peer_id))
        if not swarm.peers:
            del self._swarms[info_hash]

    def _withdraw(self, socket: SocketKey, key: tuple[bytes, bytes]) -> None:
        members = self._memberships[socket]
        members.discard(key)
        if not members:
            del self._memberships[socket]
