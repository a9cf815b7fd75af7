"""What stands between two listeners, as far as their offers and failed connections tell. Pure.

A router shows connections from a listening port under a port that the relay sees. Where that is
another one, it gives one to everyone, and nobody can be told which.
"""

from __future__ import annotations

from filesend_tui.core.transports.clues import Clue
from filesend_tui.core.transports.direct.offer import DirectOffer, Endpoint


def obstacles(ours: DirectOffer, theirs: DirectOffer) -> frozenset[Clue]:
    """Return what two offers tell of why a connection may fail."""
    if not (theirs.endpoints or theirs.outside):
        return frozenset({Clue.NO_ADDRESS_THERE})
    found = set()
    here, there = _families(ours), _families(theirs)
    if here and there and not here & there:
        found.add(Clue.OTHER_FAMILY)
    if _ports_change(ours):
        found.add(Clue.PORTS_CHANGE_HERE)
    if _ports_change(theirs):
        found.add(Clue.PORTS_CHANGE_THERE)
    return frozenset(found)


def refusal(error: OSError | TimeoutError) -> Clue:
    """Return what a failed connection tells."""
    if isinstance(error, TimeoutError):
        return Clue.NO_ANSWER
    return Clue.REFUSED if isinstance(error, ConnectionError) else Clue.NO_ROUTE


def _families(offer: DirectOffer) -> set[bool]:
    return {_is_v6(each) for each in (*offer.endpoints, *offer.outside)}


def _ports_change(offer: DirectOffer) -> bool:
    """Return whether a router shows the listening port at another; IPv6 has no such routers."""
    ports = {each.port for each in offer.endpoints}
    outside = [each for each in offer.outside if not _is_v6(each)]
    return bool(ports) and any(each.port not in ports for each in outside)


def _is_v6(endpoint: Endpoint) -> bool:
    return ":" in endpoint.host
