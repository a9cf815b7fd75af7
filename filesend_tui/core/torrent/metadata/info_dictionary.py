"""A torrent's description among its peers: fetched from them, then served to them (BEP 9).

Which piece to ask of whom is exchange.py's; here it becomes messages on connections. What the
description says is never looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from filesend_tui.core.torrent.metadata.exchange import MetadataFetch
from filesend_tui.core.torrent.peer.peer import Peer
from filesend_tui.core.wire.extensions import (
    METADATA_PIECE,
    MetadataData,
    MetadataReject,
    MetadataRequest,
    metadata_piece_count,
)


class InfoDictionary:
    """The info dictionary of one swarm, wanted or known.

    Args:
        info_hash: 20 bytes; proves what comes.
        clock: Seconds, monotonic.
        found: Told once, with the whole bencoded dictionary.
        sent_bad_data: Told of a peer that sent a false one.
    """

    def __init__(
        self,
        info_hash: bytes,
        *,
        clock: Callable[[], float],
        found: Callable[[bytes], None],
        sent_bad_data: Callable[[Peer], None],
    ) -> None:
        self._fetch: MetadataFetch[Peer] = MetadataFetch(info_hash)
        self._clock = clock
        self._found = found
        self._sent_bad_data = sent_bad_data
        self._raw: bytes | None = None
        self._claims: dict[Peer, int] = {}

    @property
    def size(self) -> int | None:
        """Bytes of the dictionary; None while it is not here."""
        return None if self._raw is None else len(self._raw)

    def know(self, raw: bytes) -> None:
        """The dictionary is here: serve it from now on."""
        self._raw = raw

    def offered(self, peer: Peer) -> None:
        """A peer's extended handshake came, with what it now says about serving the dictionary."""
        size = peer.wire.peer_metadata_size if peer.wire.peer_has_metadata else None
        if size is None:
            self.left(peer)  # or it took its offer back
        elif self._raw is None:
            self._claims[peer] = size
            self._fetch.peer_has(peer, size)
        elif size != len(self._raw):
            self._sent_bad_data(peer)

    def left(self, peer: Peer) -> None:
        """A peer is gone."""
        self._claims.pop(peer, None)
        self._fetch.peer_left(peer)

    def ask(self, peers: Iterable[Peer]) -> None:
        """Ask these peers for what is missing; call after each message and about once a second."""
        if self._raw is not None:
            return
        now = self._clock()
        for peer in peers:
            for piece in self._fetch.ask(peer, now):
                peer.ask_metadata(piece)

    def message(self, peer: Peer, message: MetadataRequest | MetadataData | MetadataReject) -> None:
        """Take a ut_metadata message."""
        match message:
            case MetadataRequest(piece):
                self._serve(peer, piece)
            case MetadataReject(piece):
                self._fetch.rejected(peer, piece, self._clock())
            case MetadataData(piece, _, data):
                self._take(peer, piece, data)

    def _take(self, peer: Peer, piece: int, data: bytes) -> None:
        if self._raw is not None:
            # Too late to be of use, and not to tell a liar.
            if data != self._raw[piece * METADATA_PIECE : (piece + 1) * METADATA_PIECE]:
                self._sent_bad_data(peer)
            return
        fetched = self._fetch.received(peer, piece, data, self._clock())
        for culprit in fetched.culprits:
            self._sent_bad_data(culprit)
        if fetched.info is not None:
            self.know(fetched.info)
            for claimant, size in self._claims.items():
                if size != len(fetched.info):
                    self._sent_bad_data(claimant)
            self._claims.clear()
            self._found(fetched.info)

    def _serve(self, peer: Peer, piece: int) -> None:
        if self._raw is not None and piece < metadata_piece_count(len(self._raw)):
            peer.serve_metadata(self._raw, piece)
        else:
            peer.reject_metadata(piece)
