"""What was chosen, and replaced before it is used: nothing that took its place is read or sent.

Size and time tell nothing here: whoever makes a file can give it those of a private one.
"""

from __future__ import annotations

import io
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from filesend_tui.core import events as e
from filesend_tui.core.choices import ARRIVING, Arriving, Stood
from filesend_tui.core.client import Client
from filesend_tui.core.errors import BadSource, FileSendError, RequestGone, StorageFailed
from filesend_tui.core.events import TransferPhase
from filesend_tui.core.torrent.sources.create import make_torrent, scan
from filesend_tui.core.torrent.sources.seed_files import SeedFiles
from filesend_tui.core.torrent.sources.source_files import SourceFile
from filesend_tui.core.torrent.storage import dir_handle as ground_module
from filesend_tui.core.torrent.storage.disk_space import check_folder
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.target import Target
from filesend_tui.core.util.file_id import look_at_all
from filesend_tui.headless import paired
from filesend_tui.headless.asking import Asker
from tests.conftest import RunningRelay
from tests.core.test_client import pair
from tests.torrent.lab import write_tree
from tests.torrent.storage.test_download_files import everything, fill, torrent

HARMLESS, PRIVATE = b"harmless!!", b"secret key"
LINKS = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """`shared/sub/a`, and private twins of `a`, `sub` and `shared`, of the same size and time."""
    home = tmp_path / "home"
    write_tree(home, {"shared/sub/a": HARMLESS})
    write_tree(home, {"private/shared/sub/a": PRIVATE})
    told = (home / "shared/sub/a").stat()
    os.utime(home / "private/shared/sub/a", ns=(told.st_atime_ns, told.st_mtime_ns))
    return home


def _by_link(home: Path, what: str) -> None:
    (home / what).rename(home / "was")
    (home / what).symlink_to(home / "private" / what)


def _by_rename(home: Path, what: str) -> None:
    (home / what).rename(home / "was")
    (home / "private" / what).rename(home / what)


def _by_rename_over(home: Path, what: str) -> None:
    (home / "private" / what).replace(home / what)


def _by_hard_link(home: Path, what: str) -> None:
    (home / what).unlink()
    os.link(home / "private" / what, home / what)


SWAPS = [
    pytest.param(swap, what, id=f"{what}{swap.__name__.replace('_', ' ')}", marks=marks)
    for swap, whats, marks in (
        (_by_link, ("shared", "shared/sub", "shared/sub/a"), [LINKS]),
        (_by_rename, ("shared", "shared/sub", "shared/sub/a"), []),
        (_by_rename_over, ("shared/sub/a",), []),
        (_by_hard_link, ("shared/sub/a",), []),
    )
    for what in whats
]
CHOSEN = ["shared", "shared/sub", "shared/sub/a"]
swapped = pytest.mark.parametrize(("swap", "what"), SWAPS)
chosen = pytest.mark.parametrize("choice", CHOSEN)


def _of(error: BadSource) -> str:
    """What is told of; it names the file, and nothing of what took its place."""
    assert "private" not in error.message
    return error.message


@chosen
@swapped
def test_it_is_not_sent_where_it_was_replaced_after_it_was_chosen(
    home: Path, swap: Callable[[Path, str], None], what: str, choice: str
) -> None:
    seen = look_at_all([home / choice])
    swap(home, what)
    if len(what) > len(choice):
        # What is in a chosen folder is what is in it now, and links out of it are refused.
        if swap is _by_link:
            with pytest.raises(BadSource, match="is a link that leads"):
                scan(seen)
        else:
            assert scan(seen)
        return
    with pytest.raises(BadSource, match="was replaced after it was chosen") as caught:
        scan(seen)
    assert "choose it again" in caught.value.hint
    assert str(home / choice) in _of(caught.value)


@chosen
@swapped
@pytest.mark.parametrize("ways", ["steps", "paths"])
def test_it_is_not_read_where_it_was_replaced_after_it_was_found(
    home: Path,
    swap: Callable[[Path, str], None],
    what: str,
    choice: str,
    ways: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if ways == "paths":
        monkeypatch.setattr(ground_module, "HAS_STEPS", False)
    sources = scan([home / choice])
    swap(home, what)
    with pytest.raises(
        BadSource, match=r"changed while it was being prepared|cannot be read"
    ) as no:
        make_torrent(sources)
    assert str(home / "shared" / "sub" / "a") in _of(no.value)


@chosen
@swapped
def test_it_is_not_served_where_it_was_replaced_after_it_was_hashed(
    home: Path, swap: Callable[[Path, str], None], what: str, choice: str
) -> None:
    sources = scan([home / choice])
    store = SeedFiles(make_torrent(sources), sources)
    swap(home, what)
    with pytest.raises(BadSource, match=r"changed while it was being sent|no longer be read") as no:
        store.read(0, 0, len(PRIVATE))
    store.close()
    assert str(home / "shared" / "sub" / "a") in _of(no.value)


@swapped
def test_what_is_being_served_is_what_was_chosen_whatever_took_its_name(
    home: Path, swap: Callable[[Path, str], None], what: str
) -> None:
    sources = scan([home / "shared"])
    store = SeedFiles(make_torrent(sources), sources)
    assert store.read(0, 0, 10) == HARMLESS
    try:
        swap(home, what)
    except PermissionError:
        assert os.name == "nt"  # it is open there, and so nobody takes its place
    assert store.read(0, 0, 10) == HARMLESS
    store.close()


def test_it_is_not_hashed_where_it_is_replaced_and_put_back(home: Path) -> None:
    write_tree(home, {"shared/two/b": HARMLESS, "private/shared/two/b": PRIVATE})
    told = (home / "shared/two/b").stat()
    os.utime(home / "private/shared/two/b", ns=(told.st_atime_ns, told.st_mtime_ns))
    sources = scan([home / "shared/sub/a", home / "shared/two/b"])
    # After the first file was read, and after the second.
    hands = iter([_by_rename, _back])

    def meanwhile() -> bool:
        if (hand := next(hands, None)) is not None:
            hand(home, "shared/two")
        return False

    with pytest.raises(BadSource, match="changed while it was being prepared"):
        make_torrent(sources, cancelled=meanwhile)


def _back(home: Path, what: str) -> None:
    (home / what).rename(home / "private" / what)
    (home / "was").rename(home / what)


# --- a race against the look at a folder itself


@contextmanager
def _racing(act: Callable[[], None]) -> Iterator[Callable[[], int]]:
    """Do something over and over on another thread; gives how often it was done."""
    stop, rounds = threading.Event(), 0

    def work() -> None:
        nonlocal rounds
        while not stop.is_set():
            act()
            rounds += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield lambda: rounds
    finally:
        stop.set()
        thread.join()


@LINKS
def test_nothing_is_found_behind_a_link_that_comes_and_goes(home: Path) -> None:
    write_tree(home, {f"shared/{n}/x": HARMLESS for n in range(200)})
    write_tree(home, {"private/shared/sub/passwords of mine": b"p"})
    shared = home / "shared"
    link = home / "link"
    link.symlink_to(home / "private/shared/sub")

    def swap() -> None:
        (shared / "sub").rename(home / "away")
        link.rename(shared / "sub")
        (shared / "sub").rename(link)
        (home / "away").rename(shared / "sub")

    found: list[SourceFile] = []
    looks = refused = 0
    deadline = time.monotonic() + 60
    with _racing(swap) as rounds:
        while (looks < 150 or rounds() < 300) and time.monotonic() < deadline:
            looks += 1
            try:
                found += scan([shared])
            except BadSource:
                refused += 1
    assert looks >= 150
    assert rounds() >= 300
    assert {source.parts[-1] for source in found} == {"a", "x"}
    private = {path.stat().st_ino for path in (home / "private").rglob("*")}
    assert not private & {source.file_id.number for source in found}


# --- from person to person


async def test_a_partner_gets_no_private_file_for_the_one_that_was_offered(
    relay: RunningRelay, tmp_path: Path, home: Path
) -> None:
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([home / "shared" / "sub" / "a"])
        request = await bob.asked()
        # Its hash is known by then, or not yet: there is no telling from here. Where
        # the sender finds out before the yes, the request is taken back.
        _by_rename(home, "shared/sub")
        with suppress(RequestGone):
            await bob.client.answer(request.transfer, [True])
        assert await ann.ended(transfer) is TransferPhase.FAILED
        assert await bob.ended(transfer) is TransferPhase.CANCELLED
        (told,) = ann.of(e.Error)
        # Between the two renames there is nothing in its place.
        assert re.search("changed while it was being|be read", told.message), told.message
    assert not [path for path in (tmp_path / "bob").rglob("*") if path.is_file()]


# --- where it lands


def _download(target: Path | Target) -> None:
    info, row = torrent({("a",): b"x"})
    store = DownloadFiles.create(info, target, wanted=everything(info), layout=Layout.LOOSE)
    try:
        fill(store, info, row)
        store.finish()
    finally:
        store.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of somebody else's choice."""
    place = tmp_path / "elsewhere"
    (place / "new" / "inbox").mkdir(parents=True)
    return place


def _replace(place: Path, other: Path, *, link: bool) -> None:
    if place.exists():
        place.rename(place.with_name("was"))
    if link:
        place.symlink_to(other)
    else:
        other.rename(place)


def _untouched(*places: Path) -> None:
    for place in places:
        assert not [path for path in place.rglob("*") if path.is_file()]


@pytest.mark.parametrize("link", [pytest.param(True, marks=LINKS), False], ids=["link", "folder"])
@pytest.mark.parametrize("ways", ["steps", "paths"])
def test_nothing_lands_in_what_took_the_chosen_folders_place(
    tmp_path: Path, elsewhere: Path, link: bool, ways: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ways == "paths":
        monkeypatch.setattr(ground_module, "HAS_STEPS", False)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    target = Target.of(inbox)
    _replace(inbox, elsewhere, link=link)
    with pytest.raises(StorageFailed, match="inbox was replaced after it was chosen"):
        check_folder(target)
    with pytest.raises(StorageFailed, match="inbox was replaced after it was chosen"):
        _download(target)
    _untouched(inbox, tmp_path)
    # Who chooses it again means what it is now.
    _download(inbox)
    assert (inbox / "a").read_bytes() == b"x"


@LINKS
@pytest.mark.parametrize("which", ["new", "new/inbox"])
@pytest.mark.parametrize("ways", ["steps", "paths"])
def test_a_folder_that_is_to_be_made_is_no_link_that_somebody_makes_first(
    tmp_path: Path, elsewhere: Path, which: str, ways: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ways == "paths":
        monkeypatch.setattr(ground_module, "HAS_STEPS", False)
    target = Target.of(tmp_path / "new" / "inbox")
    (tmp_path / which).parent.mkdir(exist_ok=True)
    (tmp_path / which).symlink_to(elsewhere / which)
    with pytest.raises(StorageFailed, match="was replaced after it was chosen"):
        _download(target)
    _untouched(tmp_path)


def test_a_folder_that_is_to_be_made_is_made_once(tmp_path: Path) -> None:
    target = Target.of(tmp_path / "new" / "inbox")
    assert not (tmp_path / "new").exists()
    _download(target)
    _download(target)  # it is there by now, and this person's own
    assert {path.name for path in (tmp_path / "new" / "inbox").iterdir()} == {"a", "a (1)"}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files to others")
@pytest.mark.parametrize("theirs", ["new", "new/inbox"])
def test_a_folder_that_is_to_be_made_is_nobody_elses(tmp_path: Path, theirs: str) -> None:
    target = Target.of(tmp_path / "new" / "inbox")
    (tmp_path / theirs).mkdir(parents=True)
    os.chown(tmp_path / theirs, 12345, 12345)
    with pytest.raises(StorageFailed, match="was replaced after it was chosen"):
        _download(target)
    _untouched(tmp_path)


@pytest.mark.parametrize("link", [pytest.param(True, marks=LINKS), False], ids=["link", "folder"])
async def test_a_yes_is_for_the_folder_that_was_there_when_it_was_said(
    relay: RunningRelay, tmp_path: Path, elsewhere: Path, link: bool
) -> None:
    write_tree(tmp_path / "src", {"f": b"x"})
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    async with pair(relay, tmp_path) as (ann, bob):
        transfer = await ann.client.request([tmp_path / "src" / "f"])
        request = await bob.asked()
        before = Target.of(inbox)
        await bob.client.answer(request.transfer, [True], output=inbox)
        # Before the loop goes on, and so before the torrent is there.
        _replace(inbox, elsewhere, link=link)
        assert await bob.ended(transfer) is TransferPhase.FAILED
        assert await ann.ended(transfer) is TransferPhase.CANCELLED
        (told,) = bob.of(e.Error)
        assert "inbox was replaced after it was chosen" in told.message
        _untouched(inbox, tmp_path / "was")
        # A yes for a folder that was replaced before it is none, and the request stays open.
        again = await ann.client.request([tmp_path / "src" / "f"])
        request = await bob.asked(2)
        with pytest.raises(FileSendError, match="inbox was replaced"):
            await bob.client.answer(request.transfer, [True], output=before)
        await bob.client.answer(request.transfer, [True], output=inbox)
        assert await bob.ended(again) is TransferPhase.DONE
    assert (inbox / "f").read_bytes() == b"x"


async def test_who_was_told_and_says_yes_again_means_the_folder_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    chosen = check_folder(inbox)
    inbox.rename(tmp_path / "was")
    inbox.mkdir()
    said: list[str] = []
    outputs: list[Path | Target | None] = []

    class Answering(Client):
        def __init__(self) -> None:
            pass

        @property
        def arriving(self) -> Arriving:
            return ARRIVING

        async def answer(
            self,
            transfer: str,
            accepted: Sequence[bool],
            *,
            output: Path | Target | None = None,
            reason: str = "",
            replace: Sequence[Stood] = (),
        ) -> None:
            assert output is not None
            check_folder(output)
            outputs.append(output)

    class Person(Asker):
        def show(self, line: str) -> None:
            said.append(line)

    async def all_of_it(*_: object) -> tuple[bool, ...]:
        return (True,)

    monkeypatch.setattr(paired, "ask_approval", all_of_it)
    request = e.FileRequest(
        transfer="t",
        direction=e.Direction.RECEIVE,
        partner="P",
        files=(e.FileEntry(path="f", size=1),),
        total_bytes=1,
    )
    await paired.let_choose(Answering(), request, chosen, Person(0, io.StringIO()))
    (line,) = said
    assert "inbox was replaced after it was chosen" in line
    assert [Target.of(output).path for output in outputs if output] == [inbox]
