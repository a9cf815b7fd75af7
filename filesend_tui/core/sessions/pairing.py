"""Pairing: two people who know the same code, or hold the same secret, get one strong key or none.

A key agreement of either kind (key_agreement.py), then key confirmation both ways as in RFC 9382
section 4, then random nonces that each side commits to before it sees the other's. The words to
compare come from the key and both nonces, so that an attacker in between, with the right code and a
key with each side, has one try at equal words and cannot search for them: a short authentication
string with a hash commitment, as in ZRTP (RFC 6189, section 4.4.1.1) and in Matrix (`m.sas.v1`).
Sans-IO: words in, words out. No relay, no clock and no thread ever lives here, nor what differs
between the kinds of key agreement; `start` and `receive` are plain computations of some
milliseconds, which the caller moves off the event loop.

    unstarted ──start──▶ waitingPake ──pake──▶ waitingConfirm ──confirm──▶ waitingCommit
                                                                                 │ commit
    failed ◀──anything else, or a wrong one, anywhere        paired ◀──reveal── waitingReveal
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from filesend_tui.core.errors import PairingFailed
from filesend_tui.core.sessions.code import word_list
from filesend_tui.core.sessions.key_agreement import (
    APP_ID,
    BadMessage,
    Introduction,
    Random,
    Side,
    agreement,
)
from relay.protocol.words import Commit, Confirm, Pake, Reveal, Word

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hmac import HMAC

#: Words to compare: an attacker in between has one chance in 1,295 ** 3, or 2 ** 31.0, that they
#: are the same on both sides.
VERIFICATION_WORDS: Final = 3
_NONCE_BYTES: Final = 32


class PairingState(StrEnum):
    """The states of one side."""

    UNSTARTED = "unstarted"
    WAITING_PAKE = "waitingPake"
    WAITING_CONFIRM = "waitingConfirm"
    WAITING_COMMIT = "waitingCommit"
    WAITING_REVEAL = "waitingReveal"
    PAIRED = "paired"
    FAILED = "failed"


@dataclass(frozen=True, repr=False)
class SharedKey:
    """What both sides hold after pairing.

    key: 32 bytes. transcript: SHA-256 of the agreement's context and messages, which identifies
    the session. verification: words to compare aloud.
    """

    key: bytes
    transcript: bytes
    verification: str

    def __repr__(self) -> str:
        return "SharedKey()"  # its parts are secrets


class Pairing:
    """One side of one pairing attempt. A failed attempt is final: it burns the code.

    Args:
        introduction: What this side believes the code is, or the secret that both hold.
        side: Whether this side was there first (it made the code) or came second.
        random: Returns so many random bytes.
    """

    def __init__(
        self, introduction: Introduction, side: Side, random: Random = secrets.token_bytes
    ) -> None:
        self.state = PairingState.UNSTARTED
        self._side = side
        self._agreement = agreement(introduction, side, random)
        self._said: dict[Side, bytes] = {}
        self._secret = b""
        self._nonces = {side: random(_NONCE_BYTES)}
        self._commitment = b""

    @property
    def is_exposed(self) -> bool:
        """Whether the other side may have tested a guess without proving its own key."""
        return self._agreement.guessable and self.state is PairingState.WAITING_CONFIRM

    @property
    def listens_first(self) -> bool:
        """Whether this side says nothing before the other has: the maker of a code.

        Of the rooms that several places give it, only one is with somebody who has the code.
        """
        return self._agreement.guessable and self._side is Side.MAKER

    def failed(self, what: str) -> PairingFailed:
        """Return an error with this message, and the hint for this kind of pairing."""
        return PairingFailed(what, self._agreement.retry)

    def unproven(self) -> PairingFailed:
        """Return the error for an other side that does not prove its key."""
        return self._agreement.unproven()

    def start(self) -> tuple[Word, ...]:
        """Return the words that open the pairing."""
        message = self._agreement.start()
        self._said[self._side] = message
        self.state = PairingState.WAITING_PAKE
        return (Pake(body=message),)

    def receive(self, word: Word) -> tuple[Word, ...]:
        """Handle the other side's word; return the words to send in reply.

        Raises:
            WrongCode: The other side does not know the words: a typo, or somebody guesses.
            WrongSecret: It does not hold the secret.
            PairingFailed: It sent something malformed, reflected or out of order, or chose its
                nonce after it saw ours.
        """
        step = TABLE.get((self.state, type(word)))
        if step is None:
            self.state = PairingState.FAILED
            raise self.failed("The other side spoke out of turn while pairing.")
        next_state, action = step
        try:
            replies = action(self, word)
        except PairingFailed:
            self.state = PairingState.FAILED
            raise
        self.state = next_state
        return replies

    @property
    def shared_key(self) -> SharedKey:
        """The result; only once paired."""
        if self.state is not PairingState.PAIRED:
            raise RuntimeError("not paired")
        both = self._nonces[Side.MAKER] + self._nonces[Side.JOINER]
        number = int.from_bytes(self._derive(b"verification/" + both, 16))
        words = []
        for _ in range(VERIFICATION_WORDS):
            number, index = divmod(number, len(word_list()))
            words.append(word_list()[index])
        return SharedKey(self._derive(b"session", 32), self._transcript(), " ".join(words))

    def _take_pake(self, word: Pake) -> tuple[Word, ...]:
        try:
            self._secret = self._agreement.finish(word.body)
        except BadMessage as error:
            what = "The other side sent something that is no pairing message."
            raise self.failed(what) from error
        self._said[self._side.other] = word.body
        own = self._side
        return (
            Confirm(body=self._proof(own).finalize()),
            Commit(body=self._commit(own, self._nonces[own]).finalize()),
        )

    def _take_confirm(self, word: Confirm) -> tuple[Word, ...]:
        from cryptography.exceptions import InvalidSignature

        try:
            self._proof(self._side.other).verify(word.body)  # in constant time
        except InvalidSignature:
            raise self.unproven() from None
        return ()

    def _take_commit(self, word: Commit) -> tuple[Word, ...]:
        self._commitment = word.body
        # Not sooner: a side that has not committed could still choose its nonce.
        return (Reveal(body=self._nonces[self._side]),)

    def _take_reveal(self, word: Reveal) -> tuple[Word, ...]:
        from cryptography.exceptions import InvalidSignature

        other = self._side.other
        try:
            if len(word.body) != _NONCE_BYTES:
                raise InvalidSignature
            self._commit(other, word.body).verify(self._commitment)
        except InvalidSignature:
            raise PairingFailed(
                "The other side did not keep to what it had committed to: somebody may be in "
                "between.",
                self._agreement.renew,
            ) from None
        self._nonces[other] = word.body
        return ()

    def _proof(self, side: Side) -> HMAC:
        """Return the MAC by which `side` proves its key: over the transcript, under its own key."""
        return self._mac(b"confirm/" + side.encode(), b"")

    def _commit(self, side: Side, nonce: bytes) -> HMAC:
        """Return the commitment of `side` to its nonce; only a holder of the key can make it."""
        return self._mac(b"commit/" + side.encode(), nonce)

    def _mac(self, label: bytes, content: bytes) -> HMAC:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.hmac import HMAC

        mac = HMAC(self._derive(label, 32), SHA256())
        mac.update(self._transcript() + content)
        return mac

    def _transcript(self) -> bytes:
        """Return the hash of what is public about this pairing.

        Every part has a fixed length, and each kind of agreement a total length of its own.
        """
        said = self._said[Side.MAKER] + self._said[Side.JOINER]
        return hashlib.sha256(self._agreement.context + said).digest()

    def _derive(self, label: bytes, length: int) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        info = APP_ID + b"/" + label
        hkdf = HKDF(SHA256(), length, salt=self._transcript(), info=info)
        return hkdf.derive(self._secret)


_Action = Callable[[Pairing, Any], tuple[Word, ...]]
#: The words accepted in each state; any other fails the pairing.
TABLE: Final[dict[tuple[PairingState, type[Word]], tuple[PairingState, _Action]]] = {
    (PairingState.WAITING_PAKE, Pake): (PairingState.WAITING_CONFIRM, Pairing._take_pake),
    (PairingState.WAITING_CONFIRM, Confirm): (PairingState.WAITING_COMMIT, Pairing._take_confirm),
    (PairingState.WAITING_COMMIT, Commit): (PairingState.WAITING_REVEAL, Pairing._take_commit),
    (PairingState.WAITING_REVEAL, Reveal): (PairingState.PAIRED, Pairing._take_reveal),
}
