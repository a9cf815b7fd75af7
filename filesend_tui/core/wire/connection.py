"""One BitTorrent connection, sans-IO: bytes in and events out, messages in and bytes out.

The state that both ends of one connection share (handshake, choke and interest, extensions,
pieces) and the rules a peer must keep live here. No socket, clock or disk, and no decision: which
peer to serve and what to request is the swarm's. Sources: BEP 3, 6, 9, 10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.events import ExtendedHandshook, Handshook, PeerHas, WireEvent
from filesend_tui.core.wire.extension_state import ExtensionState
from filesend_tui.core.wire.extensions import (
    FalsePiece,
    MetadataData,
    MetadataReject,
    MetadataRequest,
    SpanMessage,
    SpanReject,
    SpanRequest,
)
from filesend_tui.core.wire.framing import Inbox, Outbox
from filesend_tui.core.wire.handshake import Handshake
from filesend_tui.core.wire.lane_messages import LaneMessage, LaneOffer
from filesend_tui.core.wire.message_cost import HANDSHAKE_WEIGHT, weight
from filesend_tui.core.wire.messages import (
    FAST,
    AllowedFast,
    Bitfield,
    Cancel,
    Choke,
    Extended,
    Have,
    HaveAll,
    HaveNone,
    Interested,
    Message,
    NotInterested,
    Piece,
    RejectRequest,
    Request,
    SuggestPiece,
    Unchoke,
)
from filesend_tui.core.wire.peer_pieces import PeerPieces
from filesend_tui.core.wire.rules import (
    ENDS_OPENING,
    OPENING,
    check_answer,
    check_index,
    check_request,
)
from filesend_tui.core.wire.shape import TorrentShape
from filesend_tui.core.wire.streams.messages import StreamBlock, StreamMessage
from filesend_tui.core.wire.word_messages import WordChunk


class WireConnection:
    """One end of a connection.

    Args:
        info_hash: The torrent's, 20 bytes; the peer must name the same.
        peer_id: Ours, 20 bytes.
        reqq: Requests we queue for the peer.
        client: Our name and version, sent to the peer.
        metadata_size: Bytes of the info dictionary, where we have it.
        spans: Whether the channel below moves bulk, so that whole pieces may be requested.
        lanes: Whether we take fs_lane messages (lane_messages.py).
        words: Whether we take fs_words messages (word_messages.py).
        stream: Whether we take fs_stream messages (streams/messages.py).

    After a WireError the connection is dead: `closed` is True and all input is refused.
    """

    def __init__(
        self,
        *,
        info_hash: bytes,
        peer_id: bytes,
        reqq: int,
        client: str,
        metadata_size: int | None = None,
        spans: bool = False,
        lanes: bool = False,
        words: bool = False,
        stream: bool = False,
    ) -> None:
        self._handshake = Handshake(info_hash, peer_id)
        self._extensions = ExtensionState(
            reqq=reqq,
            client=client,
            metadata_size=metadata_size,
            spans=spans,
            lanes=lanes,
            words=words,
            stream=stream,
        )
        self._inbox = Inbox()
        self._outbox = Outbox()
        self._shape: TorrentShape | None = None
        self._opening = True
        self._chatter = 0

        self.closed = False
        self.handshake_done = False
        self.fast = False
        self.extended = False
        self.am_choking = True
        self.am_interested = False
        self.peer_id = b""
        self.peer_choking = True
        self.peer_interested = False
        self.peer_pieces = PeerPieces()

    @property
    def metadata_size(self) -> int | None:
        """Bytes of the info dictionary, where we have it.

        Set it once fetched, then announce it by another send_extended_handshake().
        """
        return self._extensions.metadata_size

    @metadata_size.setter
    def metadata_size(self, size: int) -> None:
        self._extensions.metadata_size = size

    @property
    def shape(self) -> TorrentShape | None:
        """The torrent's shape, once set."""
        return self._shape

    @property
    def chatter(self) -> int:
        """Cost of the peer's messages so far that transferred no data (message_cost.py)."""
        return self._chatter + self._inbox.keep_alives

    @property
    def queued_bytes(self) -> int:
        """Bytes waiting for data_to_send()."""
        return self._outbox.size

    @property
    def peer_takes_metadata(self) -> bool:
        """The peer takes ut_metadata messages, by its latest extended handshake."""
        return self._extensions.peer_takes_metadata

    @property
    def spans(self) -> bool:
        """Both sides may request spans (fs_span)."""
        return self._extensions.spans

    @property
    def peer_has_metadata(self) -> bool:
        """The peer serves metadata requests."""
        return self._extensions.peer_has_metadata

    @property
    def peer_metadata_size(self) -> int | None:
        """Bytes of the info dictionary, as the peer announced."""
        return self._extensions.peer_metadata_size

    @property
    def peer_reqq(self) -> int:
        """Requests that the peer queues."""
        return self._extensions.peer_reqq

    @property
    def peer_client(self) -> str:
        """The peer's name and version, sanitized; empty until received."""
        return self._extensions.peer_client

    @property
    def peer_takes_complaints(self) -> bool:
        """The peer takes reports of false pieces (fs_bad)."""
        return self.extended and self._extensions.peer_takes_complaints

    @property
    def peer_takes_lanes(self) -> bool:
        """Both sides may offer lanes (fs_lane)."""
        return self.fast and self._extensions.peer_takes_lanes

    @property
    def peer_takes_words(self) -> bool:
        """Both sides take words (fs_words)."""
        return self.extended and self._extensions.peer_takes_words

    @property
    def peer_takes_stream(self) -> bool:
        """Both sides take messages of a stream (fs_stream)."""
        return self.extended and self._extensions.peer_takes_stream

    # -- sending

    def open(self) -> None:
        """Queue our handshake; both sides send theirs at once."""
        self._outbox.put_handshake(self._handshake)

    def send(self, message: Message) -> None:
        """Queue a message and update our choke and interest state.

        Raises:
            RuntimeError: The peer's handshake has not arrived yet, or the message needs an
                extension that was not agreed on.
            ValueError: The message cannot be sent.
        """
        self._require(self.handshake_done, "no handshake yet")
        kind = type(message)
        self._require(self.fast or kind not in FAST, "the fast extension was not agreed on")
        self._outbox.put(message)
        if kind is Choke or kind is Unchoke:
            self.am_choking = kind is Choke
        elif kind is Interested or kind is NotInterested:
            self.am_interested = kind is Interested

    def send_pieces(self, bits: bytes) -> None:
        """Announce the pieces we have, as the first message after the handshakes.

        Args:
            bits: Our bitfield (BEP 3); b"" while the shape is not known.

        Raises:
            RuntimeError: The peer's handshake has not arrived yet.
        """
        count = int.from_bytes(bits, "big").bit_count()
        if self.fast and self._shape is not None and count == self._shape.piece_count:
            self.send(HaveAll())
        elif count:
            self.send(Bitfield(bits))
        elif self.fast:
            self.send(HaveNone())
        else:
            self._require(self.handshake_done, "no handshake yet")

    def send_extended_handshake(self) -> None:
        """Queue our extended handshake (BEP 10); again when `metadata_size` changed.

        Raises:
            RuntimeError: The peer does not support the extension protocol.
        """
        self._send_extended(self._extensions.handshake())

    def send_metadata_request(self, piece: int) -> None:
        """Request a piece of the info dictionary (BEP 9). Raises RuntimeError as below."""
        self._send_extended(self._extensions.metadata(MetadataRequest(piece)))

    def send_metadata(self, piece: int, total: int, data: bytes) -> None:
        """Serve a piece of an info dictionary of `total` bytes. Raises RuntimeError as below."""
        self._send_extended(self._extensions.metadata(MetadataData(piece, total, data)))

    def send_metadata_reject(self, piece: int) -> None:
        """Reject a MetadataRequest.

        Raises:
            RuntimeError: The peer does not take ut_metadata messages.
        """
        self._send_extended(self._extensions.metadata(MetadataReject(piece)))

    def send_span(self, message: SpanMessage) -> None:
        """Request whole pieces, or reject them; they are sent as bulk, beside this wire.

        Raises:
            RuntimeError: Not both sides support fs_span.
        """
        self._send_extended(self._extensions.span(message))

    def send_false(self, index: int) -> None:
        """Report a false piece to the peer that sent it. Raises RuntimeError: it takes none."""
        self._send_extended(self._extensions.false(FalsePiece(index)))

    def send_lane(self, message: LaneMessage) -> None:
        """Queue a message about a lane. Raises RuntimeError where lanes were not agreed on."""
        self._send_extended(self._extensions.lane(message))

    def send_words(self, chunk: WordChunk) -> None:
        """Queue a part of a word. Raises RuntimeError where words were not agreed on."""
        self._send_extended(self._extensions.words(chunk))

    def send_stream(self, message: StreamMessage) -> None:
        """Queue a message of a stream. Raises RuntimeError where streams were not agreed on."""
        self._send_extended(self._extensions.stream(message))

    def data_to_send(self) -> list[bytes]:
        """Dequeue everything, in order, in few chunks of at most 64 KiB."""
        return self._outbox.take()

    def _send_extended(self, message: Extended) -> None:
        self._require(self.extended, "the extension protocol was not agreed on")
        self.send(message)

    @staticmethod
    def _require(holds: bool, otherwise: str) -> None:
        if not holds:
            raise RuntimeError(otherwise)

    # -- receiving

    def set_shape(self, shape: TorrentShape) -> list[WireEvent]:
        """Set the torrent's shape, once; return the events that waited for it.

        Raises:
            WireError: What was announced before does not fit: `badBitfield`, `indexOutOfRange`.
            RuntimeError: The shape was set before.
        """
        self._require(self._shape is None, "the shape was set before")
        self._shape = shape
        try:
            self.peer_pieces.set_total(shape.piece_count)
        except WireError:
            self.closed = True
            raise
        has = self._on_pieces()
        return [has] if has else []

    def check_block(self, piece: Piece) -> None:
        """Check a block received over a lane as one received here.

        Raises:
            WireError: `unrequested`, `indexOutOfRange` or `blockOutOfRange`.
        """
        check_answer(piece.index, piece.begin, len(piece.block), self._shape)

    def receive_data(self, data: bytes) -> list[WireEvent]:
        """Take any number of bytes from the peer and return their events.

        Requests are returned whether or not we choke the peer and, before the shape is known,
        unchecked against it: serving or rejecting is the caller's.

        Raises:
            WireError: The peer broke the protocol; the connection is dead.
        """
        if self.closed:
            raise WireError(Reason.DEAD_CONNECTION)
        events: list[WireEvent] = []
        try:
            self._inbox.feed(data)
            if not self.handshake_done:
                handshake = self._inbox.handshake()
                if handshake is None:
                    return events
                events.append(self._on_handshake(handshake))
            for message in self._inbox.messages():
                event = self._on_message(message)
                if event is not None:
                    events.append(event)
        except WireError:
            self.closed = True
            raise
        return events

    def _on_handshake(self, theirs: Handshake) -> Handshook:
        ours = self._handshake
        if theirs.info_hash != ours.info_hash:
            raise WireError(Reason.WRONG_INFO_HASH)
        if theirs.peer_id == ours.peer_id:
            raise WireError(Reason.SELF_CONNECTION)
        self.handshake_done = True
        self.peer_id = theirs.peer_id
        self.fast = ours.fast and theirs.fast
        self.extended = ours.extended and theirs.extended
        return Handshook()

    def _on_message(self, message: Message) -> WireEvent | None:
        kind = type(message)
        self._chatter += weight(kind)
        if not self.fast and kind in FAST:
            raise WireError(Reason.FAST_NOT_NEGOTIATED, kind.__name__)
        if kind in ENDS_OPENING:
            if not self._opening and kind in OPENING:
                raise WireError(Reason.MISPLACED_BITFIELD, kind.__name__)
            self._opening = False
        handler = _HANDLERS.get(kind)
        return handler(self, message) if handler else None

    def _on_choking(self, message: Choke | Unchoke) -> WireEvent:
        self.peer_choking = isinstance(message, Choke)
        return message

    def _on_interest(self, message: Interested | NotInterested) -> WireEvent:
        self.peer_interested = isinstance(message, Interested)
        return message

    def _on_piece(self, message: Piece) -> WireEvent:
        check_answer(message.index, message.begin, len(message.block), self._shape)
        return message

    def _on_reject(self, message: RejectRequest) -> WireEvent:
        check_answer(message.index, message.begin, message.length, self._shape)
        return message

    def _on_request(self, message: Request | Cancel) -> WireEvent:
        check_request(message, self._shape)
        if self.am_choking and isinstance(message, Request):
            self._chatter += 1
        return message

    def _on_have(self, message: Have) -> PeerHas | None:
        news = self.peer_pieces.add(message.index)
        self._chatter += not news
        return PeerHas((message.index,)) if news and self._shape is not None else None

    def _on_bitfield(self, message: Bitfield) -> PeerHas | None:
        self.peer_pieces.set_bits(message.bits)
        return self._on_pieces()

    def _on_have_all(self, _message: HaveAll) -> PeerHas | None:
        self.peer_pieces.set_all()
        return self._on_pieces()

    def _on_pieces(self) -> PeerHas | None:
        pieces = self.peer_pieces
        if self._shape is None or not pieces.count:
            return None
        return PeerHas(pieces.indices(), all=pieces.is_seed)

    def _on_hint(self, message: SuggestPiece | AllowedFast) -> None:
        check_index(message.index, self._shape)

    def _on_extended(self, message: Extended) -> WireEvent | None:
        if not self.extended:
            raise WireError(Reason.EXTENSIONS_NOT_NEGOTIATED)
        event = self._extensions.receive(message, self._shape)
        if isinstance(event, ExtendedHandshook | LaneOffer):
            self._chatter += HANDSHAKE_WEIGHT
        elif isinstance(event, SpanRequest):
            self._chatter += self.am_choking
        elif not isinstance(event, MetadataData | MetadataReject | SpanReject | StreamBlock):
            self._chatter += 1
        return event


#: The handler of each message. The others (have-none, a DHT port, unknown ones) have no effect.
_HANDLERS: Final[dict[type[Message], Callable[[WireConnection, Any], WireEvent | None]]] = {
    Choke: WireConnection._on_choking,
    Unchoke: WireConnection._on_choking,
    Interested: WireConnection._on_interest,
    NotInterested: WireConnection._on_interest,
    Have: WireConnection._on_have,
    Bitfield: WireConnection._on_bitfield,
    HaveAll: WireConnection._on_have_all,
    Request: WireConnection._on_request,
    Cancel: WireConnection._on_request,
    Piece: WireConnection._on_piece,
    RejectRequest: WireConnection._on_reject,
    SuggestPiece: WireConnection._on_hint,
    AllowedFast: WireConnection._on_hint,
    Extended: WireConnection._on_extended,
}
