"""Key agreements: one message each way and the secret that both sides have then, or have not.

Two kinds behind one interface, which pairing.py drives: from a code that can be guessed (SPAKE2),
and from 32 random bytes that both hold (X25519 and HKDF). Neither proves anything by itself: with
another code, or another secret, each side ends with a key of its own. Proving, nonces and words to
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

#: Sets these keys apart from any other use of the same words or the same secret.
APP_ID: Final = b"filesend/pairing/2"
#: What both kinds send: a byte that says whose and of which kind it is, and 32 bytes.
MESSAGE_LENGTH: Final = 33

#: What introduces two people to each other.
Introduction: TypeAlias = Code | Secret
#: Returns so many random bytes; the system's, but for vectors that must come out the same.
Random: TypeAlias = Callable[[int], bytes]


class Side(StrEnum):
    """Who is who, where the two sides must differ: who was there first, and who came to them.

    With a code the maker made it and the joiner typed it.
    """

    MAKER = "maker"
    JOINER = "joiner"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.JOINER if self is Side.MAKER else Side.MAKER


class BadMessage(ValueError):
    """What the other side sent is no message of this kind, is this side's own, or gives no key."""


class KeyAgreement(Protocol):
    """One side of one agreement.

    guessable: whether somebody may hit on what introduces the two by trying: then a side that goes
        silent when it has seen a proof may have guessed.
    retry: what to do when the pairing broke. renew: what to do when somebody may be in between.
    """

    guessable: bool
    retry: str
    renew: str

    @property
    def context(self) -> bytes:
        """What is public about it before anything is said; each kind has a length of its own."""

    def start(self) -> bytes:
        """Return this side's message, MESSAGE_LENGTH bytes. Once."""

    def finish(self, message: bytes) -> bytes:
        """Return 32 secret bytes, from the other side's message. Once, after `start`.

        Raises:
            BadMessage: It is not one that the other side can have made.
        """

    def unproven(self) -> PairingFailed:
        """Return what this side is told when the other does not prove that it has the same key."""


def agreement(introduction: Introduction, side: Side, random: Random) -> KeyAgreement:
    """Return this side of an agreement of the kind that the introduction asks for."""
    if isinstance(introduction, Code):
        return SpakeAgreement(introduction, side, random)
    return SecretAgreement(introduction, side, random)


class SpakeAgreement:
    """From a code: SPAKE2 (Abdalla and Pointcheval 2005) over Ed25519.

    The messages are python-spake2's, close to RFC 9382: `A` from the maker or `B` from the joiner,
    and a compressed point. The whole code is the password. Whoever runs it once has one guess.
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
            # The library has no one error for bad points: ValueError, AssertionError and its own.
            raise BadMessage("not a point of the other side") from error
        return key

    def unproven(self) -> WrongCode:
        """Return what this side is told: a typo and a guess look alike, and it was the one try."""
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
    """From 32 bytes that both hold: X25519 (RFC 7748), mixed with them by HKDF-SHA256 (RFC 5869).

    A message is `M` from the maker or `J` from the joiner, and a public key that is made for this
    one agreement. So who learns the secret later reads nothing of what was said before, and who
    breaks the curve still lacks the secret. Like Noise's `NNpsk0` in what goes into the key.
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
        """Return what this side is told: only who made the place up can be there without it."""
        return WrongSecret(
            "Whoever answered does not hold the secret that you share: the relay let somebody "
            "else in, or is in between."
        )


# None of SPAKE2's (A, B and S), so that a message of one kind is none of the other.
_MARKS: Final = {Side.MAKER: b"M", Side.JOINER: b"J"}
