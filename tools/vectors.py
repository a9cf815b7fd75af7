"""relay/protocol/vectors/, made by the code itself: `python -m tools.vectors` writes it.

What another language must get the same: codes, pairings of both kinds with all that leads to their
keys, sealed words, and what a tracker sees of a private swarm. Whatever is random otherwise comes
from fixed labels here, so that a run gives the same files as the last; tests/relay/protocol reads
them and holds the code to them. Bytes are hex. Nothing here is secret, and nothing of it may ever
be used.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from spake2.spake2 import DefaultParams

from filesend_tui.core.errors import InvalidCode
from filesend_tui.core.meeting import signaling
from filesend_tui.core.meeting.signaling import SealedSignaling, Use
from filesend_tui.core.sessions.cipher import BUCKET, SessionCipher
from filesend_tui.core.sessions.code import Code, parse_code, word_list
from filesend_tui.core.sessions.key_agreement import (
    APP_ID,
    Introduction,
    Side,
    SpakeAgreement,
)
from filesend_tui.core.sessions.pairing import Pairing, SharedKey
from filesend_tui.core.sessions.shared_secret import Secret, place_of
from relay.protocol import words
from relay.protocol.words import Word

FOLDER: Final = Path(__file__).parents[1] / "relay" / "protocol" / "vectors"

CODES: Final = (parse_code("4711-acrobat-violin"), parse_code("7-zucchini-aardvark"))
TYPED: Final = (
    "4711-apple-violin",
    "  4711 Apple VIOLIN ",
    "4711, apple, violin.",
    "“4711–apple–violin”",
    "４７１１ apple violin",
    "0007-apple-violin",
    "999999-apple-violin",
    "here is the code: 4711-apple-violin - see you",
    "filesend receive 4711-apple-violin",
)
REFUSED: Final = (
    "",
    "apple-violin",
    "4711-apple",
    "4711-apple-violin-acrobat",
    "4711-apple-vjolin",
    "0-apple-violin",
    "1000000-apple-violin",
    "4711-apple-violin or 4712-apple-violin",
)


def pages() -> dict[str, str]:
    """Return the text of each file, by its name."""
    made = {
        "codes.json": _codes(),
        "pairing-code.json": {
            "about": (
                "SPAKE2 over Ed25519 as python-spake2 has it, over the whole code, then what both "
                "kinds of pairing have in common. password scalar: HKDF-SHA256(code, empty salt, "
                "info = 'SPAKE2 pw') of 48 bytes, big-endian, modulo the order of the group; an "
                "own scalar: 64 random bytes likewise. spakeKey: SHA-256 over SHA-256 of the code, "
                "of idA and of idB, both messages without their first byte, and the shared point. "
                "Scalars are little-endian."
            ),
            "appId": APP_ID.hex(),
            "idA": (APP_ID + b"/maker").hex(),
            "idB": (APP_ID + b"/joiner").hex(),
            "pointM": DefaultParams.M.to_bytes().hex(),
            "pointN": DefaultParams.N.to_bytes().hex(),
            "vectors": [_by_code(code) for code in CODES],
        },
        "pairing-secret.json": {
            "about": (
                "X25519 with a key that each side makes for this pairing, mixed with the secret: "
                "random is the private key; agreed is HKDF-SHA256(result, salt = secret, info = "
                "appId/secret), 32 bytes."
            ),
            "appId": APP_ID.hex(),
            "vectors": [_by_secret(Secret(_fixed(f"secret {n}", 32))) for n in range(2)],
        },
        "sealing.json": {
            "about": (
                "What each side says after pairing: AES-256-GCM under the key of its direction. "
                "The nonce is the count; the associated data is filesend/sealing/1, transcript, "
                f"direction, nonce, event. Content is JSON with spaces up to a multiple of {BUCKET}"
                " bytes; another order of its members is as good."
            ),
            "vectors": [_talk()],
        },
        "signaling.json": {
            "about": (
                "What a tracker sees of a private swarm: the rendezvous id in place of the "
                "infohash, and sealed descriptions (ChaCha20-Poly1305)."
            ),
            "vectors": [_swarm(n) for n in range(2)],
        },
    }
    return {name: json.dumps(page, indent=2) + "\n" for name, page in made.items()}


# --- codes ------------------------------------------------------------------------------------


def _codes() -> dict[str, Any]:
    listed = word_list()
    return {
        "about": (
            "What a person types or pastes, and the code that it is. The words are those of the "
            "EFF's short list 2 that have letters alone, sorted; sha256 is over them with a line "
            "feed between."
        ),
        "words": {
            "count": len(listed),
            "first": listed[0],
            "last": listed[-1],
            "sha256": hashlib.sha256("\n".join(listed).encode()).hexdigest(),
        },
        "vectors": [_typed(text) for text in TYPED],
        "refused": [_refused(text) for text in REFUSED],
    }


def _typed(text: str) -> dict[str, Any]:
    code = parse_code(text)
    return {"typed": text, "nameplate": code.nameplate, "words": code.words, "text": code.text}


def _refused(text: str) -> str:
    try:
        parse_code(text)
    except InvalidCode:
        return text
    raise ValueError(f"{text} is a code")


# --- pairing ----------------------------------------------------------------------------------


def _by_code(code: Code) -> dict[str, Any]:
    maker, joiner, said = _paired(code, code.text, agreement_bytes=64)
    spakes = {}
    for pairing in (maker, joiner):
        agreement = pairing._agreement
        assert isinstance(agreement, SpakeAgreement)
        spakes[pairing._side] = agreement._spake
    return {
        "code": code.text,
        "nameplate": code.nameplate,
        "passwordScalar": _scalar(spakes[Side.MAKER].pw_scalar),
        **{
            str(side): {**said[side], "scalar": _scalar(spake.xy_scalar)}
            for side, spake in spakes.items()
        },
        "sharedPoint": _shared_point(said[Side.JOINER]["pake"], spakes[Side.MAKER]),
        "spakeKey": maker._secret.hex(),
        **_results(maker),
    }


def _shared_point(from_joiner: str, maker: Any) -> str:
    """Return the point that SPAKE2 ends with, as the maker computes it."""
    point = DefaultParams.group.bytes_to_element(bytes.fromhex(from_joiner)[1:])
    unblinded = point.add(DefaultParams.N.scalarmult(-maker.pw_scalar))
    return bytes(unblinded.scalarmult(maker.xy_scalar).to_bytes()).hex()


def _scalar(number: int) -> str:
    return bytes(DefaultParams.group.scalar_to_bytes(number)).hex()


def _by_secret(secret: Secret) -> dict[str, Any]:
    maker, _, said = _paired(secret, secret.value.hex(), agreement_bytes=32)
    return {
        "secret": secret.value.hex(),
        "place": place_of(secret).hex(),
        **{str(side): said[side] for side in Side},
        "agreed": maker._secret.hex(),
        **_results(maker),
    }


def _paired(
    introduction: Introduction, label: str, *, agreement_bytes: int
) -> tuple[Pairing, Pairing, dict[Side, dict[str, str]]]:
    """Drive both sides to the end; return them, and what each drew and said."""
    drawn = {
        side: {
            "nonce": _fixed(f"{label} {side} nonce", 32),
            "random": _fixed(f"{label} {side} random", agreement_bytes),
        }
        for side in Side
    }
    pairings = {side: Pairing(introduction, side, draws(*drawn[side].values())) for side in Side}
    said: dict[Side, dict[str, str]] = {
        side: {name: value.hex() for name, value in drawn[side].items()} for side in Side
    }
    due = deque((side, word) for side in Side for word in pairings[side].start())
    while due:
        side, word = due.popleft()
        said[side][type(word).__name__.lower()] = msgspec.structs.asdict(word)["body"].hex()
        due.extend((side.other, reply) for reply in pairings[side.other].receive(word))
    return pairings[Side.MAKER], pairings[Side.JOINER], said


def _results(pairing: Pairing) -> dict[str, Any]:
    shared = pairing.shared_key
    nonces = pairing._nonces[Side.MAKER] + pairing._nonces[Side.JOINER]
    labels = [f"{what}/{side}" for what in ("confirm", "commit") for side in Side]
    return {
        "context": pairing._agreement.context.hex(),
        "transcript": shared.transcript.hex(),
        "keys": {label: pairing._derive(label.encode(), 32).hex() for label in labels}
        | {"session": shared.key.hex()},
        "verificationBytes": pairing._derive(b"verification/" + nonces, 16).hex(),
        "verification": shared.verification,
    }


# --- sealed words -----------------------------------------------------------------------------

_ID: Final = "00112233445566778899aabbccddeeff"

#: Who says what: several counts in each direction, lengths around a bucket's, all of the alphabet.
TALK: Final[tuple[tuple[Side, Word], ...]] = (
    (Side.MAKER, words.Hello(name="Ann", wants="send")),
    (Side.JOINER, words.Hello(name="Борис")),
    (
        Side.MAKER,
        words.FileRequest(
            id=_ID,
            files=[
                words.OfferedFile(path="papers/a.txt", size=5, mode=0o644, modified=1_700_000_000),
                words.OfferedFile(path="papers/ü.txt", size=0),
            ],
            folders=[words.OfferedFolder(path="papers/empty")],
        ),
    ),
    (Side.JOINER, words.FileAnswer(id=_ID, accepted=[True, False])),
    (Side.MAKER, words.Preparing(id=_ID, progress=0.5)),
    (
        Side.MAKER,
        words.FileReady(
            id=_ID, magnet_uri=f"magnet:?xt=urn:btih:{'ab' * 20}", swarm_key=bytes(range(32))
        ),
    ),
    (Side.JOINER, words.DownloadStarted(id=_ID)),
    (
        Side.JOINER,
        words.ProgressUpdate(id=_ID, downloaded=3, download_speed=1.5, progress=0.6),
    ),
    (Side.JOINER, words.DownloadComplete(id=_ID)),
    (Side.MAKER, words.Message(text="x" * (BUCKET - len('{"text":""}')))),
    (Side.MAKER, words.Message(text="x" * (BUCKET + 1 - len('{"text":""}')))),
    (Side.MAKER, words.Cancel(id=_ID, reason="enough")),
)


def _talk() -> dict[str, Any]:
    shared = SharedKey(_fixed("session key", 32), _fixed("transcript", 32), "")
    ciphers = {side: SessionCipher(shared, side) for side in Side}
    counts = dict.fromkeys(Side, 0)
    said = []
    for speaker, word in TALK:
        sealed = ciphers[speaker].seal(word)
        said.append(
            {
                "speaker": str(speaker),
                "count": counts[speaker],
                "event": sealed.event,
                "deliveredAs": words.ROUTES[sealed.event].delivered_as,
                "content": msgspec.json.encode(word).decode(),
                "paddedLength": len(sealed.body) - 16,
                "body": sealed.body.hex(),
            }
        )
        counts[speaker] += 1
    return {
        "session": shared.key.hex(),
        "transcript": shared.transcript.hex(),
        "keys": {str(side): sealing_key(shared, side).hex() for side in Side},
        "words": said,
    }


def sealing_key(shared: SharedKey, speaker: Side) -> bytes:
    """Return the key of what one side says, which the cipher keeps to itself."""
    info = b"filesend/sealing/1/" + speaker.encode()
    return HKDF(SHA256(), 32, salt=shared.transcript, info=info).derive(shared.key)


# --- what a tracker sees ----------------------------------------------------------------------


def _swarm(number: int) -> dict[str, Any]:
    info_hash, swarm_key = _fixed(f"infohash {number}", 20), _fixed(f"swarm key {number}", 32)
    swarm = SealedSignaling(info_hash, swarm_key)
    offerer, answerer = b"-FS0100-offerer 0000", b"-FS0100-answerer 000"
    sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    uses = [
        (Use(_fixed(f"offer {number}", 20), offerer), {"webrtc": sdp}),
        (
            Use(_fixed(f"offer {number}", 20), offerer, answerer),
            {"webrtc": sdp * 60, "direct": '{"t":"…"}'},
        ),
    ]
    return {
        "infoHash": info_hash.hex(),
        "swarmKey": swarm_key.hex(),
        "rendezvous": swarm.rendezvous.hex(),
        "keys": {kind: signaling_key(info_hash, swarm_key, kind) for kind in ("offer", "answer")},
        "descriptions": [
            _described(swarm, use, texts, _fixed(f"nonce {number} {use.kind}", 12))
            for use, texts in uses
        ],
    }


def signaling_key(info_hash: bytes, swarm_key: bytes, kind: str) -> str:
    """Return the key for offers or for answers, which the swarm's signaling keeps to itself."""
    info = b"filesend/1 " + kind.encode()
    return HKDF(SHA256(), 32, salt=info_hash, info=info).derive(swarm_key).hex()


def _described(
    swarm: SealedSignaling, use: Use, texts: dict[str, str], nonce: bytes
) -> dict[str, Any]:
    with fixed_nonces(nonce):
        sealed = swarm.seal(texts, use)
    return {
        "offerId": use.offer_id.hex(),
        "offerer": use.offerer.hex(),
        "answerer": use.answerer.hex(),
        "nonce": nonce.hex(),
        "texts": texts,
        "sealed": sealed,
    }


# --- what is random otherwise -----------------------------------------------------------------


def _fixed(label: str, length: int) -> bytes:
    """Return bytes that look random and are always the same."""
    return hashlib.shake_256(b"filesend test vector: " + label.encode()).digest(length)


def draws(*parts: bytes) -> Any:
    """Return a source of random bytes that gives these, in this order, and no others."""
    left = list(parts)

    def draw(length: int) -> bytes:
        part = left.pop(0)
        if len(part) != length:
            raise ValueError(f"{length} bytes were asked for, and {len(part)} are next")
        return part

    return draw


@contextmanager
def fixed_nonces(*parts: bytes) -> Iterator[None]:
    """Have descriptions sealed under these nonces."""
    with patch.object(signaling, "secrets", SimpleNamespace(token_bytes=draws(*parts))):
        yield


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
