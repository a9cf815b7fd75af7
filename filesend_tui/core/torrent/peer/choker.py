"""Which peers to unchoke: a few interested ones at a time, each for a minimum term (BEP 3).

Only the decision lives here, pure given clock and random source; sending choke and unchoke is the
swarm's. Times are seconds of any monotonic clock, rates bytes a second.

- A free slot goes to an interested peer at once, the longest waiting first.
- Every ROUND_S the slots are reassigned. Seeding: a peer keeps its slot for TERM_S, then yields to
  the longest waiting; while none waits, none is choked. Leeching: tit for tat, those that give
  most are served, and one slot is optimistic: it passes on every TERM_S to the longest waiting, so
  a newcomer can show what it gives.
- Against fibrillation a challenger must beat a served peer by a margin.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final, Generic, NamedTuple

from filesend_tui.core.torrent.pieces.partial import PeerKey

#: Seconds between two assignments of the slots.
ROUND_S: Final = 10.0
#: Seconds a seeder's slot, or the optimistic one, is held.
TERM_S: Final = 30.0
#: Factor on a served peer's rate in a comparison.
_INCUMBENT: Final = 1.2


class Contender(NamedTuple, Generic[PeerKey]):
    """A connected peer. choked: by us. Rates: what it gives us, and what we give it."""

    key: PeerKey
    interested: bool
    choked: bool
    download_rate: float = 0.0
    upload_rate: float = 0.0


class Decision(NamedTuple, Generic[PeerKey]):
    """Choke or unchoke this peer now."""

    key: PeerKey
    choke: bool


class Choker(Generic[PeerKey]):
    """Assigns upload slots.

    Args:
        slots: Interested peers served at a time; at least 1.
        rng: Breaks ties between peers that waited equally long.
    """

    def __init__(self, *, slots: int, rng: random.Random | None = None) -> None:
        self._slots = max(1, slots)
        self._rng = rng or random.Random()  # noqa: S311  # fairness, not a secret
        self._since: dict[PeerKey, float] = {}  # when it was last choked or unchoked, or joined
        self._next_round = 0.0
        self._optimistic: PeerKey | None = None
        self._optimistic_until = 0.0

    def decide(
        self, contenders: Iterable[Contender[PeerKey]], *, now: float, seeding: bool
    ) -> list[Decision[PeerKey]]:
        """Return the changes to make; call when a peer's interest changes, and every second.

        Args:
            contenders: Every connected peer.
            now: The time.
            seeding: Whether this side has every wanted piece.
        """
        peers = list(contenders)
        self._since = {peer.key: self._since.get(peer.key, now) for peer in peers}
        interested = [peer for peer in peers if peer.interested]
        self._rng.shuffle(interested)
        interested.sort(key=lambda peer: self._since[peer.key])  # stable: ties stay shuffled
        if now >= self._next_round:
            self._next_round = now + ROUND_S
            served = self._deal(interested, now, seeding)
        else:
            served = {peer.key for peer in peers if not peer.choked}
            taken = sum(not peer.choked for peer in interested)
            waiting = [peer.key for peer in interested if peer.choked]
            served.update(waiting[: max(0, self._slots - taken)])
        decisions = [
            Decision(peer.key, not peer.choked)
            for peer in peers
            if peer.choked == (peer.key in served)
        ]
        for decision in decisions:
            self._since[decision.key] = now
        return decisions

    def _deal(
        self, interested: list[Contender[PeerKey]], now: float, seeding: bool
    ) -> set[PeerKey]:
        """Return the peers to serve; `interested` is sorted longest unchanged first."""
        if len(interested) <= self._slots:
            return {peer.key for peer in interested}
        if seeding:
            return self._take_turns(interested, now)
        return self._tit_for_tat(interested, now)

    def _take_turns(self, interested: list[Contender[PeerKey]], now: float) -> set[PeerKey]:
        def rank(peer: Contender[PeerKey]) -> tuple[int, float]:
            if peer.choked:
                return 1, self._since[peer.key]
            if now - self._since[peer.key] < TERM_S:
                return 0, 0.0
            return 2, -peer.upload_rate

        return {peer.key for peer in sorted(interested, key=rank)[: self._slots]}

    def _tit_for_tat(self, interested: list[Contender[PeerKey]], now: float) -> set[PeerKey]:
        def rank(peer: Contender[PeerKey]) -> tuple[float, bool]:
            earned = not peer.choked and peer.key != self._optimistic
            return -peer.download_rate * (_INCUMBENT if earned else 1.0), not earned

        ranked = sorted(interested, key=rank)
        served = {peer.key for peer in ranked[: self._slots - 1]}
        others = [peer for peer in interested if peer.key not in served]
        if now >= self._optimistic_until or self._optimistic not in {p.key for p in others}:
            # Prefer a choked peer: an unchoked one has a slot already.
            chosen = min(others, key=lambda peer: not peer.choked)
            self._optimistic = chosen.key
            self._optimistic_until = now + TERM_S
        served.add(self._optimistic)
        return served
