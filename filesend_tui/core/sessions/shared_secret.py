"""A secret that two people hold already, and the place at a relay where its holders meet.

Key agreement with it is key_agreement.py's; the origin and storage of a secret never live here.
Unlike a code's words it cannot be guessed, so it survives a failed attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Bytes of a secret, which are random, and of a place.
SECRET_LENGTH: Final = 32
PLACE_LENGTH: Final = 32

# A label of its own: nothing else is ever derived under it.
_PLACE: Final = b"filesend/place/1"


@dataclass(frozen=True, repr=False)
class Secret:
    """What two people share.

    Args:
        value: 32 random bytes.

    Raises:
        ValueError: It has another length.
    """

    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != SECRET_LENGTH:
            raise ValueError(f"a secret has {SECRET_LENGTH} bytes")

    def __repr__(self) -> str:
        return "Secret()"


def place_of(secret: Secret) -> bytes:
    """Return the 32 bytes sent to a relay, by which it matches the two holders of the secret.

    HKDF-SHA256 (RFC 5869) under its own label: a relay learns nothing of the secret from it, but
    recognizes the same two when they return to the same place.
    """
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), PLACE_LENGTH, salt=None, info=_PLACE).derive(secret.value)
