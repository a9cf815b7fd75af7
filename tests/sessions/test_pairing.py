from __future__ import annotations

import hashlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesend_tui.core.errors import PairingFailed, WrongCode, WrongSecret
from filesend_tui.core.sessions.code import WORD_COUNT, Code, new_code, word_list
from filesend_tui.core.sessions.key_agreement import (
    APP_ID,
    Introduction,
    SecretAgreement,
    Side,
)
from filesend_tui.core.sessions.pairing import Pairing, PairingState
from filesend_tui.core.sessions.shared_secret import Secret, place_of
from relay.protocol.words import Commit, Confirm, Hello, Pake, Reveal, Word

CODE = Code(7, ("acrobat", "violin"))
SECRET = Secret(bytes(range(32)))


@pytest.fixture(params=[CODE, SECRET], ids=["code", "secret"])
def shared(request: pytest.FixtureRequest) -> Introduction:
    """What introduces the two: one state machine, whichever kind it is."""
    introduction: Introduction = request.param
    return introduction


def both(maker: Introduction, joiner: Introduction | None = None) -> tuple[Pairing, Pairing]:
    return Pairing(maker, Side.MAKER), Pairing(joiner or maker, Side.JOINER)


def unproven(introduction: Introduction) -> type[PairingFailed]:
    return WrongCode if isinstance(introduction, Code) else WrongSecret


def confirms(maker: Pairing, joiner: Pairing) -> tuple[Word, Word]:
    """Drive both sides to where each has sent its proof; return the maker's and the joiner's."""
    (maker_proof, _), (joiner_proof, _) = exchanged(maker, joiner)
    return maker_proof, joiner_proof


def exchanged(maker: Pairing, joiner: Pairing) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """Likewise; return each side's proof and its commitment."""
    (from_maker,), (from_joiner,) = maker.start(), joiner.start()
    return maker.receive(from_joiner), joiner.receive(from_maker)


def committed(maker: Pairing, joiner: Pairing) -> tuple[Word, Word]:
    """Drive both sides to where each has revealed its nonce; return what each said."""
    from_maker, from_joiner = exchanged(maker, joiner)
    reveals = []
    for side, words in ((maker, from_joiner), (joiner, from_maker)):
        confirm, commit = words
        assert side.receive(confirm) == ()
        (reveal,) = side.receive(commit)
        reveals.append(reveal)
    return reveals[0], reveals[1]


def paired(maker: Pairing, joiner: Pairing) -> None:
    """Drive both sides to the end."""
    from_maker, from_joiner = committed(maker, joiner)
    assert maker.receive(from_joiner) == () == joiner.receive(from_maker)


def test_the_same_introduction_gives_both_the_same_key(shared: Introduction) -> None:
    maker, joiner = both(shared)
    paired(maker, joiner)
    assert maker.state is joiner.state is PairingState.PAIRED
    assert maker.shared_key == joiner.shared_key
    assert len(maker.shared_key.key) == 32
    assert len(maker.shared_key.verification.split()) == 3


def test_two_pairings_over_one_introduction_give_different_keys(shared: Introduction) -> None:
    keys = set()
    for _ in range(2):
        maker, joiner = both(shared)
        paired(maker, joiner)
        keys.add((maker.shared_key.key, maker.shared_key.verification))
    assert len({key for key, _ in keys}) == len({words for _, words in keys}) == 2


@pytest.mark.parametrize(
    "guess",
    [
        Code(7, ("acrobat", "umbrella")),
        Code(7, ("violin", "acrobat")),
        Code(8, ("acrobat", "violin")),
        Code(7, ("acrobatviolin", "")),
    ],
)
def test_a_wrong_guess_fails_on_both_sides(guess: Code) -> None:
    maker, joiner = both(CODE, guess)
    maker_proof, joiner_proof = confirms(maker, joiner)
    for side, proof in ((maker, joiner_proof), (joiner, maker_proof)):
        with pytest.raises(WrongCode):
            side.receive(proof)
        assert side.state is PairingState.FAILED
        with pytest.raises(RuntimeError):
            _ = side.shared_key


def test_a_failed_pairing_takes_no_second_guess(shared: Introduction) -> None:
    maker, joiner = both(shared)
    _, proof = confirms(maker, joiner)
    assert isinstance(proof, Confirm)
    with pytest.raises(unproven(shared)):
        maker.receive(Confirm(body=bytes(32)))
    with pytest.raises(PairingFailed):
        maker.receive(proof)


def test_own_messages_reflected_are_refused(shared: Introduction) -> None:
    maker, _ = both(shared)
    (own,) = maker.start()
    with pytest.raises(PairingFailed):
        maker.receive(own)

    maker, joiner = both(shared)
    (own,), (others,) = maker.start(), joiner.start()
    assert isinstance(own, Pake)
    assert isinstance(others, Pake)
    as_if_joiner = Pake(body=others.body[:1] + own.body[1:])
    with pytest.raises(PairingFailed):
        maker.receive(as_if_joiner)

    maker, joiner = both(shared)
    own_proof, _ = confirms(maker, joiner)
    with pytest.raises(unproven(shared)):
        maker.receive(own_proof)


def test_a_side_is_exposed_until_the_other_has_proven_its_key(shared: Introduction) -> None:
    """Where there is anything to guess."""
    maker, joiner = both(shared)
    assert not maker.is_exposed
    _, (confirm, commit) = exchanged(maker, joiner)
    assert maker.is_exposed is (shared is CODE)
    maker.receive(confirm)
    assert not maker.is_exposed
    maker.receive(commit)
    assert not maker.is_exposed


# --- the words to compare -----------------------------------------------------------------------


def test_both_nonces_are_in_the_words(shared: Introduction) -> None:
    drawn = set()
    for changed in (None, *Side):
        maker, joiner = both(shared)
        paired(maker, joiner)
        if changed:
            maker._nonces[changed] = bytes(32)
        drawn.add((changed, maker.shared_key.verification == joiner.shared_key.verification))
    assert drawn == {(None, True), (Side.MAKER, False), (Side.JOINER, False)}


def test_nothing_is_revealed_to_who_has_not_committed(shared: Introduction) -> None:
    """Else it could choose a nonce for the words it wants."""
    maker, joiner = both(shared)
    from_maker, (confirm, _) = exchanged(maker, joiner)
    assert not any(isinstance(word, Reveal) for word in from_maker)
    assert maker.receive(confirm) == ()
    with pytest.raises(PairingFailed):
        maker.receive(Reveal(body=bytes(32)))


def test_a_nonce_that_was_not_committed_to_is_refused(shared: Introduction) -> None:
    maker, joiner = both(shared)
    committed(maker, joiner)
    with pytest.raises(PairingFailed, match="committed"):
        maker.receive(Reveal(body=bytes(32)))
    assert maker.state is PairingState.FAILED


@pytest.mark.parametrize("length", [0, 31, 33, 1024])
def test_a_nonce_of_another_length_is_refused(shared: Introduction, length: int) -> None:
    """Also where it was committed to: of two lengths one could end where the other begins."""
    maker, joiner = both(shared)
    joiner._nonces[Side.JOINER] = bytes(length)
    _, from_joiner = committed(maker, joiner)
    with pytest.raises(PairingFailed, match="committed"):
        maker.receive(from_joiner)


def test_a_commitment_reflected_is_refused(shared: Introduction) -> None:
    maker, joiner = both(shared)
    (_, own), (confirm, _) = exchanged(maker, joiner)
    maker.receive(confirm)
    (own_reveal,) = maker.receive(own)
    with pytest.raises(PairingFailed, match="committed"):
        maker.receive(own_reveal)


def test_whoever_lacks_the_key_cannot_commit_for_another(shared: Introduction) -> None:
    """A relay may change what passes through it, and make neither side believe it."""
    nonce = bytes(32)
    for guess in (hashlib.sha256(nonce).digest(), bytes(32), b""):
        maker, joiner = both(shared)
        _, (confirm, _) = exchanged(maker, joiner)
        maker.receive(confirm)
        maker.receive(Commit(body=guess))
        with pytest.raises(PairingFailed, match="committed"):
            maker.receive(Reveal(body=nonce))


class Grinder:
    """Somebody in the middle who knows the code, and wants both sides to show equal words.

    It pairs with each under a key of their own and knows all that each of the two pairings has in
    it; what it can choose is the nonce that it reveals.
    """

    def __init__(self) -> None:
        self.maker, self.joiner = Pairing(CODE, Side.MAKER), Pairing(CODE, Side.JOINER)
        self.to_maker, self.to_joiner = Pairing(CODE, Side.JOINER), Pairing(CODE, Side.MAKER)

    def wanted(self) -> str:
        """Finish with the maker; the first of the words that it shows now."""
        paired(self.maker, self.to_maker)
        return first_word(self.maker)

    def search(self) -> Reveal:
        """See the joiner's nonce; return one of its own that makes the joiner show that word."""
        wanted = self.wanted()
        _, from_joiner = committed(self.to_joiner, self.joiner)
        self.to_joiner.receive(from_joiner)
        for number in range(50_000):
            self.to_joiner._nonces[Side.MAKER] = number.to_bytes(32)
            if first_word(self.to_joiner) == wanted:
                return Reveal(body=number.to_bytes(32))
        raise AssertionError("it did not search long enough")


def first_word(pairing: Pairing) -> str:
    return pairing.shared_key.verification.split()[0]


def test_who_searches_for_a_nonce_that_makes_the_words_equal_is_refused() -> None:
    """It finds one in a moment (for the first word), and can no longer reveal it."""
    grinder = Grinder()
    found = grinder.search()
    with pytest.raises(PairingFailed, match="committed"):
        grinder.joiner.receive(found)
    assert grinder.joiner.state is PairingState.FAILED


def test_who_searches_for_keys_that_make_the_words_equal_finds_nothing_that_lasts() -> None:
    """The birthday search over SPAKE2 messages, which found equal words in a second once.

    It takes what both sides will have said and tries many messages of its own with each, for two
    under which the words are equal; that is before anybody revealed a nonce, so it has to guess
    theirs. In one of the rest of the runs in 1,295 it is lucky with the first word.
    """
    lucky = 0
    for _ in range(8):
        maker, joiner = both(CODE)
        (from_maker,), (from_joiner,) = maker.start(), joiner.start()
        found: dict[str, tuple[Pairing, Word]] = {}
        best: list[tuple[Pairing, Word]] = []
        for number in range(600):
            side = Side.JOINER if number % 2 else Side.MAKER
            own = Pairing(CODE, side)
            (message,) = own.start()
            own.receive(from_maker if side is Side.JOINER else from_joiner)
            word = first_word(guessing(own))
            other = found.get(word)
            if other is not None and other[0]._side is not side:
                best = sorted([other, (own, message)], key=lambda each: each[0]._side)
                break
            found[word] = (own, message)
        assert best, "it did not search long enough"
        for victim, (own, message) in zip((maker, joiner), best, strict=True):
            finish(victim, own, message)
        lucky += first_word(maker) == first_word(joiner)
    assert lucky <= 2


def guessing(pairing: Pairing) -> Pairing:
    """Act as if it were over, with nonces of nothing."""
    pairing._nonces = {side: bytes(32) for side in Side}
    pairing.state = PairingState.PAIRED
    return pairing


def finish(victim: Pairing, own: Pairing, message: Word) -> None:
    """Go through with a pairing under a message that was found by searching."""
    own.state = PairingState.WAITING_CONFIRM
    confirm, commit = victim.receive(message)
    side = own._side
    victim.receive(Confirm(body=own._proof(side).finalize()))
    own.receive(confirm)
    (reveal,) = victim.receive(Commit(body=own._commit(side, own._nonces[side]).finalize()))
    own.receive(commit)
    own.receive(reveal)
    victim.receive(Reveal(body=own._nonces[side]))


def test_two_makers_do_not_pair(shared: Introduction) -> None:
    one, other = Pairing(shared, Side.MAKER), Pairing(shared, Side.MAKER)
    one.start()
    (message,) = other.start()
    with pytest.raises(PairingFailed):
        one.receive(message)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"B",
        b"B" + bytes(31),
        b"B" + bytes(32),
        b"B" + b"\xff" * 32,
        b"B" + (1).to_bytes(32, "little"),  # the neutral element: of small order
        b"B" + bytes(33),
        b"S" + bytes(32),
        bytes(33),
        bytes(1024),
    ],
)
def test_what_is_no_point_is_refused(body: bytes) -> None:
    maker, _ = both(CODE)
    maker.start()
    with pytest.raises(PairingFailed):
        maker.receive(Pake(body=body))
    assert maker.state is PairingState.FAILED


#: The points of small order on Curve25519 and its twist, also as numbers beyond the field's prime:
#: with any of them the result is all zeros, whatever the other key is.
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("point", SMALL_ORDER)
@pytest.mark.parametrize("highest_bit", [0, 0x80])
def test_a_key_of_small_order_is_refused(point: str, highest_bit: int) -> None:
    """Else whoever is in between chose what X25519 gives; the secret alone would be left."""
    public = bytearray.fromhex(point)
    public[31] |= highest_bit
    maker, _ = both(SECRET)
    maker.start()
    with pytest.raises(PairingFailed) as refused:
        maker.receive(Pake(body=b"J" + public))
    assert maker.state is PairingState.FAILED
    assert isinstance(refused.value.__cause__, ValueError)
    assert not isinstance(refused.value, WrongSecret)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"J",
        bytes(32),
        b"J" + b"\x09" + bytes(30),
        b"J" + b"\x09" + bytes(32),
        b"M" + b"\x09" + bytes(31),  # of this side's own kind
        b"B" + b"\x09" + bytes(31),  # SPAKE2's
        b"j" + b"\x09" + bytes(31),
        bytes(1024),
    ],
)
def test_what_is_no_public_key_of_the_other_side_is_refused(body: bytes) -> None:
    maker, _ = both(SECRET)
    maker.start()
    with pytest.raises(PairingFailed, match="no pairing message"):
        maker.receive(Pake(body=body))
    assert maker.state is PairingState.FAILED


@pytest.mark.parametrize("side", Side)
def test_a_code_and_a_secret_do_not_pair(side: Side) -> None:
    by_code, by_secret = Pairing(CODE, side), Pairing(SECRET, side.other)
    (from_code,), (from_secret,) = by_code.start(), by_secret.start()
    for pairing, message in ((by_code, from_secret), (by_secret, from_code)):
        with pytest.raises(PairingFailed, match="no pairing message"):
            pairing.receive(message)


def test_another_secret_fails_on_both_sides() -> None:
    """By one bit, and whichever it is that two were brought together by."""
    for bit in (0, 100, 255):
        value = bytearray(SECRET.value)
        value[bit // 8] ^= 1 << bit % 8
        maker, joiner = both(SECRET, Secret(bytes(value)))
        maker_proof, joiner_proof = confirms(maker, joiner)
        for side, proof in ((maker, joiner_proof), (joiner, maker_proof)):
            with pytest.raises(WrongSecret):
                side.receive(proof)
            assert side.state is PairingState.FAILED


class KnowsThePlace(SecretAgreement):
    """A relay, which was told the place and has all that is said, but for the secret."""

    @property
    def context(self) -> bytes:
        return APP_ID + b"/secret" + place_of(SECRET)


def test_who_knows_the_place_and_all_that_is_said_proves_nothing() -> None:
    """In between with a key of its own for each side, as the relay may be."""
    for side in Side:
        victim, relay = Pairing(SECRET, side), Pairing(Secret(bytes(32)), side.other)
        relay._agreement = KnowsThePlace(Secret(bytes(32)), side.other, os.urandom)
        maker, joiner = (victim, relay) if side is Side.MAKER else (relay, victim)
        from_maker, from_joiner = confirms(maker, joiner)
        assert victim._transcript() == relay._transcript()
        with pytest.raises(WrongSecret):
            victim.receive(from_joiner if side is Side.MAKER else from_maker)


def test_a_public_key_written_in_another_way_is_refused() -> None:
    """X25519 takes no notice of the highest bit; the transcript does."""
    maker, joiner = both(SECRET)
    (from_maker,), (from_joiner,) = maker.start(), joiner.start()
    assert isinstance(from_joiner, Pake)
    altered = from_joiner.body[:-1] + bytes([from_joiner.body[-1] ^ 0x80])
    maker_proof, _ = maker.receive(Pake(body=altered))
    joiner_proof, _ = joiner.receive(from_maker)
    for side, proof in ((maker, joiner_proof), (joiner, maker_proof)):
        with pytest.raises(WrongSecret):
            side.receive(proof)


def test_each_pairing_over_a_secret_has_keys_of_its_own() -> None:
    """So that the secret alone, learned later, opens nothing that was said."""
    said = set()
    for _ in range(20):
        for pairing in both(SECRET):
            (pake,) = pairing.start()
            assert isinstance(pake, Pake)
            said.add(pake.body)
    assert len(said) == 40


def test_a_key_agreed_on_is_not_kept() -> None:
    maker, joiner = both(SECRET)
    exchanged(maker, joiner)
    for side in (maker, joiner):
        assert vars(side._agreement)["_own"] is None


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_secret_of_another_length_is_none(length: int) -> None:
    with pytest.raises(ValueError, match="32"):
        Secret(bytes(length))


def test_a_place_tells_nothing_of_its_secret_and_is_the_same_for_all_who_hold_it() -> None:
    place = place_of(SECRET)
    assert place == place_of(Secret(bytes(range(32)))) != SECRET.value
    assert len(place) == 32
    assert place != place_of(Secret(bytes(32)))
    maker, joiner = both(SECRET)
    paired(maker, joiner)
    assert place not in (maker.shared_key.key, maker.shared_key.transcript)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 1024])
def test_a_proof_of_another_length_is_refused(shared: Introduction, length: int) -> None:
    maker, joiner = both(shared)
    _, proof = confirms(maker, joiner)
    assert isinstance(proof, Confirm)
    with pytest.raises(unproven(shared)):
        maker.receive(Confirm(body=(proof.body * 32)[:length]))


@given(st.sampled_from([CODE, SECRET]), st.binary(max_size=40))
@settings(max_examples=50, deadline=None)
def test_noise_only_ever_fails_the_pairing(shared: Introduction, body: bytes) -> None:
    maker, _ = both(shared)
    maker.start()
    try:
        maker.receive(Pake(body=(b"B" if shared is CODE else b"J") + body))
        maker.receive(Confirm(body=body))
    except PairingFailed:
        pass
    assert maker.state is PairingState.FAILED


@pytest.mark.parametrize(
    ("until", "word"),
    [
        (PairingState.UNSTARTED, Pake(body=bytes(33))),
        (PairingState.WAITING_PAKE, Confirm(body=bytes(32))),
        (PairingState.WAITING_PAKE, Hello(name="Eve")),
        (PairingState.WAITING_CONFIRM, Pake(body=bytes(33))),
        (PairingState.WAITING_CONFIRM, Hello(name="Eve")),
        (PairingState.WAITING_CONFIRM, Commit(body=bytes(32))),
        (PairingState.WAITING_COMMIT, Confirm(body=bytes(32))),
        (PairingState.WAITING_COMMIT, Reveal(body=bytes(32))),
        (PairingState.WAITING_REVEAL, Commit(body=bytes(32))),
        (PairingState.WAITING_REVEAL, Hello(name="Eve")),
        (PairingState.PAIRED, Confirm(body=bytes(32))),
        (PairingState.PAIRED, Reveal(body=bytes(32))),
    ],
)
def test_words_out_of_turn_fail_the_pairing(
    shared: Introduction, until: PairingState, word: Word
) -> None:
    maker, joiner = both(shared)
    if until is PairingState.WAITING_PAKE:
        maker.start()
    elif until is not PairingState.UNSTARTED:
        from_maker, from_joiner = exchanged(maker, joiner)
        due = [*from_joiner]
        for said in from_maker:
            due += joiner.receive(said)
        while maker.state is not until:
            maker.receive(due.pop(0))
    assert maker.state is until
    with pytest.raises(PairingFailed):
        maker.receive(word)
    assert maker.state is PairingState.FAILED


@pytest.mark.parametrize("side", Side)
def test_what_a_wrong_guess_means_is_told_to_each_side(side: Side) -> None:
    error = Pairing(CODE, side).unproven()
    assert "guess" in error.message
    assert "typo" in error.message
    assert "new one" in error.hint


@pytest.mark.parametrize("side", Side)
def test_what_goes_wrong_with_a_secret_is_told_in_other_words(side: Side) -> None:
    """There is no code to ask for, nothing was mistyped, and nobody guesses 32 bytes."""
    pairing = Pairing(SECRET, side)
    for error in (pairing.unproven(), pairing.failed("It broke.")):
        assert "guess" not in error.message + error.hint
        assert "new code" not in error.hint
        assert error.hint
    assert "relay" in pairing.unproven().message
    assert Pairing(CODE, side).failed("It broke.").hint == PairingFailed.default_hint


def test_the_words_give_more_than_two_to_the_twentieth_guesses() -> None:
    assert len(set(word_list())) == len(word_list())
    assert len(word_list()) ** WORD_COUNT >= 2**20
    drawn = {new_code(7).words for _ in range(200)}
    assert len(drawn) > 190


def test_the_transcript_names_what_the_relay_knows_them_by_and_both_messages(
    shared: Introduction,
) -> None:
    maker, joiner = both(shared)
    paired(maker, joiner)
    known = maker.shared_key.transcript
    assert len(known) == 32
    transcripts = {known}
    elsewhere = Code(8, CODE.words) if shared is CODE else Secret(bytes(32))
    own = maker._agreement
    maker._agreement = Pairing(elsewhere, Side.MAKER)._agreement
    transcripts.add(maker._transcript())
    maker._agreement = own
    for side in Side:
        said = maker._said[side]
        maker._said[side] = bytes(len(said))
        transcripts.add(maker._transcript())
        maker._said[side] = said
    assert len(transcripts) == 4


def test_secrets_do_not_show(shared: Introduction) -> None:
    maker, joiner = both(shared)
    paired(maker, joiner)
    assert repr(maker.shared_key) == str(maker.shared_key) == "SharedKey()"
    for holder in (maker, maker._agreement, shared):
        for text in (repr(holder), str(holder)):
            assert "acrobat" not in text
            assert SECRET.value.hex() not in text
            assert repr(SECRET.value) not in text
