"""The relayed road's offer and answer: a pipe's name, and a certificate.

Short texts inside a sealed description (docs/protocol.md). A partner's text is untrusted until it
is validated here.
"""

from __future__ import annotations

import base64
from typing import Final, NamedTuple

import msgspec

from filesend_tui.core.transports.tls.identity import MAX_CERTIFICATE
from relay.protocol.transit import PIPE

#: Longest text, in characters.
MAX_TEXT: Final = 2048


class BadRelayedOffer(ValueError):
    """A text that is not an offer of a pipe."""


class RelayedOffer(NamedTuple):
    """One side's half. pipe: PIPE random bytes of the offering side's. certificate: DER."""

    pipe: bytes
    certificate: bytes

    def encode(self) -> str:
        """Return it as text."""
        wire = _Wire(p=_text(self.pipe), c=_text(self.certificate))
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
        except (msgspec.DecodeError, ValueError) as error:
            raise BadRelayedOffer("it makes no sense") from error
        if len(pipe) != PIPE or not 0 < len(certificate) <= MAX_CERTIFICATE:
            raise BadRelayedOffer("it makes no sense")
        return cls(pipe, certificate)


class _Wire(msgspec.Struct, frozen=True):
    """The JSON: p, the pipe; c, a certificate (both base64)."""

    p: str
    c: str


_decoder: Final = msgspec.json.Decoder(_Wire)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
