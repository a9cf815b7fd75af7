"""The extension protocol of one connection: what each end said that it can do (BEP 10, BEP 9).

Extended messages to values and back, under the ids both sides chose. Whether the peer speaks the
extension protocol at all, and the queue of messages, are connection.py's.
"""

from __future__ import annotations

from typing import Final

from filesend_tui.core.wire.errors import Reason, WireError
from filesend_tui.core.wire.events import ExtendedHandshook
from filesend_tui.core.wire.extensions import (
    HANDSHAKE_ID,
    UT_METADATA_ID,
    ExtendedHandshake,
    MetadataMessage,
    MetadataRequest,
    decode_handshake,
    decode_metadata,
    encode_handshake,
    encode_metadata,
)
from filesend_tui.core.wire.messages import Extended

#: Requests a peer is taken to queue until it says otherwise.
DEFAULT_REQQ: Final = 250


class ExtensionState:
    """What both ends of a connection told each other in extended handshakes.

    Args:
        reqq: Requests we queue for the peer.
        client: Our name and version.
        metadata_size: Bytes of the info dictionary, where we have it.
    """

    def __init__(self, *, reqq: int, client: str, metadata_size: int | None) -> None:
        self._reqq = reqq
        self._client = client
        self._peer_ut_metadata = 0
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
        """The peer takes ut_metadata messages and said how large the metadata is."""
        return bool(self._peer_ut_metadata and self.peer_metadata_size)

    def handshake(self) -> Extended:
        """Return our extended handshake."""
        said = ExtendedHandshake(
            ut_metadata=UT_METADATA_ID,
            metadata_size=self.metadata_size,
            reqq=self._reqq,
            client=self._client,
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

    def receive(self, message: Extended) -> ExtendedHandshook | MetadataMessage | None:
        """Take in an extended message; None: one that leads to nothing.

        Raises:
            WireError: `badExtension`.
        """
        if message.ext_id == HANDSHAKE_ID:
            return self._on_handshake(decode_handshake(message.payload))
        if message.ext_id != UT_METADATA_ID:
            return None  # an extension that we never said we speak
        said = decode_metadata(message.payload, self.metadata_size or self.peer_metadata_size)
        if isinstance(said, MetadataRequest) and not self._peer_ut_metadata:
            raise WireError(Reason.BAD_EXTENSION, "metadata request that cannot be answered")
        return said

    def _on_handshake(self, said: ExtendedHandshake) -> ExtendedHandshook:
        # What a later handshake leaves out stays as it was (BEP 10).
        if said.ut_metadata is not None:
            self._peer_ut_metadata = said.ut_metadata
        if said.metadata_size is not None:
            self.peer_metadata_size = said.metadata_size
        if said.reqq is not None:
            self.peer_reqq = said.reqq
        if said.client is not None:
            self.peer_client = said.client
        return ExtendedHandshook(
            self.peer_has_metadata, self.peer_metadata_size, self.peer_reqq, self.peer_client
        )
