"""The relayed road's offer and answer: a pipe's name, and what protects the bytes in it.

Short texts inside a sealed description (docs/protocol.md). A partner's text is untrusted until it
is validated here.
"""

from __future__ import annotations

import base64
from typing import Final, NamedTuple

import msgspec

from filesend_tui.core.transports.relayed.records import KEY
from filesend_tui.core.transports.tls.identity import MAX_CERTIFICATE
from relay.protocol.transit import PIPE

#: Longest text, in characters.
MAX_TEXT: Final = 2048


class BadRelayedOffer(ValueError):
    """A text that is not an offer of a pipe."""


class RelayedOffer(NamedTuple):
    """One side's half. pipe: PIPE random bytes of the offering side's.

    certificate: DER, for TLS; empty from who speaks none, as a browser. key: public, X25519, for
    sealed records; empty from an earlier version. One of the two is there.
    """

    pipe: bytes
    certificate: bytes = b""
    key: bytes = b""

    def encode(self) -> str:
        """Return it as text."""
        wire = _Wire(p=_text(self.pipe), c=_text(self.certificate), k=_text(self.key))
        return msgspec.json.encode(wire).decode()

    @classmethod
    def decode(cls, text: str) -> RelayedOffer:
        """Parse a partner's text.

        Raises:
            BadRelayedOffer: It is something else, or too long.
        """
        if len(text) > MAX_TEXT:
            raise BadRelayedOffer("it is too long")
        try:
            wire = _decoder.decode(text)
            pipe = base64.b64decode(wire.p, validate=True)
            certificate = base64.b64decode(wire.c, validate=True)
            key = base64.b64decode(wire.k, validate=True)
        except (msgspec.DecodeError, ValueError) as error:
            raise BadRelayedOffer("it makes no sense") from error
        usable = len(certificate) <= MAX_CERTIFICATE and len(key) in (0, KEY)
        if len(pipe) != PIPE or not usable or not (certificate or key):
            raise BadRelayedOffer("it makes no sense")
        return cls(pipe, certificate, key)


class _Wire(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON: p, the pipe; c, a certificate; k, a public key (all base64)."""

    p: str
    c: str = ""
    k: str = ""


_decoder: Final = msgspec.json.Decoder(_Wire)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
