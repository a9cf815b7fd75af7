"""The secrets of a session that outlives its connections: its root, and one for each epoch.

    pairing ──▶ root ──▶ secret of epoch 1, 2, 3 …, each with a place of its own

An epoch is the time in which two people are in one room of a relay. To come back they meet by the
secret of the next epoch (shared_secret.py), with fresh X25519 keys: no counter of nonces is ever
restored, and what was sealed in an earlier epoch opens in none that follows. A side whose last
handshake broke off may believe that the epoch before is still the last, so that both try two.
"""

from __future__ import annotations

from typing import Final

from filesend_tui.core.sessions.pairing import SharedKey
from filesend_tui.core.sessions.shared_secret import SECRET_LENGTH, Secret

_ROOT: Final = b"filesend/root/1"
_EPOCH: Final = b"filesend/epoch/1/"


def root_of(shared: SharedKey) -> Secret:
    """Return the root secret of the session that a pairing began."""
    return Secret(_derived(shared.key, shared.transcript, _ROOT))


def secret_of(root: Secret, epoch: int) -> Secret:
    """Return the secret by which two people meet for an epoch, from 1 on."""
    return Secret(_derived(root.value, None, _EPOCH + epoch.to_bytes(8)))


def derived(root: Secret, label: bytes, salt: bytes) -> bytes:
    """Return 32 bytes of a root secret, for another use. label: no other use has it."""
    return _derived(root.value, salt, label)


def to_try(epoch: int) -> tuple[int, ...]:
    """Return the epochs that a side tries after `epoch`, in the order in which it tries them.

    Of two sides, each of which finished a handshake that the other may not have finished, the
    epochs differ by one at most: one of these is always common to both. No handshake of epoch 0
    can be made again: it was the pairing.
    """
    return (epoch + 1, epoch) if epoch else (epoch + 1,)


def _derived(key: bytes, salt: bytes | None, info: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), SECRET_LENGTH, salt=salt, info=info).derive(key)
