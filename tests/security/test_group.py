"""One of several receivers of the same means harm: to the others, and to whom is which."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from filesend_tui.core import events as e
from filesend_tui.core.torrent.torrent import MOST_LIES
from filesend_tui.core.wire import messages as m
from tests.conftest import RunningRelay
from tests.core.test_client import yes
from tests.core.test_group import CAP, DATA, party
from tests.hostile.stage import Stage
from tests.torrent.lab import TRACKERS, write_tree

TRANSFER = "0123456789abcdef"
KEY = bytes(range(32))


def test_receivers_who_send_what_is_false_are_banned_and_it_goes_on(
    stage: Stage, tmp_path: Path
) -> None:
    async def act() -> None:
        receiver = await stage.node()
        await receiver.engine.add(
            stage.magnet, folder=tmp_path / "in", transfer=TRANSFER, swarm_key=KEY, members=9
        )
        for number in range(2 * MOST_LIES):
            villain = await stage.villain(receiver, f"villain{number}")
            villain.on[m.Request] = lambda r: [m.Piece(r.index, r.begin, bytes(r.length))]
            await villain.seem_good()
            assert await stage.drops(receiver, f"villain{number}") == "badPiece"
        sender = await stage.node()
        await sender.engine.seed([tmp_path / "source"], trackers=TRACKERS, swarm_key=KEY)
        await stage.arrived(receiver)

    stage.play(act)


async def test_another_receivers_greeting_played_to_the_sender_takes_no_word_away(
    relay: RunningRelay, tmp_path: Path
) -> None:
    """Mal says to the sender what Bob said to Mal; Bob's last words take his own channel, too."""
    write_tree(tmp_path / "src", {"film.bin": DATA})
    async with party(relay, tmp_path, "Bob Mal", upload_limit=CAP) as people:
        ann, (bob, mal) = people.sender, people.others
        to_bob, _ = await people.ask(tmp_path / "src/film.bin")
        await yes(mal)
        await mal.until(partial(mal.of, e.PeerConnected))
        (torrent,) = mal.client._engine._torrents.values()
        words: Any = torrent._swarm._words
        heard = asyncio.Event()
        spoken: list[bytes] = []
        real = words.channel_heard

        def overhear(channel: Any, sealed: bytes) -> bool:
            spoken.append(sealed)
            for each in words._owners:
                if each is not channel:
                    each.send(sealed)
            heard.set()
            return bool(real(channel, sealed))

        words.channel_heard = overhear
        await yes(bob)
        await bob.until(partial(bob.of, e.Download))
        await asyncio.wait_for(heard.wait(), 60)
        assert await bob.ended(to_bob) == "done"
        assert await ann.ended(to_bob) == "done"
        assert spoken
