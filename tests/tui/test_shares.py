"""Open shares: what the store makes of their events, and the keys that start and stop them."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from filesend_tui.core import events
from filesend_tui.core.errors import BadSource, TrackerFailed
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.work import WorkScreen
from filesend_tui.state.qr import half_blocks
from filesend_tui.state.store import SHARING, Store
from filesend_tui.widgets.bars.key_bar import KeyBar
from filesend_tui.widgets.code_card import QrCode
from filesend_tui.widgets.transfers.peer_lines import PeerLines
from filesend_tui.widgets.transfers.transfer_list import TransferList, state_words
from tests.state.test_store import fed
from tests.tui.moments import (
    FILM,
    MAGNET,
    SHARE,
    came,
    paired,
    peer,
    receiving,
    seeding,
    sending,
    shared,
    swarm,
    upload,
    went,
)
from tests.tui.scripted import Stage
from tests.tui.test_app import notice

LINK = f"https://instant.io/#{MAGNET}"
A, B = peer("a"), peer("b")


# -- the store


def test_a_seeding_without_a_transfer_is_a_share() -> None:
    store = fed(seeding(LINK))
    (row,) = store.open_shares
    assert (row.id, row.name, row.total_bytes) == (SHARE, FILM[0].path, FILM[0].size)
    assert (row.magnet, row.link, row.preparing) == (MAGNET, LINK, False)
    assert store.transfers == ()


def test_what_belongs_to_a_transfer_is_no_share() -> None:
    assert fed(*sending("s1"), events.Hashing(transfer="s1", progress=0.5)).open_shares == ()
    ours = events.Seeding(
        torrent="b" * 40, info_hash="", name="n", magnet_uri="m", total_bytes=1, transfer="s1"
    )
    assert fed(*sending("s1"), ours).open_shares == ()


def test_a_share_is_prepared_for_as_long_as_its_command_runs() -> None:
    store = Store()
    hashing = events.Hashing(progress=0.4, hashed_bytes=4, total_bytes=10)
    with store.doing(SHARING):
        store.apply(hashing, 1)
        (row,) = store.open_shares
        assert (row.preparing, row.progress, row.total_bytes) == (True, 0.4, 10)
    store.apply(hashing, 2)  # news that came late
    assert not store.open_shares
    with store.doing(SHARING):
        assert not store.open_shares
        store.apply(hashing, 3)
        store.apply(seeding(), 4)
        assert [each.id for each in store.open_shares] == [SHARE]


TAKEN: dict[str, tuple[list[events.Event], int, int]] = {
    "nobody came": ([], 0, 0),
    "one is here": ([came(A), swarm(a=0.4)], 0, 1),
    "one has everything": ([came(A), swarm(a=0.4), swarm(a=1.0)], 1, 1),
    "and is still counted once when gone": (
        [came(A), swarm(a=0.4), swarm(a=1.0), went(A)],
        1,
        0,
    ),
    "one went when it had everything": ([came(A), swarm(a=0.4), went(A)], 1, 0),
    "one went before": ([came(A), swarm(a=0.4), upload(5), went(A, complete=False)], 0, 0),
    "something small, too fast to be seen": ([came(A), upload(5), went(A, sent=5)], 1, 0),
    "one came back as a seed, while another fetched": (
        [came(A), went(A, sent=5), came(B), upload(5), went(B), came(A), upload(9), went(A)],
        1,
        0,
    ),
    "somebody else's seed said hello": ([upload(5), came(A), swarm(a=1.0), went(A)], 0, 0),
    "two": ([came(A), came(B), swarm(a=0.1, b=0.9), went(B), went(A)], 2, 0),
    "a connection that never opened": ([went(A, complete=False)], 0, 0),
    "another torrent's": (
        [events.PeerConnected(torrent="d" * 40, address=A, client="", road="webrtc")],
        0,
        0,
    ),
}


@pytest.mark.parametrize(("happened", "taken", "connected"), TAKEN.values(), ids=TAKEN)
def test_who_took_it_and_who_is_here(
    happened: list[events.Event], taken: int, connected: int
) -> None:
    (row,) = fed(seeding(), *happened).open_shares
    assert (row.taken, row.connected) == (taken, connected)


def test_a_share_shows_its_uploads_and_a_graph_of_them() -> None:
    store = fed(*shared())
    (row,) = store.open_shares
    assert (row.uploaded, row.speed) == ("1.1 GB", "6.3 MB/s")
    store.sample(200)
    store.sample(201)
    detail = store.shares.detail(SHARE)
    assert detail.rates == (6_300_000.0, 6_300_000.0)
    assert [entry.address for entry in detail.peers] == [B, peer("c")]


def test_a_preparation_that_stands_still_says_so_and_for_how_long() -> None:
    store = fed()
    with store.doing(SHARING):
        store.apply(events.Hashing(progress=0.4, total_bytes=10), 100.0)
        for second in range(1, 10):
            store.sample(100.0 + second)
        assert not store.open_shares[0].waited
        store.sample(110.0)
        assert store.open_shares[0].waited == "0:10"
        assert state_words(store.open_shares[0]) == "! standing still"
        store.sample(111.0)
        assert store.open_shares[0].waited == "0:11"
        store.apply(events.Hashing(progress=0.5, total_bytes=10), 112.0)
        assert not store.open_shares[0].waited


def test_a_stopped_share_is_gone_and_told() -> None:
    store = fed(*shared(), events.TorrentDestroyed(torrent=SHARE))
    assert store.open_shares == ()
    assert store.notice is not None
    assert store.notice.message == "the long way home.mp4 is no longer shared."
    store.apply(upload(9), 200)
    store.apply(swarm(a=0.5), 200)
    assert store.open_shares == ()


# -- starting one


async def chosen(stage: Stage, pilot: Pilot[None]) -> None:
    """Be alone, with a file chosen."""
    await stage.settle(pilot)
    await pilot.press("s")
    await stage.settle(pilot)
    await pilot.press("end", "space")
    await stage.settle(pilot)


async def test_o_says_what_it_means_and_shares_without_a_partner(stage: Stage, home: Path) -> None:
    async with stage.app.run_test() as pilot:
        await chosen(stage, pilot)
        await pilot.press("O")
        assert isinstance(stage.app.screen, ConfirmScreen)
        about = str(stage.app.screen.query_one("#about", Static).render())
        assert "Anyone with the link can download it" in about
        assert "this machine only" in about, "the relay is on a loopback address"
        await pilot.press("enter")  # the safe answer has the keys
        await stage.settle(pilot)
        assert stage.client.named("seed") == []
        await pilot.press("O", "y")
        await stage.settle(pilot)
        tracker = "ws://127.0.0.1:8421/announce"
        assert stage.client.named("seed") == [((home / "taxes 2025.pdf",), (tracker,))]
        assert stage.client.named("request") == []
        assert stage.app.current_mode == "transfers"


async def test_o_needs_a_choice_and_a_relay(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("s")
        await stage.settle(pilot)
        await pilot.press("O")
        assert "Nothing is chosen yet." in notice(stage)
        await pilot.press("space")
        await stage.play(pilot, events.Relay(state="lost", url="http://127.0.0.1:8421"))
        await pilot.press("O")
        assert "There is no relay to share by." in notice(stage)
        assert not isinstance(stage.app.screen, ConfirmScreen)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BadSource("cat.jpg cannot be read."), "cat.jpg cannot be read."),
        (TrackerFailed("No."), "The relay at http://127.0.0.1:8421 does not take the torrent."),
    ],
)
async def test_a_share_that_fails_is_told(stage: Stage, error: Exception, told: str) -> None:
    stage.client.fails["seed"] = error
    async with stage.app.run_test() as pilot:
        await chosen(stage, pilot)
        await pilot.press("O", "y")
        await stage.settle(pilot)
        assert told in notice(stage).replace("\n", " ")
        assert stage.app.store.open_shares == ()


async def test_preparing_can_be_stopped(stage: Stage) -> None:
    stage.client.hangs["seed"] = asyncio.Event()
    stage.stuck = {SHARING}
    async with stage.app.run_test() as pilot:
        await chosen(stage, pilot)
        await pilot.press("O", "y")
        await stage.play(pilot, events.Hashing(progress=0.42, total_bytes=811_000))
        assert "preparing" in shown(stage)
        await pilot.press("s", "space", "O")
        assert "Another share is still being prepared." in notice(stage)
        await pilot.press("t", "x", "y")
        stage.stuck = set()
        await stage.settle(pilot)
        assert stage.app.store.busy == frozenset()
        assert stage.app.store.open_shares == ()


# -- watching and stopping one


def shown(stage: Stage) -> str:
    table = stage.app.screen.query_one(TransferList)
    return "\n".join(table.render_line(y).text for y in range(table.size.height))


async def opened(stage: Stage, pilot: Pilot[None], *happened: events.Event) -> WorkScreen:
    await stage.settle(pilot)
    await stage.play(pilot, *happened)
    await pilot.press("t")
    await stage.settle(pilot)
    assert isinstance(stage.app.screen, WorkScreen)
    return stage.app.screen


async def test_a_share_says_all_there_is_to_say_and_its_keys(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *shared())
        for words in ("◇ the long way home.mp4", "812.4 MB", "for anyone with the link"):
            assert words in shown(stage)
        for words in ("shared openly", "1 took it", "2 here now", "6.3 MB/s", "1.1 GB sent"):
            assert words in shown(stage)
        assert f"filesend download '{MAGNET}'" in str(screen.query_one("#share", Static).render())
        keys = screen.query_one(KeyBar).render_line(0).text
        assert keys.startswith(" c Copy link  x Stop sharing  i Details  ? Help")
        assert not screen.query_one(PeerLines).display
        await pilot.press("i")
        assert screen.query_one(PeerLines).render_line(0).text.split() == ["Peers", "2"]


async def test_the_command_downloads_it(stage: Stage) -> None:
    """What stands on the card is what a shell splits into the command and the whole link."""
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *shared())
        said = str(screen.query_one("#share", Static).render()).splitlines()[-1]
        assert shlex.split(said) == ["filesend", "download", MAGNET]


@pytest.mark.parametrize("link", [None, LINK])
@pytest.mark.parametrize("size", [(109, 44), (200, 60)], ids=str)
async def test_where_there_is_room_the_link_is_a_picture_too(
    stage: Stage, link: str | None, size: tuple[int, int]
) -> None:
    async with stage.app.run_test(size=size) as pilot:
        screen = await opened(stage, pilot, *shared(link))
        picture = screen.query_one("#share-qr", QrCode)
        assert picture.display
        assert picture.size == picture.picture
        lines = [picture.render_line(y).text for y in range(picture.size.height)]
        assert lines == list(half_blocks(link or MAGNET))
        assert MAGNET in str(screen.query_one("#share", Static).render())
        await pilot.press("i")
        assert not picture.display
        await pilot.press("i")
        await pilot.resize_terminal(80, 24)
        await stage.settle(pilot)
        assert not picture.display


async def test_it_stays_on_top_and_the_detail_follows_the_cursor(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        screen = await opened(stage, pilot, *shared(), paired(), *receiving("r1"))
        assert "shared openly" in shown(stage).splitlines()[1]
        assert screen.query_one("#share").display
        await pilot.press("down")
        assert not screen.query_one("#share").display
        assert screen.query_one("#files").display
        assert not screen.query_one("#share-qr").display
        assert (
            screen.query_one(KeyBar)
            .render_line(0)
            .text.startswith(" Space Pause  x Cancel  i Details")
        )


async def test_c_copies_the_link(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot, *shared())
        await pilot.press("c")
        assert stage.app.clipboard == MAGNET
        assert "The magnet link was copied." in notice(stage)


async def test_with_a_page_both_links_can_be_copied(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot, *shared(LINK))
        await pilot.press("c")
        assert stage.app.clipboard == LINK
        await pilot.press("C")
        assert stage.app.clipboard == MAGNET


async def test_x_asks_and_then_stops(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot, *shared())
        await pilot.press("x", "n")
        await stage.settle(pilot)
        assert stage.client.named("remove") == []
        await pilot.press("x", "y")
        await stage.settle(pilot)
        assert stage.client.named("remove") == [(SHARE,)]
        assert "is no longer shared." in notice(stage)
        assert stage.app.store.open_shares == ()


async def test_quitting_counts_it_and_disconnecting_does_not(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await opened(stage, pilot, paired(), *shared())
        await pilot.press("D")
        await stage.settle(pilot)
        assert stage.client.named("leave") == [()]
        await pilot.press("q")
        assert isinstance(stage.app.screen, ConfirmScreen)
        question = str(stage.app.screen.query_one("#question", Static).render())
        assert question == "Quit while files are shared openly?"
        about = str(stage.app.screen.query_one("#about", Static).render())
        assert about == "The link to the long way home.mp4 will stop working."
        await pilot.press("y")
        await asyncio.wait_for(stage.client.destroyed.wait(), 5)
