"""Which blocks that one peer owes are asked of a second one that has nothing else to do.

The first answer cancels the other request, so a peer that is slow, silent or far behind with its
queue holds nothing up, and a busy seeder need not send what an idle receiver could. The price is
blocks that come twice, where the cancel comes too late. Only the choice lives here: pure, over the
picker's own values.

- In the endgame, when every missing block is asked for: any block, the longest-begun piece first.
- Before it: what stands last in the longest queue, so it is not on its way yet; and only among
  peers whose blocks seldom come in vain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from filesend_tui.core.torrent.partial import BlockRequest, Partial, PickedPeer

#: Peers that may owe us the same block at a time, not counting those that gave us less than this
#: share of what the next one gave: two slow ones must not keep out the one that could send it now.
MAX_ASKERS: Final = 2
PEER_SHARE: Final = 4
#: A peer that owes this many blocks is not idle: it is asked for nothing that others owe.
IDLE_REQUESTS: Final = 8
#: Blocks at the head of a queue that are taken to be on their way: so many, and one in so many.
DUE_BLOCKS: Final = 8
DUE_SHARE: Final = 4
#: Blocks that may come from one peer in vain: so many, and one in so many of the useful ones.
SPARE_BLOCKS: Final = 2
SPARE_SHARE: Final = 64


def in_endgame(
    peer: PickedPeer, bits: int, partials: Iterable[Partial]
) -> Iterator[tuple[Partial, BlockRequest]]:
    """Yield blocks to ask this peer for too.

    Args:
        peer: Idle, and trusted.
        bits: The pieces it may be asked for.
        partials: Pieces in work, the longest-begun first.
    """
    for partial in partials:
        if bits & partial.bit:
            for begin in partial.askers:
                if _may_join(peer, partial, begin):
                    yield partial, partial.request(begin)


def before_it(
    peer: PickedPeer, bits: int, peers: Iterable[PickedPeer]
) -> Iterator[tuple[Partial, BlockRequest]]:
    """Yield blocks to ask this peer for too, the last in the queue first.

    Args:
        peer: Idle, and trusted.
        bits: The pieces it may be asked for.
        peers: All that are connected.
    """
    busiest = max(peers, key=lambda other: len(other.requests))
    if busiest is peer or _wasteful(peer) or _wasteful(busiest):
        return
    owed = len(busiest.requests)
    last = max(0, owed - max(DUE_BLOCKS, owed // DUE_SHARE))
    for request in islice(reversed(busiest.requests), last):
        partial = busiest.requests[request]
        # What a peer on parole fetches it fetches alone.
        if bits & partial.bit and not partial.owner and _may_join(peer, partial, request.begin):
            yield partial, request


def _may_join(peer: PickedPeer, partial: Partial, begin: int) -> bool:
    askers = partial.askers[begin]
    if peer in askers:
        return False
    return sum(PEER_SHARE * asker.used >= peer.used for asker in askers) < MAX_ASKERS


def _wasteful(peer: PickedPeer) -> bool:
    return peer.wasted > SPARE_BLOCKS + peer.used // SPARE_SHARE
