"""Key agreements: one message each way, then a key on each side, equal or not.

Two kinds behind one interface, which pairing.py drives: from a code that can be guessed (SPAKE2),
and from 32 random bytes that both hold (X25519 and HKDF). Neither proves anything by itself: with
different codes or secrets, the two sides end with different keys. Proofs, nonces and words to
compare are pairing.py's; no relay, clock or thread ever lives here.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from filesend_tui.core.errors import PairingFailed, WrongCode, WrongSecret
from filesend_tui.core.sessions.code import Code
from filesend_tui.core.sessions.shared_secret import Secret, place_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

#: Separates these keys from any other use of the same words or the same secret.
APP_ID: Final = b"filesend/pairing/2"
#: Bytes of a message of either kind: one for the kind and its side, and 32.
MESSAGE_LENGTH: Final = 33

#: What introduces two people to each other.
Introduction: TypeAlias = Code | Secret
#: Returns so many random bytes: the system's, or fixed ones for test vectors.
Random: TypeAlias = Callable[[int], bytes]


class Side(StrEnum):
    """The roles of the two sides: the maker was there first, the joiner came second.

    With a code the maker made it and the joiner typed it.
    """

    MAKER = "maker"
    JOINER = "joiner"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.JOINER if self is Side.MAKER else Side.MAKER


class BadMessage(ValueError):
    """The message received is not of this kind, is this side's own, or yields no key."""


class KeyAgreement(Protocol):
    """One side of one agreement.

    guessable: whether the introduction can be guessed: then a side that stops answering once it has
        seen a proof may have tested a guess.
    retry: what to do when the pairing failed. renew: what to do when somebody may be in between.
    """

    guessable: bool
    retry: str
    renew: str

    @property
    def context(self) -> bytes:
        """The public context, known before any message; each kind has a length of its own."""

    def start(self) -> bytes:
        """Return this side's message, MESSAGE_LENGTH bytes. Once."""

    def finish(self, message: bytes) -> bytes:
        """Return 32 secret bytes, from the other side's message. Once, after `start`.

        Raises:
            BadMessage: The other side cannot have made it.
        """

    def unproven(self) -> PairingFailed:
        """Return the error for an other side that does not prove that it has the same key."""


def agreement(introduction: Introduction, side: Side, random: Random) -> KeyAgreement:
    """Return this side of an agreement of the kind that the introduction asks for."""
    if isinstance(introduction, Code):
        return SpakeAgreement(introduction, side, random)
    return SecretAgreement(introduction, side, random)


class SpakeAgreement:
    """An agreement from a code: SPAKE2 (Abdalla and Pointcheval 2005) over Ed25519.

    The messages are python-spake2's, close to RFC 9382: `A` from the maker or `B` from the joiner,
    and a compressed point. The whole code is the password. Each run allows one guess.
    """

    guessable = True
    retry = ""  # the error's own: a new code
    renew = "Make a new code, and tell it in another way than the last."

    def __init__(self, code: Code, side: Side, random: Random) -> None:
        self._code = code
        self._side = side
        self._random = random
        self._spake: Any = None

    @property
    def context(self) -> bytes:
        """The nameplate, as a relay knows it."""
        return APP_ID + self._code.nameplate.to_bytes(4)

    def start(self) -> bytes:
        """Return this side's message."""
        from spake2 import SPAKE2_A, SPAKE2_B

        kind = SPAKE2_A if self._side is Side.MAKER else SPAKE2_B
        self._spake = kind(
            self._code.text.encode(),
            idA=APP_ID + b"/maker",
            idB=APP_ID + b"/joiner",
            entropy_f=self._random,
        )
        message: bytes = self._spake.start()
        return message

    def finish(self, message: bytes) -> bytes:
        """Return the key of 32 bytes; raises BadMessage."""
        if len(message) != MESSAGE_LENGTH:
            raise BadMessage("not the length of a message")
        try:
            # A reflected message fails here: by its first byte, or as this side's own point.
            key: bytes = self._spake.finish(message)
        except Exception as error:
            # The library raises several errors for bad points: ValueError, AssertionError, its own.
            raise BadMessage("not a point of the other side") from error
        return key

    def unproven(self) -> WrongCode:
        """Return WrongCode: a typo and a guess look alike, and a code allows one attempt."""
        if self._side is Side.MAKER:
            return WrongCode(
                "Somebody tried your code with other words: a typo, or somebody is guessing.",
                "The code is used up. Make a new one, and tell it to nobody but the other person.",
            )
        return WrongCode(
            "The words did not match: a typo, or somebody in between is guessing them.",
            "The code is used up. Ask for a new one, and check each word.",
        )


class SecretAgreement:
    """An agreement from 32 bytes that both hold: X25519 (RFC 7748) and HKDF-SHA256 (RFC 5869).

    A message is `M` from the maker or `J` from the joiner, and an ephemeral public key. HKDF mixes
    the X25519 result with the secret: a secret that leaks later decrypts no earlier session
    (forward secrecy), and breaking the curve alone yields no key. Like Noise's `NNpsk0` in what
    goes into the key.
    """

    guessable = False
    retry = "Try again: the secret that you share is as good as before."
    renew = "Somebody else may hold the secret that you share. Pair by a code, and make a new one."

    def __init__(self, secret: Secret, side: Side, random: Random) -> None:
        self._secret = secret
        self._side = side
        self._random = random
        self._own: X25519PrivateKey | None = None
        self._said = b""

    @property
    def context(self) -> bytes:
        """The place, as a relay knows it."""
        return APP_ID + b"/secret" + place_of(self._secret)

    def start(self) -> bytes:
        """Return this side's message."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._own = X25519PrivateKey.from_private_bytes(self._random(32))
        self._said = _MARKS[self._side] + self._own.public_key().public_bytes_raw()
        return self._said

    def finish(self, message: bytes) -> bytes:
        """Return the key of 32 bytes; raises BadMessage."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        own, self._own = self._own, None
        if own is None:
            raise RuntimeError("not started, or finished already")
        mark, public = message[:1], message[1:]
        if len(message) != MESSAGE_LENGTH or mark != _MARKS[self._side.other]:
            raise BadMessage("not a message of the other side")
        if hmac.compare_digest(public, self._said[1:]):
            raise BadMessage("this side's own key came back")
        try:
            # The library refuses a point of small order, with which the result is all zeros
            # whatever this side's key is (RFC 7748, section 6.1).
            agreed = own.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as error:
            raise BadMessage("a key of small order") from error
        hkdf = HKDF(SHA256(), 32, salt=self._secret.value, info=APP_ID + b"/secret")
        return hkdf.derive(agreed)

    def unproven(self) -> WrongSecret:
        """Return WrongSecret: without the secret, only the relay can put anybody at its place."""
        return WrongSecret(
            "Whoever answered does not hold the secret that you share: the relay let somebody "
            "else in, or is in between."
        )


# None of SPAKE2's (A, B and S), so that a message of one kind is none of the other.
_MARKS: Final = {Side.MAKER: b"M", Side.JOINER: b"J"}
