"""Which blocks that one peer owes are asked of a second one that has nothing else to do.

The first answer cancels the other request, so a peer that is slow, silent or far behind with its
queue holds nothing up, and a busy seeder need not send what an idle receiver could. The price is
blocks that come twice, where the cancel comes too late. So what a peer is about to send is left to
it:

- Before the endgame the head of each queue, which may be on its way; and peers whose blocks came in
  vain too often are left alone.
- In the endgame, when every missing block is asked for, what it will send within half a beat if it
  goes on as it did. From one that is silent everything is taken.

Only the choice lives here: pure, over the picker's own values. A beat is a second, or what the
picker's owner takes for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Final

from filesend_tui.core.torrent.pieces.partial import Partial, PeerKey, PickedPeer
from filesend_tui.core.wire.shape import BlockRequest

#: A peer that owes this many blocks is not idle: it is asked for nothing that others owe.
IDLE_REQUESTS: Final = 8
#: Peers that may owe us the same block at a time, not counting those that gave us less than this
#: share of what the next one gave: two slow ones must not keep out the one that could send it now.
MAX_ASKERS: Final = 2
PEER_SHARE: Final = 4
#: The head of a queue: so many blocks, and one in so many.
HEAD_BLOCKS: Final = 8
HEAD_SHARE: Final = 4
#: Blocks that may come from one peer in vain: so many, and one in so many of the useful ones.
SPARE_BLOCKS: Final = 1
SPARE_SHARE: Final = 128


def to_double(
    peer: PickedPeer[PeerKey], bits: int, peers: Iterable[PickedPeer[PeerKey]], *, endgame: bool
) -> Iterator[tuple[Partial[PeerKey], BlockRequest]]:
    """Yield blocks to ask this peer for too, from those furthest behind what they owe.

    Args:
        peer: Idle, and not on parole.
        bits: The pieces it may be asked for.
        peers: All that are connected.
        endgame: Every missing block is asked for.
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
            # What a peer on parole fetches it fetches alone, as long as there is time.
            if endgame or partial.owner is None:
                yield partial, request


def _tail(peer: PickedPeer[PeerKey], *, endgame: bool) -> int:
    """How many of the blocks it owes are not about to come."""
    outstanding = len(peer.requests)
    head = peer.pace // 2 if endgame else max(HEAD_BLOCKS, outstanding // HEAD_SHARE)
    return max(0, outstanding - head)


def _may_join(peer: PickedPeer[PeerKey], askers: list[PickedPeer[PeerKey]]) -> bool:
    if peer in askers:
        return False
    return sum(PEER_SHARE * asker.used >= peer.used for asker in askers) < MAX_ASKERS


def _wasteful(peer: PickedPeer[PeerKey]) -> bool:
    return peer.wasted > SPARE_BLOCKS + peer.used // SPARE_SHARE
