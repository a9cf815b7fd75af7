"""Encoding of a swarm's offers and answers for a tracker: plain, or sealed under the swarm key.

A tracker never has that key. Values in, values out; sending them is the announcer's.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from filesend_tui.core.transports.registry import OPEN

#: What a tracker forwards: `{"type": "offer" | "answer", "sdp": text}`.
Description = dict[str, str]
#: Its content: the text of each transport by which its sender can be reached, by name.
Texts = dict[str, str]

#: Bytes of a swarm key, and of the ids a tracker sees.
SWARM_KEY_LENGTH: Final = 32
_ID_LENGTH: Final = 20
#: Most texts in a sealed description, and the longest name of a transport.
MAX_TEXTS: Final = 8
MAX_NAME: Final = 32
#: A sealed description is a multiple of this many bytes, so that its length reveals next to nothing
#: about the number of addresses in it; base64 makes 4 characters of every 3.
_BUCKET: Final = 2048
#: Most buckets: 32 KiB of base64, the longest sdp that our own tracker forwards.
_MAX_BUCKETS: Final = 12
_MAX_TEXT: Final = -(-_MAX_BUCKETS * _BUCKET // 3) * 4
_NONCE: Final = 12
_TAG: Final = 16

Kind = Literal["offer", "answer"]


class BadSignal(ValueError):
    """A description that was not made by a member of this swarm, or not for this use of it."""


@dataclass(frozen=True, slots=True)
class Use:
    """The purpose of a description: ids of 20 bytes, as in the tracker's frames.

    offer_id: the offer that this is, or that it answers. offerer: the peer that made the offer.
    answerer: the peer that made the answer; empty in an offer, whose receiver is not known yet.
    """

    offer_id: bytes
    offerer: bytes
    answerer: bytes = b""

    @property
    def kind(self) -> Kind:
        """Whether it is for an offer or an answer."""
        return "answer" if self.answerer else "offer"


class Signaling(Protocol):
    """An encoding of what the tracker sees of a swarm."""

    @property
    def private(self) -> bool:
        """Whether only members can read and make descriptions."""

    @property
    def rendezvous(self) -> bytes:
        """The 20 bytes by which the tracker knows the swarm."""

    def seal(self, texts: Texts, use: Use) -> Description:
        """Return what the tracker may see, in the form that any tracker forwards.

        Raises:
            BadSignal: The texts are too long to be sealed.
        """

    def open(self, description: Description, use: Use) -> Texts:
        """Return the texts that were sealed for this use; also those of unknown transports.

        Raises:
            BadSignal: No member of this swarm sealed it, or for another use.
        """


class PlainSignaling:
    """Signaling of an open swarm: identified by its infohash, SDPs as they are (WebTorrent)."""

    private = False

    def __init__(self, info_hash: bytes) -> None:
        self._info_hash = info_hash

    @property
    def rendezvous(self) -> bytes:
        """The infohash itself."""
        return self._info_hash

    def seal(self, texts: Texts, use: Use) -> Description:
        """Return the one text that WebTorrent supports."""
        return {"type": use.kind, "sdp": texts[OPEN]}

    def open(self, description: Description, use: Use) -> Texts:
        """Return the one text that WebTorrent supports; none if it is of the other kind."""
        if description.get("type") != use.kind or "sdp" not in description:
            return {}
        return {OPEN: description["sdp"]}


#: What is sealed, as JSON. The longest sealed text bounds the texts' total length.
_Content = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=MAX_NAME)], str], Meta(max_length=MAX_TEXTS)
]


class SealedSignaling:
    """Signaling of a private swarm: its id, offers and answers are opaque without the swarm key.

    HKDF (RFC 5869, SHA-256) derives from the key and the infohash the rendezvous id and one
    ChaCha20-Poly1305 key (RFC 8439) for offers and one for answers. The associated data of each
    names the swarm, the offer and the peers: so a tracker can neither read, forge nor alter one,
    nor forward it under another id, nor return it as the other kind.

    Args:
        info_hash: 20 bytes.
        swarm_key: 32 random bytes that only the swarm's members know.
    """

    private = True

    def __init__(self, info_hash: bytes, swarm_key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        if len(swarm_key) != SWARM_KEY_LENGTH:
            raise ValueError(f"a swarm key has {SWARM_KEY_LENGTH} bytes")

        def derived(label: str, length: int) -> bytes:
            info = b"filesend/1 " + label.encode()
            return HKDF(SHA256(), length, salt=info_hash, info=info).derive(swarm_key)

        self._rendezvous = derived("rendezvous", _ID_LENGTH)
        self._seals = {
            "offer": ChaCha20Poly1305(derived("offer", 32)),
            "answer": ChaCha20Poly1305(derived("answer", 32)),
        }

    @property
    def rendezvous(self) -> bytes:
        """An id that reveals nothing of the infohash and that only members can derive."""
        return self._rendezvous

    def seal(self, texts: Texts, use: Use) -> Description:
        """Return a description with sealed text for its sdp; raises BadSignal if it is too long."""
        content = msgspec.json.encode(texts)
        buckets = -(-(len(content) + _NONCE + _TAG) // _BUCKET)
        if buckets > _MAX_BUCKETS or len(texts) > MAX_TEXTS:
            raise BadSignal("too long")
        # JSON may end in spaces.
        padded = content.ljust(buckets * _BUCKET - _NONCE - _TAG)
        # A key seals some thousands at most: too few for random nonces to collide.
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._seals[use.kind].encrypt(nonce, padded, self._bound(use))
        return {"type": use.kind, "sdp": base64.b64encode(nonce + sealed).decode()}

    def open(self, description: Description, use: Use) -> Texts:
        """Return the texts that were sealed for this use; raises BadSignal."""
        from cryptography.exceptions import InvalidTag

        text = description.get("sdp", "")
        if description.get("type") != use.kind or len(text) > _MAX_TEXT:
            raise BadSignal(f"no sealed {use.kind}")
        try:
            sealed = base64.b64decode(text, validate=True)
            if len(sealed) < _NONCE + _TAG:
                raise BadSignal("too short")
            opened = self._seals[use.kind].decrypt(
                sealed[:_NONCE], sealed[_NONCE:], self._bound(use)
            )
            content = msgspec.json.decode(opened, type=_Content)
            # Two programs may take different texts of a duplicate name.
            names = len(json.loads(opened, object_pairs_hook=list))
        except (binascii.Error, ValueError, InvalidTag):
            # No part of it in the message, nor in a chain of exceptions.
            raise BadSignal(f"no member of this swarm sealed this {use.kind} for us") from None
        if names != len(content):
            raise BadSignal(f"a name stands twice in this {use.kind}")
        return content

    def _bound(self, use: Use) -> bytes:
        """Return the associated data: ids of fixed length, so that it is unambiguous."""
        ids = (self._rendezvous, use.offer_id, use.offerer)
        parts = (*ids, use.answerer) if use.answerer else ids
        if any(len(part) != _ID_LENGTH for part in parts):
            raise BadSignal(f"an id is not {_ID_LENGTH} bytes")
        return b"".join(parts)
