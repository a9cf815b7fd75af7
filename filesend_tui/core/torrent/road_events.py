"""What is told of the road to a peer, as events: the facts and sentences of the meeting."""

from __future__ import annotations

from collections.abc import Sequence

from filesend_tui.core.events import PeerConnected, PeerRoads, RoadTried
from filesend_tui.core.meeting.road_reasons import outcome_words, why_not_better
from filesend_tui.core.transports.clues import Tried


def connected(
    torrent: str, address: str, client: str, road: str, tried: Sequence[Tried]
) -> PeerConnected:
    """Return that a peer is there, over which road, and why no better one."""
    why, hint = why_not_better(road, tried)
    return PeerConnected(
        torrent=torrent,
        address=address,
        client=client,
        road=road,
        why=why,
        hint=hint,
        tried=tuple(map(_told, tried)),
    )


def more_known(torrent: str, address: str, road: str, tried: Sequence[Tried]) -> PeerRoads:
    """Return what is known since then."""
    why, hint = why_not_better(road, tried)
    return PeerRoads(
        torrent=torrent,
        address=address,
        road=road,
        why=why,
        hint=hint,
        tried=tuple(map(_told, tried)),
    )


def _told(tried: Tried) -> RoadTried:
    return RoadTried(
        road=tried.road,
        outcome=tried.outcome,
        clues=tuple(sorted(tried.clues)),
        message=outcome_words(tried),
    )
