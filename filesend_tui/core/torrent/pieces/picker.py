"""Which blocks to request from which peer: rarest piece first, begun pieces before new ones.

Only the decision and its bookkeeping live here: no clock, no bytes, no sockets. Lengths and
offsets are in bytes. The rules, most urgent first:

1. A peer finishes its current piece before another is requested from it.
2. Then comes a piece that the fewest peers have: one that is begun, by any peer, else a new
   one, of this side's own share first (shares.py), at random (so in a swarm of seeders alone the
   order is random, and receivers have something to swap). A begun piece that more peers have
   waits: while the only seeder sends the rest of what others could send, no peer gets what it alone
   has.
3. At most `max_partial` pieces are begun or await verification at a time, plus one for each peer
   that would otherwise be idle, so the bytes held in memory are bounded; a slow disk pauses the
   requests too. Where no more may begin, any begun piece is worked on.
4. A peer for which nothing is left gets duplicate requests (duplicate_requests.py).

From a peer that sends whole pieces (fs_span) runs of new ones are requested instead, those that
the fewest peers have first; each has one owner until it is verified or returned.

Finding the sender of a bad piece: `failed` returns all contributors. Where there are several, the
culprit is unknown, so all of them go on parole: a peer on parole fetches whole pieces alone and
shares none, until a piece that it sent alone is verified. A culprit on parole therefore fails
alone, and `failed` then returns it alone. Ownership of a piece ends early only where it would delay
the rest: the owner returns blocks, leaves, or nothing else is left for a trusted peer to do.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any, Final, Generic, NamedTuple

from filesend_tui.core.torrent.pieces.availability import Availability, bits_of, random_member
from filesend_tui.core.torrent.pieces.duplicate_requests import IDLE_REQUESTS, to_double
from filesend_tui.core.torrent.pieces.partial import Partial, PeerKey, PickedPeer
from filesend_tui.core.wire.bitfield import Bitfield
from filesend_tui.core.wire.shape import BLOCK, BlockRequest, TorrentShape

#: Bytes of unverified pieces to hold at a time, where pieces are small enough to allow it.
HELD_BYTES: Final = 64 * 1024 * 1024
#: Pieces in work at least, however large: one arrives while one is hashed and written.
MIN_PARTIAL: Final = 2


class Outcome(NamedTuple, Generic[PeerKey]):
    """The effect of a received block.

    accepted: keep the bytes; otherwise it was a duplicate or never wanted. piece_complete: hash
    the piece now, then call `verified` or `failed`. cancel: requests to cancel, with their peers;
    they are no longer in flight.
    """

    accepted: bool
    piece_complete: bool
    cancel: tuple[tuple[PeerKey, BlockRequest], ...]


_REFUSED: Final[Outcome[Any]] = Outcome(False, False, ())
_ACCEPTED: Final[Outcome[Any]] = Outcome(True, False, ())
_COMPLETE: Final[Outcome[Any]] = Outcome(True, True, ())


class PiecePicker(Generic[PeerKey]):
    """Decides what to request next, and tracks what is requested, received and verified.

    Args:
        shape: How the torrent is cut.
        wanted: Pieces to fetch; all where None.
        have: Pieces that are verified already.
        held: Wanted pieces that may be here: not requested before `released`.
        rng: Breaks ties; give a seeded one for a reproducible order.
        max_partial: Pieces in work at a time; from HELD_BYTES and the piece length where None.

    Methods that take a peer raise KeyError for one that has not joined; those that take a piece
    raise IndexError where there is none.
    """

    def __init__(
        self,
        shape: TorrentShape,
        *,
        wanted: Iterable[int] | None = None,
        have: Iterable[int] = (),
        held: Iterable[int] = (),
        rng: random.Random | None = None,
        max_partial: int | None = None,
    ) -> None:
        count = shape.piece_count
        self._shape = shape
        self._rng = rng or random.Random()  # noqa: S311  # an order, not a secret
        self._max_partial = max_partial or max(MIN_PARTIAL, HELD_BYTES // shape.piece_length)
        self._all = (1 << count) - 1
        self._have = Bitfield(count, have)
        self._missing = self._all if wanted is None else bits_of(wanted, count)
        self._missing &= ~bits_of(self._have, count)
        self._held = bits_of(held, count) & self._missing
        self._fresh = self._missing & ~self._held  # missing and not begun
        self._postponed = 0
        self._own_share = self._all
        self._partials: dict[int, Partial[PeerKey]] = {}  # oldest first
        self._open: dict[int, Partial[PeerKey]] = {}  # those with free blocks
        self._open_bits = 0
        self._availability = Availability()
        self._peers: dict[PeerKey, PickedPeer[PeerKey]] = {}
        self._whole: dict[int, PickedPeer[PeerKey]] = {}  # whole pieces in flight, with their peers

    @property
    def have(self) -> Bitfield:
        """The verified pieces; read only."""
        return self._have

    @property
    def complete(self) -> bool:
        """Whether every wanted piece is verified; True where none is wanted."""
        return not self._missing

    @property
    def endgame(self) -> bool:
        """Whether every missing block is requested or received."""
        missing = self._missing & ~self._held
        return bool(missing) and not self._new and not self._open and not self._whole

    @property
    def rests(self) -> bool:
        """Whether pieces are missing, and each of them is postponed and not begun."""
        return bool(self._missing) and not self._missing & ~(self._fresh & self._postponed)

    @property
    def _new(self) -> int:
        """The pieces that may be begun now."""
        return self._fresh & ~self._postponed

    # -- peers

    def peer_joined(self, peer: PeerKey) -> None:
        """Add a peer that has nothing yet. Raises ValueError if it was added before."""
        if peer in self._peers:
            raise ValueError("this peer joined before")
        self._peers[peer] = PickedPeer(peer)

    def peer_has(self, peer: PeerKey, indices: Iterable[int]) -> None:
        """Record that a peer has these pieces too (BEP 3 `have` and `bitfield`)."""
        self._learn(self._peers[peer], bits_of(indices, self._shape.piece_count))

    def peer_has_all(self, peer: PeerKey) -> None:
        """Record that a peer has everything (BEP 6 `have all`)."""
        self._learn(self._peers[peer], self._all)

    def _learn(self, peer: PickedPeer[PeerKey], bits: int) -> None:
        new = bits & ~peer.bits
        peer.bits |= new
        self._availability.add(new)

    def peer_left(self, peer: PeerKey) -> tuple[int, ...]:
        """Remove a peer and free its requests. Unknown peers are ignored.

        Returns:
            Pieces given up, whose received blocks the caller must drop: no connected peer can
            finish them, and keeping all of these would leave no room for pieces that can be.
        """
        state = self._peers.get(peer)
        if state is None:
            return ()
        self.returned(peer)
        self.pieces_returned(peer)
        del self._peers[peer]
        self._availability.remove(state.bits)
        for partial in self._partials.values():
            if partial.owner is state:
                partial.owner = None
        return self._give_up_orphans()

    def _give_up_orphans(self) -> tuple[int, ...]:
        reachable = 0
        for peer in self._peers.values():
            reachable |= peer.bits
        orphans = [p for p in self._partials.values() if p.left and not p.bit & reachable]
        orphans.sort(key=lambda partial: partial.left)
        given_up = orphans[self._max_partial // 2 :]
        for partial in given_up:
            self._restart(partial)
        return tuple(partial.index for partial in given_up)

    def tick(self) -> None:
        """Set each peer's pace from what it sent since the last tick; call about once a second.

        The pace of a silent peer decays step by step: most stalls end.
        """
        for peer in self._peers.values():
            peer.pace = max(peer.used - peer.used_before, peer.pace // 4)
            peer.used_before = peer.used

    def interesting(self, peer: PeerKey) -> bool:
        """Whether the peer has a piece that is wanted and missing here."""
        due = self._missing & ~self._held & ~(self._fresh & self._postponed)
        return bool(self._peers[peer].bits & due)

    def __contains__(self, peer: object) -> bool:
        """Return whether a peer was added and not removed."""
        return peer in self._peers

    def in_flight(self, peer: PeerKey) -> Collection[BlockRequest]:
        """Return the peer's requests in flight, oldest first: a live view."""
        return self._peers[peer].requests.keys()

    # -- requests

    def pick(self, peer: PeerKey, count: int) -> list[BlockRequest]:
        """Return up to `count` blocks to request from this peer, now in flight.

        Fewer are returned when the peer has nothing more to give, or too many pieces are in work;
        call again after `received`, `verified`, `failed`, `returned` and `peer_has`.

        Args:
            peer: The peer to request from.
            count: Requests to make at most.
        """
        state = self._peers[peer]
        bits = state.bits
        picked: list[BlockRequest] = []
        while len(picked) < count:
            partial = (
                self._at_hand(state, bits)
                or self._rarest(state, bits)
                or self._begun(state, bits)
                or self._share(state, bits)
            )
            if partial is None:
                self._double(state, bits, count, picked)
                break
            self._take(partial, state, count, picked)
        return picked

    def _at_hand(self, peer: PickedPeer[PeerKey], bits: int) -> Partial[PeerKey] | None:
        """Return the piece last requested from this peer, where blocks of it are free."""
        partial = peer.at_hand
        if partial is None or self._open.get(partial.index) is not partial:
            return None
        return partial if self._may_work(peer, bits, partial) else None

    def _rarest(self, peer: PickedPeer[PeerKey], bits: int) -> Partial[PeerKey] | None:
        """Return a piece that the fewest peers have: one that is begun, else a new one."""
        rarest = self._availability.rarest(bits & (self._new | self._open_bits))
        return self._begun(peer, rarest) or self._begin(peer, bits)

    def _begun(self, peer: PickedPeer[PeerKey], bits: int) -> Partial[PeerKey] | None:
        """Return a begun piece that this peer may work on by the rules."""
        if bits & self._open_bits:
            for partial in self._open.values():
                if self._may_work(peer, bits, partial):
                    return partial
        return None

    @staticmethod
    def _may_work(peer: PickedPeer[PeerKey], bits: int, partial: Partial[PeerKey]) -> bool:
        if not bits & partial.bit:
            return False
        if partial.owner is not None or not peer.parole:
            return partial.owner in (None, peer)
        # On parole: only pieces without other contributors.
        return partial.contributors.keys() <= {peer.key}

    def _begin(self, peer: PickedPeer[PeerKey], bits: int) -> Partial[PeerKey] | None:
        """Begin a new piece, where there is one and room for it."""
        candidates = bits & self._new
        if not candidates:
            return None
        # An idle peer may go over the limit: the pieces in work may all be ones that it lacks.
        room = self._max_partial + (0 if peer.requests else len(self._peers))
        if len(self._partials) >= room:
            return None
        index = random_member(self._preferred(candidates), self._rng)
        partial: Partial[PeerKey] = Partial(index, 1 << index, self._shape.piece_size(index))
        if peer.parole:
            partial.owner = peer
        self._fresh ^= partial.bit
        self._partials[index] = partial
        self._reopen(partial)
        return partial

    def _preferred(self, candidates: int) -> int:
        """Return those of the candidates to begin with, which all are as good."""
        rarest = self._availability.rarest(candidates)
        return rarest & self._own_share or rarest

    def _share(self, peer: PickedPeer[PeerKey], bits: int) -> Partial[PeerKey] | None:
        """Return a piece to share against the rules, as nothing else is left to do.

        A peer on parole takes over a piece without an owner; it never joins another's, or two of
        them could spoil the last piece for each other repeatedly.
        """
        if bits & self._open_bits:
            for partial in self._open.values():
                if bits & partial.bit and not (peer.parole and partial.owner):
                    partial.owner = peer if peer.parole else None
                    return partial
        return None

    def _take(
        self,
        partial: Partial[PeerKey],
        peer: PickedPeer[PeerKey],
        count: int,
        picked: list[BlockRequest],
    ) -> None:
        peer.at_hand = partial
        free = partial.free
        while free and len(picked) < count:
            begin = free.pop()
            partial.askers[begin] = [peer]
            request = partial.request(begin)
            peer.requests[request] = partial
            picked.append(request)
        if not free:
            self._close(partial)

    def _double(
        self, peer: PickedPeer[PeerKey], bits: int, count: int, picked: list[BlockRequest]
    ) -> None:
        """Add duplicate requests for an idle peer."""
        room = min(count - len(picked), IDLE_REQUESTS - len(peer.requests))
        if room <= 0 or peer.parole or not bits & self._missing & ~self._fresh:
            return
        blocks = to_double(peer, bits, self._peers.values(), endgame=self.endgame)
        for partial, request in islice(blocks, room):
            partial.askers[request.begin].append(peer)
            partial.owner = None
            peer.requests[request] = partial
            picked.append(request)

    # -- whole pieces

    def pick_pieces(self, peer: PeerKey, most: int) -> range:
        """Return a run of new pieces to request from this peer, now in flight.

        Empty where it has none. Runs are aligned to multiples of the longest run, so that the gaps
        between them are whole runs again. From a single peer they are taken in order, which suits
        disks; among several peers a random one gives receivers something to swap.

        Args:
            peer: The peer to request from.
            most: Bytes; a piece at least is returned.
        """
        state = self._peers[peer]
        candidates = state.bits & self._new
        if not candidates:
            return range(0)
        row = max(1, most // self._shape.piece_length)
        if len(self._peers) == 1:
            index = (candidates & -candidates).bit_length() - 1
        else:
            # A run goes no further, or it would take others' shares along.
            candidates = self._preferred(candidates)
            index = random_member(candidates, self._rng)
        first, last = index, index + 1
        while first % row and candidates >> (first - 1) & 1:
            first -= 1
        while last % row and last < self._shape.piece_count and candidates >> last & 1:
            last += 1
        picked = range(first, last)
        for piece in picked:
            self._fresh ^= 1 << piece
            self._whole[piece] = state
            state.pieces[piece] = None
        return picked

    def outstanding_pieces(self, peer: PeerKey) -> Collection[int]:
        """Return the whole pieces in flight from the peer, oldest first: a live view."""
        return self._peers[peer].pieces.keys()

    def piece_verified(self, index: int) -> bool:
        """Record a whole piece that is verified and stored; return whether it was missing.

        It counts whichever peer sent it, and even if it was returned meanwhile; but not where it is
        being fetched in blocks from other peers, which then finish it.
        """
        bit = 1 << index
        if not self._missing & bit or index in self._partials:
            return False
        owner = self._whole.pop(index, None)
        if owner is not None:
            del owner.pieces[index]
            owner.parole = False
        self._fresh &= ~bit
        self._held &= ~bit
        self._missing ^= bit
        self._have.set(index)
        return True

    def begin_with(self, share: int) -> None:
        """Set which pieces come first among those that the fewest peers have; bit i is piece i."""
        self._own_share = share

    def postpone(self, indices: Iterable[int]) -> None:
        """Set which pieces are not begun for now; they are missing all the same."""
        self._postponed = bits_of(indices, self._shape.piece_count)

    def released(self, index: int) -> None:
        """Record that a piece that was held is not here: it is requested like any other."""
        bit = 1 << index
        self._fresh |= self._held & bit
        self._held &= ~bit

    def pieces_returned(self, peer: PeerKey, pieces: Iterable[int] | None = None) -> None:
        """Free whole pieces (None: all) that a peer will not send, or sent with a wrong hash."""
        state = self._peers.get(peer)
        if state is None:
            return  # its pieces were freed when it left
        for piece in list(state.pieces if pieces is None else pieces):
            if piece in state.pieces:
                del state.pieces[piece], self._whole[piece]
                self._fresh |= 1 << piece

    # -- answers

    def received(self, peer: PeerKey, index: int, begin: int, length: int) -> Outcome[PeerKey]:
        """Record a block. One that is no longer in flight is still used where it is missing."""
        state = self._peers[peer]
        request = BlockRequest(index, begin, length)
        partial = state.requests.pop(request, None)
        if partial is None:
            partial = self._late(state, request)
            if partial is None:
                state.wasted += 1
                return _REFUSED
        state.used += 1
        askers = partial.askers.pop(begin, None)
        partial.contributors[peer] = None
        partial.left -= 1
        outcome = _ACCEPTED if partial.left else _COMPLETE
        if askers is not None and askers != [state]:
            others = [asker for asker in askers if asker is not state]
            for other in others:
                del other.requests[request]
            return outcome._replace(cancel=tuple((other.key, request) for other in others))
        return outcome

    def _late(self, peer: PickedPeer[PeerKey], request: BlockRequest) -> Partial[PeerKey] | None:
        """Return the piece that can use a block not in flight; the block is no longer free."""
        partial = self._partials.get(request.index)
        if partial is None or partial.owner not in (None, peer):
            return None
        if peer.parole and partial.owner is None:
            return None
        if request.length != min(BLOCK, partial.size - request.begin):
            return None
        if request.begin not in partial.askers:
            if request.begin not in partial.free:
                return None
            partial.free.remove(request.begin)
            if not partial.free:
                self._close(partial)
        return partial

    def returned(self, peer: PeerKey, requests: Iterable[BlockRequest] | None = None) -> None:
        """Free requests (None: all) that a peer will not answer.

        For a choke, a reject, a timeout or a snubbed peer. Requests not in flight are ignored. A
        peer that rejects while it does not choke gets the same blocks again: the caller must bound
        that.
        """
        state = self._peers[peer]
        for request in list(state.requests if requests is None else requests):
            partial = state.requests.pop(request, None)
            if partial is None:
                continue
            askers = partial.askers[request.begin]
            askers.remove(state)
            if partial.owner is state:
                partial.owner = None
            if askers:
                continue
            del partial.askers[request.begin]
            if not partial.free:
                self._reopen(partial)
            partial.free.append(request.begin)
            if not partial.askers and not partial.contributors:
                self._restart(partial)

    # -- pieces

    def verified(self, index: int) -> None:
        """Record a piece as verified and stored. Raises ValueError if it is not complete."""
        partial = self._finish(index)
        self._missing ^= partial.bit
        self._have.set(index)
        if len(partial.contributors) == 1:
            (key,) = partial.contributors
            if key in self._peers:
                self._peers[key].parole = False

    def failed(self, index: int) -> tuple[PeerKey, ...]:
        """Record a hash mismatch: the piece is missing again.

        Returns:
            The peers that sent blocks of it, also those that left since. A sole one is the
            culprit and should be dropped; several are on parole now.

        Raises:
            ValueError: The piece is not complete.
        """
        partial = self._finish(index)
        self._fresh |= partial.bit
        for key in partial.contributors:
            if key in self._peers:
                self._peers[key].parole = True
        return tuple(partial.contributors)

    def dropped(self, index: int) -> None:
        """Record that a complete piece could not be stored: it is missing again, by nobody's fault.

        Raises:
            ValueError: The piece is not complete.
        """
        self._fresh |= self._finish(index).bit

    def _finish(self, index: int) -> Partial[PeerKey]:
        partial = self._partials.get(index)
        if partial is None or partial.left:
            raise ValueError(f"piece {index} is not complete")
        return self._partials.pop(index)

    def _restart(self, partial: Partial[PeerKey]) -> None:
        """Discard a piece with no block in flight, and what was received of it."""
        del self._partials[partial.index]
        self._close(partial)
        self._fresh |= partial.bit

    def _reopen(self, partial: Partial[PeerKey]) -> None:
        self._open[partial.index] = partial
        self._open_bits |= partial.bit

    def _close(self, partial: Partial[PeerKey]) -> None:
        del self._open[partial.index]
        self._open_bits ^= partial.bit
