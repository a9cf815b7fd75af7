"""Duplicate requests: blocks in flight from one peer, requested from a second, idle one too.

The first answer cancels the other request, so a peer that is slow, silent or far behind with its
queue delays nothing, and a busy seeder need not send what an idle receiver could. The price is
blocks that arrive twice, where the cancel is late. So what a peer is about to send is not
duplicated:

- Before the endgame: the head of each queue, which may be in transit. Peers whose blocks were
  wasted too often take no part.
- In the endgame, when every missing block is requested: what the peer will send within half a tick
  at its present pace. Of a silent peer's requests all are duplicated.

Only the choice lives here: pure, over the picker's own values. A tick is a second, or the interval
at which the picker's owner calls `tick`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Final

from filesend_tui.core.torrent.pieces.partial import Partial, PeerKey, PickedPeer
from filesend_tui.core.wire.shape import BlockRequest

#: A peer with this many requests in flight is not idle: it gets no duplicates.
IDLE_REQUESTS: Final = 8
#: Peers that one block may be in flight from, not counting those that gave us less than this share
#: of what the next one gave: two slow ones must not exclude the one that could send it now.
MAX_ASKERS: Final = 2
PEER_SHARE: Final = 4
#: The head of a queue: so many blocks, or one in so many where that is more.
HEAD_BLOCKS: Final = 8
HEAD_SHARE: Final = 4
#: Wasted blocks allowed from one peer: so many, and one more per so many useful ones.
SPARE_BLOCKS: Final = 1
SPARE_SHARE: Final = 128


def to_double(
    peer: PickedPeer[PeerKey], bits: int, peers: Iterable[PickedPeer[PeerKey]], *, endgame: bool
) -> Iterator[tuple[Partial[PeerKey], BlockRequest]]:
    """Yield blocks to request from this peer too, from those furthest behind with their queues.

    Args:
        peer: Idle, and not on parole.
        bits: The pieces that may be requested from it.
        peers: All that are connected.
        endgame: Every missing block is requested.
    """
    others = [other for other in peers if other is not peer]
    if not endgame:
        others = [] if _wasteful(peer) else [other for other in others if not _wasteful(other)]
    tails = [(_tail(other, endgame=endgame), other) for other in others]
    for tail, other in sorted(tails, key=itemgetter(0), reverse=True):
        for request in islice(reversed(other.requests), tail):
            partial = other.requests[request]
            if not bits & partial.bit or not _may_join(peer, partial.askers[request.begin]):
                continue
            # A peer on parole fetches its pieces alone, until the endgame.
            if endgame or partial.owner is None:
                yield partial, request


def _tail(peer: PickedPeer[PeerKey], *, endgame: bool) -> int:
    """Return how many of its requests in flight are not about to be answered."""
    outstanding = len(peer.requests)
    head = peer.pace // 2 if endgame else max(HEAD_BLOCKS, outstanding // HEAD_SHARE)
    return max(0, outstanding - head)


def _may_join(peer: PickedPeer[PeerKey], askers: list[PickedPeer[PeerKey]]) -> bool:
    if peer in askers:
        return False
    return sum(PEER_SHARE * asker.used >= peer.used for asker in askers) < MAX_ASKERS


def _wasteful(peer: PickedPeer[PeerKey]) -> bool:
    return peer.wasted > SPARE_BLOCKS + peer.used // SPARE_SHARE
