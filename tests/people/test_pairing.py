from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesend_tui.core.errors import PairingFailed, WrongCode
from filesend_tui.core.people.code import WORD_COUNT, Code, new_code, word_list
from filesend_tui.core.people.pairing import Pairing, PairingState, Side, wrong_code
from relay.protocol import Confirm, Hello, Pake, Word

CODE = Code(7, ("acrobat", "violin"))


def both(maker: Code = CODE, joiner: Code = CODE) -> tuple[Pairing, Pairing]:
    return Pairing(maker, Side.MAKER), Pairing(joiner, Side.JOINER)


def confirms(maker: Pairing, joiner: Pairing) -> tuple[Word, Word]:
    """Drive both sides to where each has sent its proof; return the maker's and the joiner's."""
    (from_maker,), (from_joiner,) = maker.start(), joiner.start()
    (maker_proof,), (joiner_proof,) = maker.receive(from_joiner), joiner.receive(from_maker)
    return maker_proof, joiner_proof


def test_the_same_code_gives_both_the_same_key() -> None:
    maker, joiner = both()
    maker_proof, joiner_proof = confirms(maker, joiner)
    assert maker.receive(joiner_proof) == () == joiner.receive(maker_proof)
    assert maker.state is joiner.state is PairingState.PAIRED
    assert maker.shared_key == joiner.shared_key
    assert len(maker.shared_key.key) == 32
    assert len(maker.shared_key.verification.split()) == 3


def test_two_pairings_over_one_code_give_different_keys() -> None:
    keys = set()
    for _ in range(2):
        maker, joiner = both()
        _, proof = confirms(maker, joiner)
        maker.receive(proof)
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
    maker, joiner = both(joiner=guess)
    maker_proof, joiner_proof = confirms(maker, joiner)
    for side, proof in ((maker, joiner_proof), (joiner, maker_proof)):
        with pytest.raises(WrongCode):
            side.receive(proof)
        assert side.state is PairingState.FAILED
        with pytest.raises(RuntimeError):
            _ = side.shared_key


def test_a_failed_pairing_takes_no_second_guess() -> None:
    maker, joiner = both()
    _, proof = confirms(maker, joiner)
    assert isinstance(proof, Confirm)
    with pytest.raises(WrongCode):
        maker.receive(Confirm(body=bytes(32)))
    with pytest.raises(PairingFailed):
        maker.receive(proof)


def test_own_messages_reflected_are_refused() -> None:
    maker, _ = both()
    (own,) = maker.start()
    with pytest.raises(PairingFailed):
        maker.receive(own)

    maker, _ = both()
    (own,) = maker.start()
    assert isinstance(own, Pake)
    as_if_joiner = Pake(body=b"B" + own.body[1:])
    with pytest.raises(PairingFailed):
        maker.receive(as_if_joiner)

    maker, joiner = both()
    own_proof, _ = confirms(maker, joiner)
    with pytest.raises(WrongCode):
        maker.receive(own_proof)


def test_two_makers_do_not_pair() -> None:
    one, other = Pairing(CODE, Side.MAKER), Pairing(CODE, Side.MAKER)
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
    maker, _ = both()
    maker.start()
    with pytest.raises(PairingFailed):
        maker.receive(Pake(body=body))
    assert maker.state is PairingState.FAILED


@pytest.mark.parametrize("length", [0, 1, 31, 33, 1024])
def test_a_proof_of_another_length_is_refused(length: int) -> None:
    maker, joiner = both()
    _, proof = confirms(maker, joiner)
    assert isinstance(proof, Confirm)
    with pytest.raises(WrongCode):
        maker.receive(Confirm(body=(proof.body * 32)[:length]))


@given(st.binary(max_size=40))
@settings(max_examples=50, deadline=None)
def test_noise_only_ever_fails_the_pairing(body: bytes) -> None:
    maker, _ = both()
    maker.start()
    try:
        maker.receive(Pake(body=b"B" + body))
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
        (PairingState.PAIRED, Confirm(body=bytes(32))),
    ],
)
def test_words_out_of_turn_fail_the_pairing(until: PairingState, word: Word) -> None:
    maker, joiner = both()
    if until is PairingState.WAITING_PAKE:
        maker.start()
    elif until is not PairingState.UNSTARTED:
        _, proof = confirms(maker, joiner)
        if until is PairingState.PAIRED:
            maker.receive(proof)
    assert maker.state is until
    with pytest.raises(PairingFailed):
        maker.receive(word)
    assert maker.state is PairingState.FAILED


@pytest.mark.parametrize("side", Side)
def test_what_a_wrong_guess_means_is_told_to_each_side(side: Side) -> None:
    error = wrong_code(side)
    assert "guess" in error.message
    assert "typo" in error.message
    assert "new one" in error.hint


def test_the_words_give_more_than_two_to_the_twentieth_guesses() -> None:
    assert len(set(word_list())) == len(word_list())
    assert len(word_list()) ** WORD_COUNT >= 2**20
    drawn = {new_code(7).words for _ in range(200)}
    assert len(drawn) > 190


def test_the_transcript_names_the_nameplate_and_both_messages() -> None:
    maker, joiner = both()
    _, proof = confirms(maker, joiner)
    maker.receive(proof)
    known = maker.shared_key.transcript
    assert len(known) == 32
    maker._nameplate += 1
    assert maker._transcript() != known


def test_secrets_do_not_show() -> None:
    maker, joiner = both()
    _, proof = confirms(maker, joiner)
    maker.receive(proof)
    assert repr(maker.shared_key) == str(maker.shared_key) == "SharedKey()"
    assert "acrobat" not in repr(maker)
