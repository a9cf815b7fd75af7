"""How each screen looks at each moment that matters, at five sizes.

Update with `pytest tests/tui/test_snapshots.py --snapshot-update`, then look at every picture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from pytest_textual_snapshot import SVGImageExtension  # type: ignore[import-untyped]
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.widgets import Input

from filesend_tui.core import events
from filesend_tui.core.choices import Arriving, Overwrite
from filesend_tui.core.errors import BadSource, Offender, RelayUnreachable, UnknownCode
from filesend_tui.core.events import Direction, FileEntry, PausedBy, TransferPhase
from filesend_tui.core.nearby.people import NearbyPerson
from filesend_tui.core.torrent.storage.arrival.existing import Existing
from filesend_tui.settings.preferences import Preferences
from tests.tui.moments import (
    ANA,
    FILM,
    MAGNET,
    PHOTOS,
    arrived,
    asked,
    by_relay,
    coming_back,
    held_back,
    left,
    paired,
    past,
    phase,
    rate,
    receiving,
    sending,
    shared,
    upload,
    waiting,
    wave,
)
from tests.tui.moments import paused as pausing
from tests.tui.scripted import URL, WHEN, Stage, fill_scans
from tests.tui.scripted_nearby import Network

Play = Callable[[Stage, Pilot[None]], Awaitable[None]]
MOMENTS: dict[str, Play] = {}
MANY = tuple(
    FileEntry(path=f"archive/{n // 100:02}/scan {n:05}.tif", size=n * 977) for n in range(10_000)
)


MIXED = (
    *PHOTOS,
    FileEntry(path="holiday/.thumbs/boat.jpg", size=12_004),
    *(FileEntry(path=f"scans/page {n}.tif", size=n * 1_000_003) for n in range(1, 31)),
    FileEntry(path="a very long name of a letter that somebody wrote to somebody.odt", size=8_000),
)


def moment(play: Play) -> Play:
    MOMENTS[play.__name__] = play
    return play


async def begin(stage: Stage, pilot: Pilot[None], *happened: events.Event) -> None:
    """Be paired, and among the transfers with these things behind us."""
    await stage.settle(pilot)
    await stage.play(pilot, paired())
    await pilot.press("t")
    await stage.play(pilot, *happened)


def refuse(stage: Stage, folder: Path, *names: str) -> None:
    """Have the core refuse these files."""
    offenders = [Offender(folder / name, "may not be read") for name in names]
    message = f"{len(names)} things that were chosen cannot be sent."
    stage.client.fails["request"] = BadSource(message, offenders=offenders)


async def ask(stage: Stage, pilot: Pilot[None], files: tuple[FileEntry, ...] = PHOTOS) -> None:
    """Be asked, and look at it."""
    await begin(stage, pilot)
    await stage.play(pilot, *asked("r1", files))
    await pilot.press("f2")
    await stage.settle(pilot)


@moment
async def waiting_for_the_relay(stage: Stage, pilot: Pilot[None]) -> None:
    stage.relay = asyncio.Event()
    stage.stuck = {"relay"}
    await stage.settle(pilot)


@moment
async def waiting_for_a_partner(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)


@moment
async def typing_a_code(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await pilot.press(*"7-app")
    await stage.settle(pilot)


@moment
async def a_code_that_is_unknown(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.fails["join"] = UnknownCode("No code with this number is open.")
    await stage.settle(pilot)
    await pilot.press(*"9-acorn-acid", "enter")
    await stage.settle(pilot)


@moment
async def a_code_that_has_expired(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await stage.play(pilot, events.CodeGone(reason="expired"))


@moment
async def another_code_than_before(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await stage.play(pilot, events.Relay(state="lost", url=URL))
    await stage.play(pilot, events.Relay(state="connected", url=URL))


@moment
async def a_long_code_after_a_wrong_try(stage: Stage, pilot: Pilot[None]) -> None:
    await a_code_that_is_unknown(stage, pilot)
    stage.client.code = "123456-blacksmith-wheelbarrow"
    await stage.play(pilot, events.CodeGone(reason="joined"))


@moment
async def somebody_tries_the_code(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await stage.play(pilot, events.CodeClaimed())


@moment
async def no_relay(stage: Stage, pilot: Pilot[None]) -> None:
    stage.relay = RelayUnreachable(f"No relay answers at {URL}.")
    await stage.settle(pilot)


@moment
async def freshly_paired(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await stage.play(pilot, paired())
    await stage.settle(pilot)


@moment
async def comparing_words(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot)
    await pilot.press("v")


@moment
async def picking(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot)
    await pilot.press("s")
    await stage.settle(pilot)
    await pilot.press("down", "down", "down", "space", "space")
    await stage.settle(pilot)


@moment
async def picking_alone(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await pilot.press("s")
    await stage.settle(pilot)


async def in_a_folder(stage: Stage, pilot: Pilot[None]) -> None:
    """Be paired, in a folder with many things and some that cannot be sent."""
    fill_scans(stage.home / "Documents")
    await stage.settle(pilot)
    await stage.play(pilot, paired())
    await pilot.press("enter")
    await stage.settle(pilot)


@moment
async def picking_in_a_big_folder(stage: Stage, pilot: Pilot[None]) -> None:
    await in_a_folder(stage, pilot)
    await pilot.press("down", "down", "down", "shift+down", "shift+down", "down", "down")
    await stage.settle(pilot)


@moment
async def looking_into_a_text(stage: Stage, pilot: Pilot[None]) -> None:
    await in_a_folder(stage, pilot)
    await pilot.press("down", "down", "down")
    await stage.settle(pilot)


@moment
async def filtering(stage: Stage, pilot: Pilot[None]) -> None:
    await in_a_folder(stage, pilot)
    await pilot.press("space", "slash", *"scan 12", "enter", "a")
    await stage.settle(pilot)


@moment
async def filtering_to_nothing(stage: Stage, pilot: Pilot[None]) -> None:
    await in_a_folder(stage, pilot)
    await pilot.press("slash", *"lemons")
    await stage.settle(pilot)


@moment
async def in_a_range(stage: Stage, pilot: Pilot[None]) -> None:
    await in_a_folder(stage, pilot)
    await pilot.press("b", "pagedown")
    await stage.settle(pilot)


@moment
async def inside_a_chosen_folder(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await stage.play(pilot, paired())
    await pilot.press("down", "down", "down", "space", "up", "enter")
    await stage.settle(pilot)


@moment
async def what_cannot_be_sent_is_told(stage: Stage, pilot: Pilot[None]) -> None:
    await in_a_folder(stage, pilot)
    refuse(stage, stage.home / "Documents", "scan 3.tif", "scan 12.tif")
    await pilot.press("left")
    await stage.settle(pilot)
    await pilot.press("space", "end", "space", "S")
    await stage.settle(pilot)


@moment
async def what_cannot_be_sent_is_marked(stage: Stage, pilot: Pilot[None]) -> None:
    await what_cannot_be_sent_is_told(stage, pilot)
    await pilot.press("escape", "escape", "home", "enter")
    await stage.settle(pilot)


@moment
async def recent_folders(stage: Stage, pilot: Pilot[None]) -> None:
    await in_a_folder(stage, pilot)
    await pilot.press("space", "left")
    await stage.settle(pilot)
    await pilot.press("space", "e")
    await stage.settle(pilot)


@moment
async def transfers_that_are_paused(stage: Stage, pilot: Pilot[None]) -> None:
    out = Direction.SEND
    await begin(stage, pilot, *receiving("r0"), *sending("s0"))
    await pilot.press("t")
    await stage.play(pilot, pausing("s0", PausedBy.YOU, out), pausing("r0", PausedBy.PARTNER))
    await stage.settle(pilot)


@moment
async def being_asked(stage: Stage, pilot: Pilot[None]) -> None:
    await ask(stage, pilot)
    await pilot.press("down", "space")
    await stage.settle(pilot)


@moment
async def being_told_of_a_request(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r0"))
    await pilot.press("m", *"just a mom")
    await stage.play(pilot, *asked("r1"), *asked("r2", FILM))


@moment
async def being_asked_again_too_soon_for_keys(stage: Stage, pilot: Pilot[None]) -> None:
    await ask(stage, pilot)
    await stage.play(pilot, *asked("r2", FILM))
    stage.app.settling.seconds = 1.0
    await pilot.press("enter")
    await stage.play(pilot, phase("r1", TransferPhase.APPROVED))


@moment
async def being_asked_about_what_is_there(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.arrives = Arriving(overwrite=Overwrite.ASK)
    stage.client.there = [Existing(at, 1, 1, same=False, older=False) for at in (0, 1, 3)]
    await ask(stage, pilot)
    await pilot.press("A", "down", "down", "W")


@moment
async def finding_files_of_a_request(stage: Stage, pilot: Pilot[None]) -> None:
    await ask(stage, pilot, MANY)
    await pilot.press("slash", *"099", "enter", "down", "down", "space")
    await stage.settle(pilot)


@moment
async def a_request_with_folders_in_folders(stage: Stage, pilot: Pilot[None]) -> None:
    await ask(stage, pilot, MIXED)
    await pilot.press("down", "space", "down", "right", "down", "space")
    await stage.settle(pilot)


@moment
async def being_asked_about_many_files(stage: Stage, pilot: Pilot[None]) -> None:
    await ask(stage, pilot, MANY)
    await stage.play(pilot, *asked("r2", FILM))
    await pilot.press("pagedown", "pagedown", "space")
    await stage.settle(pilot)


@moment
async def being_asked_for_more_than_fits(stage: Stage, pilot: Pilot[None]) -> None:
    stage.disk["bytes"] = 300_000_000
    await ask(stage, pilot)


@moment
async def asking(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *asked("s1", FILM, Direction.SEND))


@moment
async def preparing(stage: Stage, pilot: Pilot[None]) -> None:
    out = Direction.SEND
    await begin(
        stage,
        pilot,
        *asked("s1", PHOTOS, out),
        events.FileAnswer(transfer="s1", accepted=(True,) * 6),
        phase("s1", TransferPhase.HASHING, out),
        events.Hashing(transfer="s1", progress=0.42),
    )


@moment
async def transferring_both_ways(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"))
    for bytes_per_second in wave():
        stage.now += 1
        stage.app.store.apply(rate("r1", bytes_per_second, 0.63), stage.now)
        stage.app.store.sample(stage.now)
    await stage.play(
        pilot,
        *asked("s0", PHOTOS[:1], Direction.SEND),
        phase("s0", TransferPhase.DECLINED, Direction.SEND),
        *sending("s1"),
        events.Message(partner=ANA, text="Here come the photos!"),
        events.Message(partner=ANA, text="And here comes the film.", outgoing=True),
    )
    await pilot.press("escape")


@moment
async def standing_still(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"))
    stage.now += 9
    stage.app.store.sample(stage.now)
    await stage.settle(pilot)


@moment
async def waiting_for_their_machine(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"))
    stage.now += 42
    await stage.play(pilot, waiting("r1"))
    stage.app.store.sample(stage.now)
    await stage.settle(pilot)


@moment
async def done(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"), *arrived("r1"))


@moment
async def done_and_where_it_is(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"), *arrived("r1"))
    await pilot.press("o")
    await stage.settle(pilot)


@moment
async def done_with_details(stage: Stage, pilot: Pilot[None]) -> None:
    await transferring_both_ways(stage, pilot)
    await stage.play(pilot, *arrived("r1"))
    await pilot.press("i")
    await stage.settle(pilot)


@moment
async def done_without_some_links(stage: Stage, pilot: Pilot[None]) -> None:
    complete, over = arrived("r1")
    without = msgspec.structs.replace(complete, links_not_made=3)
    await begin(stage, pilot, *receiving("r1"), without, over)
    await pilot.press("t", "i")
    await stage.settle(pilot)


@moment
async def why_it_goes_through_the_relay(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"), *by_relay("r1"))
    await pilot.press("i")
    await stage.settle(pilot)


@moment
async def held_back_by_the_relay(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"), *by_relay("r1"), held_back("r1"))


@moment
async def declined(stage: Stage, pilot: Pilot[None]) -> None:
    out = Direction.SEND
    await begin(stage, pilot, *asked("s1", FILM, out), phase("s1", TransferPhase.DECLINED, out))


@moment
async def failed(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(
        stage,
        pilot,
        *receiving("r1"),
        events.Error(
            code="storageFailed",
            message="The disk refused a write: no space left.",
            hint="Check the folder's permissions and the disk, then try again.",
            transfer="r1",
        ),
        phase("r1", TransferPhase.FAILED, reason="The disk refused a write: no space left."),
    )


@moment
async def the_relay_is_gone(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await stage.play(pilot, events.Relay(state="lost", url=URL))


@moment
async def the_partner_is_away(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"), events.PartnerAway(partner=ANA, reason="lost"))
    stage.now += 42
    stage.app._sample()
    await stage.settle(pilot)


@moment
async def the_relay_is_away(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(
        stage,
        pilot,
        *receiving("r1"),
        events.Relay(state="lost", url=URL),
        events.RelayAway(url=URL, reason="The connection was lost."),
    )


@moment
async def the_partner_is_gone(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(
        stage,
        pilot,
        *receiving("r1"),
        events.PartnerGone(partner=ANA, reason="lost"),
        phase("r1", TransferPhase.FAILED, reason="The other person is gone."),
    )


@moment
async def asked_whether_to_quit(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"))
    await pilot.press("q")
    await stage.settle(pilot)


@moment
async def asked_whether_to_cancel(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *sending("s1"))
    await pilot.press("x")
    await stage.settle(pilot)


@moment
async def asked_whether_to_share_openly(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await pilot.press("s")
    await stage.settle(pilot)
    await pilot.press("end", "space", "O")
    await stage.settle(pilot)


@moment
async def preparing_an_open_share(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.hangs["seed"] = asyncio.Event()
    stage.stuck = {"share"}
    await asked_whether_to_share_openly(stage, pilot)
    await pilot.press("y")
    await stage.play(pilot, events.Hashing(progress=0.42, total_bytes=811_000))


@moment
async def sharing_openly(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *shared())
    for bytes_per_second in wave():
        stage.now += 1
        stage.app.store.apply(upload(1_122_430_112, bytes_per_second), stage.now)
        stage.app.store.sample(stage.now)
    await stage.play(pilot, *receiving("r1"), *shared()[-1:])


@moment
async def sharing_openly_with_a_page(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await stage.play(pilot, *shared(f"https://instant.io/#{MAGNET}"))
    await pilot.press("t", "c")
    await stage.settle(pilot)


@moment
async def asked_whether_to_quit_while_sharing(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"), *shared())
    await pilot.press("q")
    await stage.settle(pilot)


@moment
async def writing_a_line(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, events.Message(partner=ANA, text="Did it arrive?"))
    await pilot.press("m", *"yes, thank")
    await stage.settle(pilot)


@moment
async def a_message_comes_while_picking(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot)
    await pilot.press("s")
    await stage.settle(pilot)
    for text in ("Hello?", "Wait, not those [red]photos[/], send me the ones of last year please!"):
        await stage.play(pilot, events.Message(partner=ANA, text=text))


@moment
async def reading_a_long_talk(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot, *receiving("r1"))
    for number in range(60):
        await stage.play(
            pilot,
            events.Message(partner=ANA, text=f"Line {number} " + "of many words " * (number % 9)),
        )
    await pilot.press("m")
    await stage.settle(pilot)  # before it is laid out there is no page to go up
    await pilot.press("pageup", *"wait")
    await stage.settle(pilot)


@moment
async def old_trouble(stage: Stage, pilot: Pilot[None]) -> None:
    await failed(stage, pilot)
    stage.now += 100
    stage.app.store.sample(stage.now)
    await stage.settle(pilot)


@moment
async def changing_the_settings(stage: Stage, pilot: Pilot[None]) -> None:
    told = {"name": "Ann", "output": "~/inbox", "upload_limit": "2M"}
    held = {"download_limit": "FILESEND_DOWNLOAD_LIMIT"}
    file = Path("~/.config/filesend/settings.toml")
    stage.app._preferences = Preferences(file, {**told, "download_limit": "500k"}, held)
    await begin(stage, pilot)
    await pilot.press("comma", "down", "tab")
    await stage.settle(pilot)


@moment
async def limiting_the_rates(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot)
    await stage.play(pilot, paired(), events.Limits(upload=500_000, download=2_000_000))
    await pilot.press("l", "tab", *"fast", "enter")
    await stage.settle(pilot)


@moment
async def limited_rates(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot)
    await stage.play(pilot, paired(), events.Limits(upload=500_000, download=2_000_000))


@moment
async def the_history(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.past = list(past())
    await begin(stage, pilot)
    await pilot.press("H", "down")
    await stage.settle(pilot)


@moment
async def a_text_that_was_sent(stage: Stage, pilot: Pilot[None]) -> None:
    words = "The key is under the mat.\n\n\t[bold]no markup[/bold]\t$(no command)\n"
    await begin(stage, pilot, events.Text(partner=ANA, text=words))
    await pilot.press("f4")
    await stage.settle(pilot)


@moment
async def an_empty_history(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot)
    await pilot.press("H")
    await stage.settle(pilot)


@moment
async def finding_in_the_history(stage: Stage, pilot: Pilot[None]) -> None:
    await the_history(stage, pilot)
    await pilot.press("slash", *"ho")
    await stage.settle(pilot)


@moment
async def deleting_the_history(stage: Stage, pilot: Pilot[None]) -> None:
    await the_history(stage, pilot)
    await pilot.press("x")
    await stage.settle(pilot)


@moment
async def told_of_what_is_unfinished(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.left = left()
    await stage.settle(pilot)


@moment
async def what_is_unfinished(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.left = [*left(), replace(left()[1], transfer="x", name="scans", running=True)]
    await stage.settle(pilot)
    await pilot.press("U", "down")
    await stage.settle(pilot)


@moment
async def nothing_is_unfinished(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await pilot.press("U")
    await stage.settle(pilot)


@moment
async def forgetting_what_is_unfinished(stage: Stage, pilot: Pilot[None]) -> None:
    await what_is_unfinished(stage, pilot)
    await pilot.press("up", "x")
    await stage.settle(pilot)


@moment
async def waiting_for_those_who_are_away(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.left = left()
    await stage.settle(pilot)
    await pilot.press("f3")
    for each in left():
        await stage.play(pilot, *coming_back(each))
    await stage.settle(pilot)


def known() -> list[events.Contact]:
    return [
        events.Contact(
            contact=name,
            name=name,
            their_name=name,
            created=0.0,
            last_seen=WHEN - 86400.0 * n,
            doubted=n == 3,
        )
        for n, name in enumerate(
            (
                "Carl",
                "Dora of the choir",
                "日本の友だち",
                "Mallory",
                "Erna with a name that is long",
            )
        )
    ]


async def several(stage: Stage, pilot: Pilot[None]) -> None:
    """Be paired with three, one of whom is away, and know five."""
    stage.client.known = known()
    stage.client.online = {"Dora of the choir"}
    await stage.settle(pilot)
    for session, name in (("a" * 16, ANA), ("b" * 16, "Ben"), ("c" * 16, "Fritz")):
        paired_with = events.Paired(session=events.SessionId(session), partner=name)
        await stage.play(pilot, paired_with)
    away = events.PartnerAway(session=events.SessionId("c" * 16), partner="Fritz", reason="lost")
    await stage.play(pilot, away)


@moment
async def the_people(stage: Stage, pilot: Pilot[None]) -> None:
    await several(stage, pilot)
    await pilot.press("space")
    await stage.settle(pilot)
    await pilot.press("P")
    await stage.settle(pilot)
    await pilot.press("down", "space", "down", "space")
    await stage.settle(pilot)


@moment
async def waiting_for_people(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.hangs["call"] = asyncio.Event()
    stage.stuck = {"call Dora of the choir", "call Carl"}
    await the_people(stage, pilot)
    await pilot.press("space", "enter")
    await stage.settle(pilot)
    stage.now += 42
    stage.app._sample()
    await pilot.press("P")
    await stage.settle(pilot)


@moment
async def people_nearby(stage: Stage, pilot: Pilot[None]) -> None:
    network = Network(stage, visible=True)
    await several(stage, pilot)
    stage.app._run("visible", stage.app._near.show())  # as it begins, before this moment
    await stage.settle(pilot)
    for number, name in enumerate(("Gerda", "Dora of the choir", ANA)):
        network.now.found(NearbyPerson(name, f"{number:08x}", ""))
    await pilot.press("P")
    await stage.settle(pilot)
    await pilot.press(*["down"] * 4)
    await stage.settle(pilot)


@moment
async def choosing_for_people(stage: Stage, pilot: Pilot[None]) -> None:
    await several(stage, pilot)
    await pilot.press("P")
    await stage.settle(pilot)
    await pilot.press("space", "space", "enter")
    await stage.settle(pilot)
    await pilot.press("down", "space")
    await stage.settle(pilot)


@moment
async def a_code_for_a_browser(stage: Stage, pilot: Pilot[None]) -> None:
    stage.places.page = "http://192.168.7.2:8421"
    await stage.settle(pilot)
    await stage.play(pilot, events.Code(code="4711-apple-violin", expires_seconds=600))


@moment
async def nobody_is_known(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await pilot.press("P")
    await stage.settle(pilot)


@moment
async def allowing_somebody(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.known = known()
    await stage.settle(pilot)
    await pilot.press("P", "Y")
    await stage.settle(pilot)
    await pilot.press("tab", *"a lot", "tab", *"*.jpg, *.mp4", "enter")
    await stage.settle(pilot)


@moment
async def renaming_somebody(stage: Stage, pilot: Pilot[None]) -> None:
    stage.client.known = known()
    await stage.settle(pilot)
    await pilot.press("P")
    await stage.settle(pilot)
    await pilot.press("R", "end", *" of work")
    await stage.settle(pilot)


@moment
async def several_ask(stage: Stage, pilot: Pilot[None]) -> None:
    await several(stage, pilot)
    await pilot.press("t")
    for number, (session, name) in enumerate((("b", "Ben"), ("a", ANA), ("c", "Fritz"))):
        for event in asked(f"r{number}", partner=name):
            asks = events.of_session(event, events.SessionId(session * 16))
            await stage.play(pilot, asks)
    await stage.settle(pilot)


@moment
async def a_code_beside_a_partner(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await stage.play(pilot, paired())
    await pilot.press("p", "N")
    await stage.settle(pilot)


@moment
async def the_palette(stage: Stage, pilot: Pilot[None]) -> None:
    await begin(stage, pilot)
    await pilot.press("ctrl+p")
    await stage.settle(pilot)


@moment
async def help(stage: Stage, pilot: Pilot[None]) -> None:
    await stage.settle(pilot)
    await pilot.press("question_mark")
    await stage.settle(pilot)


@moment
async def by_daylight(stage: Stage, pilot: Pilot[None]) -> None:
    stage.app.theme = "filesend-light"
    await begin(stage, pilot, *receiving("r1"), *sending("s1"))


async def steady(stage: Stage, pilot: Pilot[None]) -> None:
    """Let nothing blink while the picture is taken."""
    for screen in stage.app.screen_stack:
        for field in screen.query(Input):
            field.cursor_blink = False
    await pilot.pause()


#: Where each moment is looked at, the size at which it happens first.
SIZES = ((80, 24), (40, 12), (60, 18), (120, 40), (200, 60))
#: Where nothing has to look well, and nothing may break.
ODD_SIZES = ((12, 4), (9, 24), (5, 60), (80, 2), (1, 1), (300, 100))


@pytest.mark.parametrize("name", MOMENTS)
async def test_moment(name: str, stage: Stage, snapshot: SnapshotAssertion, tmp_path: Path) -> None:
    pictures = snapshot.use_extension(SVGImageExtension)
    differing = []
    async with stage.app.run_test(size=SIZES[0]) as pilot:
        await MOMENTS[name](stage, pilot)
        await steady(stage, pilot)
        for width, height in SIZES:
            size = f"{width}x{height}"
            await resize(stage, pilot, width, height)
            drawn = await drawn_whole(stage, pilot)
            if pictures(name=size) != drawn:
                differing.append(size)
                (tmp_path / f"{size}.svg").write_text(drawn, encoding="utf-8")
        # Two of them each: every one has a third of all moments.
        for width, height in ODD_SIZES[list(MOMENTS).index(name) % 3 :: 3]:
            await resize(stage, pilot, width, height)
    assert not differing, f"drawn otherwise than before: see {tmp_path}"


async def drawn_whole(stage: Stage, pilot: Pilot[None]) -> str:
    """Return the picture once it stays the same.

    A size goes from the app to the screen, from there to its layout, and then to each widget, which
    draws: on a busy machine that takes more rounds of messages than a pause waits for. A screen
    under two others keeps what it drew of the one below it, so each is told to draw.
    """
    before, drawn = "", stage.app.export_screenshot()
    while before != drawn:
        await stage.settle(pilot)  # a preview that was given room looks into a file
        for screen in stage.app.screen_stack:
            screen.refresh()
        await pilot.pause()
        before, drawn = drawn, stage.app.export_screenshot()
    return drawn


async def resize(stage: Stage, pilot: Pilot[None], width: int, height: int) -> None:
    """Give the terminal another size and wait until everything was drawn for it."""
    await pilot.resize_terminal(width, height)
    await stage.settle(pilot)  # a preview that has room now looks into a file
