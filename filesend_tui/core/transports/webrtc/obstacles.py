"""What the candidates of two descriptions tell of why they may not meet. Pure.

Who is behind a router and was told by no server how it is seen can be reached from nowhere else: no
server answers, or UDP is blocked.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from filesend_tui.core.transports.clues import Clue
from filesend_tui.core.transports.webrtc.remote_sdp import (
    RemoteCandidate,
    RemoteDescription,
    candidates_of,
)


def obstacles(ours: str, theirs: RemoteDescription | None) -> frozenset[Clue]:
    """Return what our description, and the peer's once it is known, tell.

    Only where STUN or TURN servers were asked.
    """
    found = set()
    if _is_inside(candidates_of(ours)):
        found.add(Clue.NO_UDP_HERE)
    # A peer whose candidates come later may have others.
    if theirs is not None and theirs.complete and _is_inside(theirs.candidates):
        found.add(Clue.NO_UDP_THERE)
    return frozenset(found)


def _is_inside(candidates: Collection[RemoteCandidate]) -> bool:
    """Return whether all candidates are addresses behind a router."""
    return bool(candidates) and not any(
        each.type != "host" or (not each.is_mdns and ipaddress.ip_address(each.host).is_global)
        for each in candidates
    )
