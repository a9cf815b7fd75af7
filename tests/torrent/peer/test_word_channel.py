"""The words of a session over one connection: cut, put together again, and bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.torrent.peer import word_channel
from filesend_tui.core.torrent.peer.word_channel import WordChannel
from filesend_tui.core.wire.word_messages import MAX_WORD, WORD_CHUNK, WordChunk


class Host:
    """A peer whose wire is emptied by hand."""

    def __init__(self) -> None:
        self.wire: list[WordChunk] = []
        self.woken = 0

    def send_chunk(self, chunk: WordChunk) -> int:
        self.wire.append(chunk)
        return sum(1 + len(each.data) for each in self.wire)

    def flush(self) -> None:
        self.woken += 1


class Receiver:
    """Notes what it is given; `believes` whether that is the partner's."""

    def __init__(self) -> None:
        self.open: list[WordChannel] = []
        self.heard: list[bytes] = []
        self.believes = True

    def channel_opened(self, channel: WordChannel) -> None:
        self.open.append(channel)

    def channel_closed(self, channel: WordChannel) -> None:
        self.open.remove(channel)

    def channel_heard(self, _channel: WordChannel, sealed: bytes) -> bool:
        self.heard.append(sealed)
        return self.believes


def test_it_is_offered_once_and_taken_back_once() -> None:
    receiver = Receiver()
    channel = WordChannel(Host(), receiver)
    channel.close()
    for _ in range(2):
        channel.open()
    assert receiver.open == [channel]
    for _ in range(2):
        channel.close()
    assert receiver.open == []


@given(st.lists(st.integers(1, 3 * WORD_CHUNK + 1), max_size=5))
def test_words_arrive_whole_and_in_order_a_few_chunks_at_a_time(sizes: list[int]) -> None:
    host, receiver = Host(), Receiver()
    sending, receiving = WordChannel(host, Receiver()), WordChannel(Host(), receiver)
    words = [bytes([n + 1]) * size for n, size in enumerate(sizes)]
    for word in words:
        sending.send(word)
    assert host.woken == len(words)
    while sending.fill():
        assert len(host.wire) <= word_channel._AT_A_TIME // WORD_CHUNK + 1 + len(words)
        for chunk in host.wire:
            assert 0 < len(chunk.data) <= WORD_CHUNK
            assert receiving.receive(chunk)
        host.wire.clear()
    assert sending.idle
    assert receiver.heard == words


def test_a_word_without_end_is_refused() -> None:
    receiver = Receiver()
    channel = WordChannel(Host(), receiver)
    chunk = WordChunk(bytes(WORD_CHUNK), last=False)
    taken = 0
    while channel.receive(chunk):
        taken += len(chunk.data)
    assert MAX_WORD - WORD_CHUNK <= taken <= MAX_WORD
    assert receiver.heard == []


def test_what_is_not_the_partners_is_refused() -> None:
    receiver = Receiver()
    receiver.believes = False
    assert not WordChannel(Host(), receiver).receive(WordChunk(b"x", last=True))
