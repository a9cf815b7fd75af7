"""The extension protocol of one connection: what each end supports (BEP 10, BEP 9).

Extended messages to values and back, under the ids both sides chose. Whether the peer supports the
extension protocol at all, and the queue of messages, are connection.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.events import ExtendedHandshook
from filesend_tui.core.wire.extensions import (
    FS_BAD_ID,
    FS_SPAN_ID,
    HANDSHAKE_ID,
    UT_METADATA_ID,
    ExtendedHandshake,
    FalsePiece,
    MetadataMessage,
    MetadataRequest,
    SpanMessage,
    decode_false,
    decode_handshake,
    decode_metadata,
    decode_span,
    encode_false,
    encode_handshake,
    encode_metadata,
    encode_span,
)
from filesend_tui.core.wire.lane_messages import (
    LANE_ID,
    LaneMessage,
    decode_lane,
    encode_lane,
)
from filesend_tui.core.wire.messages import Extended
from filesend_tui.core.wire.shape import TorrentShape
from filesend_tui.core.wire.streams.messages import (
    STREAM_ID,
    StreamMessage,
    decode_stream,
    encode_stream,
)
from filesend_tui.core.wire.word_messages import (
    WORDS_ID,
    WordChunk,
    decode_chunk,
    encode_chunk,
)

#: Requests a peer is assumed to queue until it sends `reqq` (BEP 10 names 250 as usual).
DEFAULT_REQQ: Final = 250


#: What an extended message may mean.
Heard: TypeAlias = (
    ExtendedHandshook
    | MetadataMessage
    | SpanMessage
    | FalsePiece
    | LaneMessage
    | WordChunk
    | StreamMessage
)


class ExtensionState:
    """What both ends of a connection sent each other in extended handshakes.

    Args:
        reqq: Requests we queue for the peer.
        client: Our name and version.
        metadata_size: Bytes of the info dictionary, where we have it.
        spans: Whether the channel below this wire moves bulk; fs_span is supported only then.
        lanes: Whether we take fs_lane messages.
        words: Whether we take fs_words messages.
        stream: Whether we take fs_stream messages.
    """

    def __init__(
        self,
        *,
        reqq: int,
        client: str,
        metadata_size: int | None,
        spans: bool = False,
        lanes: bool = False,
        words: bool = False,
        stream: bool = False,
    ) -> None:
        self._reqq = reqq
        self._client = client
        self._spans = spans
        self._peer_ut_metadata = 0
        self._peer_fs_span = 0
        self._peer_fs_bad = 0
        #: What we take by ids of ours, and the ids under which the peer takes the same; 0: not.
        self._agreed: dict[
            int, Callable[[bytes], LaneMessage | WordChunk | StreamMessage | None]
        ] = {}
        if lanes:
            self._agreed[LANE_ID] = decode_lane
        if words:
            self._agreed[WORDS_ID] = decode_chunk
        if stream:
            self._agreed[STREAM_ID] = decode_stream
        self._peer_ids: dict[int, int] = {}
        self.metadata_size = metadata_size
        self.peer_reqq = DEFAULT_REQQ
        self.peer_client = ""
        self.peer_metadata_size: int | None = None

    @property
    def peer_takes_metadata(self) -> bool:
        """The peer takes ut_metadata messages."""
        return bool(self._peer_ut_metadata)

    @property
    def peer_has_metadata(self) -> bool:
        """The peer takes ut_metadata messages and announced the metadata's size."""
        return bool(self._peer_ut_metadata and self.peer_metadata_size)

    @property
    def spans(self) -> bool:
        """Both sides support fs_span."""
        return self._spans and bool(self._peer_fs_span)

    @property
    def peer_takes_complaints(self) -> bool:
        """The peer takes fs_bad messages."""
        return bool(self._peer_fs_bad)

    @property
    def peer_takes_lanes(self) -> bool:
        """Both sides support fs_lane."""
        return self._both_take(LANE_ID)

    @property
    def peer_takes_words(self) -> bool:
        """Both sides support fs_words."""
        return self._both_take(WORDS_ID)

    @property
    def peer_takes_stream(self) -> bool:
        """Both sides support fs_stream."""
        return self._both_take(STREAM_ID)

    def handshake(self) -> Extended:
        """Return our extended handshake."""
        said = ExtendedHandshake(
            ut_metadata=UT_METADATA_ID,
            fs_span=FS_SPAN_ID if self._spans else None,
            fs_bad=FS_BAD_ID,
            metadata_size=self.metadata_size,
            reqq=self._reqq,
            client=self._client,
            lane=LANE_ID if LANE_ID in self._agreed else None,
            words=WORDS_ID if WORDS_ID in self._agreed else None,
            stream=STREAM_ID if STREAM_ID in self._agreed else None,
        )
        return Extended(HANDSHAKE_ID, encode_handshake(said))

    def metadata(self, message: MetadataMessage) -> Extended:
        """Return a ut_metadata message under the id that the peer chose.

        Raises:
            RuntimeError: The peer takes none.
        """
        if not self._peer_ut_metadata:
            raise RuntimeError("the peer takes no ut_metadata messages")
        return Extended(self._peer_ut_metadata, encode_metadata(message))

    def span(self, message: SpanMessage) -> Extended:
        """Return an fs_span message under the id that the peer chose.

        Raises:
            RuntimeError: Not both sides support it.
        """
        if not self.spans:
            raise RuntimeError("the peer takes no fs_span messages")
        return Extended(self._peer_fs_span, encode_span(message))

    def false(self, message: FalsePiece) -> Extended:
        """Return an fs_bad message under the id that the peer chose.

        Raises:
            RuntimeError: The peer takes none.
        """
        if not self._peer_fs_bad:
            raise RuntimeError("the peer takes no fs_bad messages")
        return Extended(self._peer_fs_bad, encode_false(message))

    def lane(self, message: LaneMessage) -> Extended:
        """Return an fs_lane message under the id that the peer chose.

        Raises:
            RuntimeError: Not both sides support it.
        """
        if not self.peer_takes_lanes:
            raise RuntimeError("the peer takes no fs_lane messages")
        return Extended(self._peer_ids[LANE_ID], encode_lane(message))

    def words(self, chunk: WordChunk) -> Extended:
        """Return an fs_words message under the id that the peer chose.

        Raises:
            RuntimeError: Not both sides support it.
        """
        if not self.peer_takes_words:
            raise RuntimeError("the peer takes no fs_words messages")
        return Extended(self._peer_ids[WORDS_ID], encode_chunk(chunk))

    def stream(self, message: StreamMessage) -> Extended:
        """Return an fs_stream message under the id that the peer chose.

        Raises:
            RuntimeError: Not both sides support it.
        """
        if not self.peer_takes_stream:
            raise RuntimeError("the peer takes no fs_stream messages")
        return Extended(self._peer_ids[STREAM_ID], encode_stream(message))

    def receive(self, message: Extended, shape: TorrentShape | None = None) -> Heard | None:
        """Process an extended message; return None for one without an event.

        Raises:
            WireError: `badExtension`, or what decode_span and decode_false raise.
        """
        if message.ext_id == HANDSHAKE_ID:
            return self._on_handshake(decode_handshake(message.payload))
        if message.ext_id == FS_SPAN_ID and self._spans:
            if not self._peer_fs_span:
                raise WireError(Reason.BAD_EXTENSION, "span that cannot be answered")
            return decode_span(message.payload, shape)
        if message.ext_id == FS_BAD_ID:
            return decode_false(message.payload, shape)
        if decode := self._agreed.get(message.ext_id):
            return decode(message.payload)
        if message.ext_id != UT_METADATA_ID:
            return None  # an extension that we never announced
        said = decode_metadata(message.payload, self.metadata_size or self.peer_metadata_size)
        if isinstance(said, MetadataRequest) and not self._peer_ut_metadata:
            raise WireError(Reason.BAD_EXTENSION, "metadata request that cannot be answered")
        return said

    def _on_handshake(self, said: ExtendedHandshake) -> ExtendedHandshook:
        # Fields that a later handshake omits stay as they were (BEP 10).
        if said.ut_metadata is not None:
            self._peer_ut_metadata = said.ut_metadata
        if said.fs_span is not None:
            self._peer_fs_span = said.fs_span
        if said.fs_bad is not None:
            self._peer_fs_bad = said.fs_bad
        if said.metadata_size is not None:
            self.peer_metadata_size = said.metadata_size
        if said.reqq is not None:
            self.peer_reqq = said.reqq
        if said.client is not None:
            self.peer_client = said.client
        for ours, theirs in (
            (LANE_ID, said.lane),
            (WORDS_ID, said.words),
            (STREAM_ID, said.stream),
        ):
            if theirs is not None:
                self._peer_ids[ours] = theirs
        return ExtendedHandshook()

    def _both_take(self, ours: int) -> bool:
        return ours in self._agreed and bool(self._peer_ids.get(ours))
