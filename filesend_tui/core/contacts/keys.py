"""What is derived from the secrets of two who remember each other. Pure; nothing is kept here.

    session ──▶ contact ──▶ meeting secret ──▶ a secret for each hour and lane, with its place
                        └─▶ secret 0 ──meeting──▶ secret 1 ──meeting──▶ …

The places follow from the meeting secret, which stays; who somebody is follows from the other one,
which each meeting replaces. So two whose secrets have parted, because a copy of one was used, still
come to one place, and see there that they have.
"""

from __future__ import annotations

import hmac
from typing import Final, NamedTuple

from filesend_tui.core.sessions.key_agreement import Side
from filesend_tui.core.sessions.pairing import SharedKey
from filesend_tui.core.sessions.shared_secret import SECRET_LENGTH, Secret

#: Seconds of an hour; those around its beginning and end in which its neighbour counts as well: so
#: much may two clocks differ.
HOUR: Final = 3600
EDGE: Final = 600

#: The label by which a session's root gives the first secrets.
CONTACT: Final = b"filesend/contact/1"
_MEETING: Final = b"filesend/contact/meeting/1"
_FIRST: Final = b"filesend/contact/secret/1"
_PLACE: Final = b"filesend/contact/place/1/"
_PROOF: Final = b"filesend/contact/proof/1/"
_NEXT: Final = b"filesend/contact/next/1/"


class Beginning(NamedTuple):
    """The first secrets of two who remember each other, 32 bytes each."""

    meeting: bytes
    secret: bytes

    def __repr__(self) -> str:
        return "Beginning()"


def beginning(contact: bytes) -> Beginning:
    """Return the first secrets, from what a session derives under CONTACT."""
    return Beginning(_derived(contact, _MEETING), _derived(contact, _FIRST))


def hours(now: float) -> tuple[int, ...]:
    """Return the hours at whose places to be, first the one that it is. now: seconds since 1970."""
    hour, into = divmod(now, HOUR)
    if into < EDGE:
        return int(hour), int(hour) - 1
    if into >= HOUR - EDGE:
        return int(hour), int(hour) + 1
    return (int(hour),)


def place_secret(meeting: bytes, caller: Side, hour: int) -> Secret:
    """Return the secret by which two meet in an hour, which also gives the place.

    Args:
        meeting: Their meeting secret.
        caller: Who of the two calls there, and is waited for by the other: so two processes of one
            side never meet each other where the one calls and the other waits.
        hour: Since 1970.
    """
    return Secret(_derived(meeting, _PLACE + caller.encode() + b"/" + hour.to_bytes(8)))


def proof(secret: bytes, shared: SharedKey, side: Side) -> bytes:
    """Return the proof that a side holds a secret, good in one room alone: 32 bytes.

    It covers the transcript of the pairing there, so nobody in between can pass it on.
    """
    return _derived(secret, _PROOF + side.encode() + b"/" + shared.transcript)


def proves(said: bytes, secret: bytes, shared: SharedKey, side: Side) -> bool:
    """Return whether that is the proof of a side; in constant time."""
    return hmac.compare_digest(said, proof(secret, shared, side))


def following(secret: bytes, shared: SharedKey, attempt: int) -> bytes:
    """Return the secret after this one, from what the two agreed on in a room: 32 bytes.

    Fresh X25519 is in it: who copied the one before learns nothing of it by listening.
    """
    return _derived(secret + shared.key, _NEXT + attempt.to_bytes(8) + shared.transcript)


def _derived(key: bytes, info: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), SECRET_LENGTH, salt=None, info=info).derive(key)
