"""torrent/group.py: what is made once for several, and whose words a connection carries."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.events import SessionId
from filesend_tui.core.meeting.invitation import Reach
from filesend_tui.core.torrent.group import MOST_UNOPENED, Group, GroupWords, Shared
from filesend_tui.core.torrent.peer.word_channel import WordChannel
from filesend_tui.core.torrent.torrent import Torrent
from filesend_tui.core.wire.word_messages import WordChunk
from tests.torrent.lab import TRACKERS, Hub, Node, write_tree


class Host:
    """A peer's wire, as far as a channel needs it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send_chunk(self, chunk: WordChunk) -> int:
        self.sent.append(chunk.data)
        return 0

    def flush(self) -> None:
        pass


class Words:
    """The words of one session: whatever begins with its key is its partner's."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.open: list[WordChannel] = []
        self.heard: list[bytes] = []

    def greeting(self) -> bytes:
        return self.key + b"hello"

    def channel_opened(self, channel: WordChannel) -> None:
        self.open.append(channel)

    def channel_closed(self, channel: WordChannel) -> None:
        self.open.remove(channel)

    def channel_heard(self, _channel: WordChannel, sealed: bytes) -> bool:
        if not sealed.startswith(self.key):
            return False
        self.heard.append(sealed)
        return True


def channel(words: GroupWords) -> tuple[WordChannel, Host]:
    host = Host()
    made = WordChannel(host, words)
    made.open()
    return made, host


def sent(made: WordChannel, host: Host) -> list[bytes]:
    made.fill()
    return host.sent


def test_a_sender_knows_a_connection_by_the_first_word_and_answers_it() -> None:
    words, bob, cid = GroupWords(), Words(b"B"), Words(b"C")
    words.add("to-bob", bob)
    words.add("to-cid", cid)
    made, host = channel(words)
    assert sent(made, host) == []
    assert bob.open == cid.open == []
    assert words.channel_heard(made, b"Chello")
    assert (bob.open, cid.open) == ([], [made])
    assert sent(made, host) == [b"Chello"]
    # From then on it is of that session alone.
    assert not words.channel_heard(made, b"Bhello")
    made.close()
    assert cid.open == []


def test_a_receiver_says_the_first_word_to_everybody_and_uses_what_answers() -> None:
    words, ann = GroupWords(greets=True), Words(b"A")
    words.add("from-ann", ann)
    (to_ann, ann_host), (to_cid, cid_host) = channel(words), channel(words)
    assert sent(to_ann, ann_host) == sent(to_cid, cid_host) == [b"Ahello"]
    assert words.channel_heard(to_cid, b"Chello")  # another receiver's, for the sender
    assert ann.open == []
    assert words.channel_heard(to_ann, b"Ahello")
    assert ann.open == [to_ann]
    assert sent(to_ann, ann_host) == [b"Ahello"]  # no answer to an answer


def test_what_nobody_can_open_is_borne_with_a_few_times() -> None:
    words = GroupWords()
    words.add("to-bob", Words(b"B"))
    made, _ = channel(words)
    assert [words.channel_heard(made, b"?") for _ in range(MOST_UNOPENED + 1)] == [
        *[True] * MOST_UNOPENED,
        False,
    ]


def test_who_leaves_hears_no_more() -> None:
    words, bob = GroupWords(), Words(b"B")
    words.add("to-bob", bob)
    made, _ = channel(words)
    words.channel_heard(made, b"B1")
    words.remove("to-bob")
    assert bob.open == []
    words.channel_heard(made, b"B2")
    assert bob.heard == [b"B1"]
    made.close()


def test_an_event_of_the_torrent_is_one_for_each_member() -> None:
    group = Group(2)
    for name in ("bob", "cid"):
        group.join(f"to-{name}", SessionId(name), None)
    event = e.TorrentDestroyed(torrent="t", transfer=group.id)
    published: list[Any] = list(group.of_members(event))
    assert [(each.transfer, each.session) for each in published] == [
        ("to-bob", "bob"),
        ("to-cid", "cid"),
    ]
    nobodys = e.TorrentDestroyed(torrent="t")
    assert list(group.of_members(nobodys)) == [nobodys]


def test_all_have_to_pause_and_all_to_be_away() -> None:
    group = Group(2)
    for name in ("bob", "cid"):
        group.join(name, SessionId(name), None)
    assert [group.all_in({"bob"}), group.all_in({"bob", "cid"})] == [False, True]
    assert not group.partner_away("bob", away=True)
    assert not group.leave("cid")
    assert group.all_away
    assert group.leave("bob")
    assert not group.leave("bob")
    assert not group.all_in({"bob", "cid"})


async def serve(sender: Node, group: Group, name: str, source: Path) -> Torrent:
    """Serve a file to one more member of a group, who has said yes."""
    yes: asyncio.Future[Reach | None] = asyncio.get_running_loop().create_future()
    yes.set_result(None)
    torrent = await sender.engine.serve_in(
        group,
        await sender.engine.look_through([source]),
        trackers=TRACKERS,
        transfer=name,
        session=SessionId(name),
        words=Words(name.encode()),
        approved=yes,
    )
    return sender.engine._torrents[torrent]


async def test_a_pause_counts_before_there_is_a_torrent_and_holds_up_nobody_who_comes_later(
    hub: Hub, tmp_path: Path
) -> None:
    source = write_tree(tmp_path, {"film.bin": b"x" * 100_000}) / "film.bin"
    async with Node(ClientConfig(output=tmp_path)) as sender:
        engine, group = sender.engine, Group(2)
        engine.pause("bob", paused=True)
        torrent = await serve(sender, group, "bob", source)
        assert torrent._paused
        assert await serve(sender, group, "cid", source) is torrent
        assert not torrent._paused
        engine.pause("cid", paused=True)
        assert torrent._paused
        engine.pause("bob", paused=False)
        assert not torrent._paused


async def test_who_leaves_is_told_the_last_figures(hub: Hub, tmp_path: Path) -> None:
    source = write_tree(tmp_path, {"film.bin": b"x"}) / "film.bin"
    async with Node(ClientConfig(output=tmp_path)) as sender:
        group = Group(2)
        torrent = await serve(sender, group, "bob", source)
        torrent._reporter.block_sent(1)
        torrent._reporter.block_sent(2)  # waits: figures come four times a second at most
        await sender.engine.leave(group, "bob")
        await sender.until(lambda: sender.of(e.TorrentDestroyed))
        assert [each.uploaded_bytes for each in sender.of(e.Upload)] == [1, 3]


async def test_what_is_shared_is_made_once_and_outlives_who_began_it() -> None:
    made = 0
    go = asyncio.Event()

    async def make() -> int:
        nonlocal made
        made += 1
        await go.wait()
        return made

    shared: Shared[int] = Shared()
    first, second = (asyncio.create_task(shared.get(make)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert not shared.done
    go.set()
    assert await second == 1
    assert await shared.get(make) == made == 1
    assert shared.done


async def test_what_fails_fails_for_all() -> None:
    async def fail() -> int:
        raise OSError

    shared: Shared[int] = Shared()
    for _ in range(2):
        with pytest.raises(OSError):
            await shared.get(fail)
    assert not shared.done
    await shared.give_up()


def test_secrets_are_in_no_repr() -> None:
    group = Group(2)
    assert group.swarm_key.hex() not in repr(group)
    assert repr(group.swarm_key) not in repr(group)
