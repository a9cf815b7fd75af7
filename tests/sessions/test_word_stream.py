"""Two streams and lines that lose, repeat and break: every word is taken once, in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.errors import FileSendError
from filesend_tui.core.sessions import word_stream
from filesend_tui.core.sessions.envelope import Envelope
from filesend_tui.core.sessions.word_stream import Kept, WordStream
from relay.protocol.words import Acknowledge, Message, ProgressUpdate


def text(number: int) -> Message:
    return Message(text=f"word {number}")


def hear(listener: WordStream, speaker: WordStream, *envelopes: Envelope) -> list[object]:
    heard = (listener.hear(speaker.stamped(each)) for each in envelopes)
    return [word for word in heard if word is not None]


def test_words_are_numbered_kept_and_forgotten_once_acknowledged() -> None:
    ada, bob = WordStream(), WordStream()
    said = [ada.say(text(n)) for n in range(3)]
    assert [envelope.number for envelope in said] == [1, 2, 3]
    assert not ada.is_settled
    assert hear(bob, ada, *said) == [text(0), text(1), text(2)]
    assert bob.owes
    hear(ada, bob, Envelope(Acknowledge()))
    assert ada.is_settled
    assert not bob.owes


def test_what_was_lost_is_sent_again_and_what_was_not_is_taken_once() -> None:
    ada, bob = WordStream(), WordStream()
    said = [ada.say(text(n)) for n in range(4)]
    assert hear(bob, ada, said[0], said[1]) == [text(0), text(1)]
    assert hear(bob, ada, *ada.unacknowledged()) == [text(2), text(3)]
    assert bob.taken == 4


def test_a_word_before_which_another_is_missing_waits_to_be_repeated() -> None:
    ada, bob = WordStream(), WordStream()
    first, second = ada.say(text(0)), ada.say(text(1))
    assert hear(bob, ada, second) == []
    assert bob.owes  # so that the other side learns what to repeat
    assert hear(bob, ada, first, second) == [text(0), text(1)]


def test_figures_have_no_number_and_are_not_kept() -> None:
    ada, bob = WordStream(), WordStream()
    figures = ProgressUpdate(id="0" * 16, downloaded=1, download_speed=1, progress=0.5)
    assert hear(bob, ada, Envelope(figures)) == [figures]
    assert ada.is_settled
    assert not bob.owes


def test_who_acknowledges_what_was_never_said_is_refused() -> None:
    ada = WordStream()
    ada.say(text(0))
    with pytest.raises(FileSendError, match="never said"):
        ada.hear(Envelope(Acknowledge(), taken=2))


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_stream, "MOST_KEPT", 3)
    ada = WordStream()
    for n in range(3):
        ada.say(text(n))
    with pytest.raises(FileSendError, match="waits already"):
        ada.say(text(3))
    ada.acknowledged(1)
    assert ada.say(text(3)).number == 4
    monkeypatch.setattr(word_stream, "MOST_KEPT_BYTES", 100)
    ada.acknowledged(4)
    with pytest.raises(FileSendError, match="waits already"):
        ada.say(Message(text="x" * 200))
    assert ada.is_settled


def test_a_stream_goes_on_in_another_process() -> None:
    ada, bob = WordStream(), WordStream()
    said = [ada.say(text(n)) for n in range(3)]
    hear(bob, ada, *said[:2])
    kept = tuple(Kept(each.number, each.word, 10) for each in ada.unacknowledged())
    again, other = WordStream(said=ada.said, kept=kept), WordStream(taken=bob.taken)
    assert hear(other, again, *again.unacknowledged(), again.say(text(3))) == [text(2), text(3)]


@given(
    st.lists(
        st.sampled_from(["say a", "say b", "lose", "repeat a", "repeat b", "figures"]), max_size=60
    )
)
def test_whatever_the_lines_do_words_arrive_once_and_in_order(steps: list[str]) -> None:
    """Each line delivers in order what it delivers; a repetition starts after the last loss."""
    sides = {"a": WordStream(), "b": WordStream()}
    flying: dict[str, list[Envelope]] = {"a": [], "b": []}  # by speaker
    said: dict[str, list[object]] = {"a": [], "b": []}
    taken: dict[str, list[object]] = {"a": [], "b": []}

    def deliver(speaker: str) -> None:
        for envelope in flying[speaker]:
            word = sides["b" if speaker == "a" else "a"].hear(envelope)
            if isinstance(word, Message):
                taken[speaker].append(word)
        flying[speaker].clear()

    for n, step in enumerate(steps):
        side = step[-1]
        match step.split()[0]:
            case "say":
                word = text(n)
                said[side].append(word)
                flying[side].append(sides[side].stamped(sides[side].say(word)))
            case "lose":
                flying["a"].clear()
                flying["b"].clear()
            case "repeat":
                again = sides[side].unacknowledged()
                flying[side].extend(map(sides[side].stamped, again))
            case "figures":
                deliver("a")
                deliver("b")
    for side in ("a", "b"):
        for _ in range(2):
            flying[side].extend(map(sides[side].stamped, sides[side].unacknowledged()))
            deliver(side)
    for side, other in (("a", "b"), ("b", "a")):
        assert taken[side] == said[side]
        sides[side].hear(sides[other].stamped(Envelope(Acknowledge())))
        assert sides[side].is_settled
