"""`filesend page`: the relay's page as one file to keep, written, or compared with one made anew.

Nobody has a key by which such a file could be signed for everybody. What a person has is a FileSend
that they trust, and that makes the same bytes again: so that is what a file is compared with.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import FileSendError, StorageFailed
from filesend_tui.core.util.proxies import Proxies
from filesend_tui.core.util.text import clean_path, visible
from filesend_tui.headless.asking import Asker, CannotAsk
from filesend_tui.headless.exit_codes import ExitCode, for_error
from filesend_tui.headless.printers import plain_printer
from filesend_tui.runtime.page_key import page_key_of
from relay.web.page import read_built
from relay.web.saved_page import MAX_SAVED_PAGE, Holder, can_be_named, holder_of, saved_page

_YES: Final = ("y", "yes")
_Work: TypeAlias = "Callable[[], Saved | None]"


class PageNotBuilt(FileSendError):
    """The page for browsers was not built here, and so cannot be saved or compared."""

    code = "pageNotBuilt"
    default_hint = "Build it: `make page` in the clone that this runs from, which needs node 20."


class NoSavedPages(FileSendError):
    """The relay lets no page in that was saved as a file."""

    code = "noSavedPages"
    default_hint = "Whoever runs it has to start it with `filesend relay --page-key-file FILE`."


class PageDiffers(FileSendError):
    """A file is not the page that this FileSend makes."""

    code = "pageDiffers"
    default_hint = (
        "Do not open it, unless its maker has another version: have theirs checked with that, or "
        "make one with `filesend page`."
    )


class Saved(msgspec.Struct, frozen=True, kw_only=True, tag="page", tag_field="event"):
    """A page as a JSON line.

    file: where it is; empty for standard output. relay: its URL. bytes: its size. sha256: in
    hexadecimal. checked: it was compared, and not written.
    """

    file: str
    relay: str
    bytes: int
    sha256: str
    checked: bool


def make(
    relay: str, proxies: Proxies, path: Path | None, asker: Asker, *, replace: bool, json: bool
) -> ExitCode:
    """Write the page for a relay; return the exit code.

    Args:
        relay: The relay's URL; see `can_have_page`.
        proxies: What it is reached by.
        path: The file; None for standard output.
        asker: Asks whether a file is replaced.
        replace: It is, without asking.
        json: Print what was written as a JSON object, on standard output.

    Raises:
        OSError: Standard output cannot be written to.
    """
    return _told(json, lambda: asyncio.run(_make(relay, proxies, path, asker, replace)), path)


def check(path: Path, *, json: bool) -> ExitCode:
    """Compare a file with the page that this program makes; return the exit code.

    Args:
        path: The file.
        json: Print what it is as a JSON object.
    """
    return _told(json, lambda: _check(path), path)


def can_have_page(relay: str) -> bool:
    """Return whether a page from disk can reach a relay with this URL. Pure."""
    return can_be_named(relay)


def _told(json: bool, work: _Work, path: Path | None) -> ExitCode:
    try:
        saved = work()
    except FileSendError as error:
        plain_printer(json=json).show(error_event(error))
        return for_error(error.code)
    if saved is None:
        print(visible(f"{clean_path(path or '')} is left as it is."), file=sys.stderr)
        return ExitCode.FAILED
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(saved) + b"\n")
        sys.stdout.buffer.flush()
        return ExitCode.DONE
    for line in _lines(saved):
        # What a check finds is its result; of what was written, the file is.
        print(visible(line), file=sys.stdout if saved.checked else sys.stderr)
    return ExitCode.DONE


def _lines(saved: Saved) -> list[str]:
    if saved.checked:
        first = (
            f"{saved.file} is the page that this FileSend ({version('filesend-tui')}) makes, "
            f"unaltered. It meets people at {saved.relay}."
        )
        return [first, f"SHA-256: {saved.sha256}"]
    where = f" is in {saved.file}" if saved.file else ""
    return [
        f"The page for {saved.relay}{where}: {saved.bytes:,} bytes, SHA-256 {saved.sha256}",
        "Whoever has the same FileSend can check it: filesend page --check FILE",
    ]


async def _make(
    relay: str, proxies: Proxies, path: Path | None, asker: Asker, replace: bool
) -> Saved | None:
    """Return what was written; None where a person did not want it. Raises FileSendError."""
    if path is not None and not await _may_be_written(path, asker, replace):
        return None
    if not read_built():
        raise PageNotBuilt("The page for browsers was not built here.")
    key = await page_key_of(relay, proxies)
    if key is None:
        raise NoSavedPages(f"The relay at {relay} lets no saved pages in.")
    page = _page(Holder(relay, key))
    if path is None:
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
    else:
        try:
            _write(path, page)
        except OSError as error:
            why = error.strerror or str(error)
            raise StorageFailed(f"{clean_path(path)} cannot be written: {why}.") from error
    return _saved(path, relay, page, checked=False)


async def _may_be_written(path: Path, asker: Asker, replace: bool) -> bool:
    """Return whether a file may be there afterwards. Raises FileSendError."""
    if not _is_there(path) or replace:
        return True
    name = clean_path(path)
    if not asker.interactive:
        raise CannotAsk(f"{name} is there already.", "Say --yes to replace it.")
    answer = await asker.ask(f"{name} is there already. Replace it, [y]es or [n]o?")
    return answer is not None and answer.strip().lower() in _YES


def _is_there(path: Path) -> bool:
    """Return whether a file is there. Raises StorageFailed where it is none."""
    name = clean_path(path)
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        why = error.strerror or str(error)
        raise StorageFailed(f"{name} cannot be written: {why}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise StorageFailed(f"{name} is there, and no file that could be replaced.")
    return True


def _write(path: Path, content: bytes) -> None:
    """Have a file with this content, whole or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _check(path: Path) -> Saved:
    """Return what a file is. Raises FileSendError."""
    name = clean_path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SAVED_PAGE + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise StorageFailed(f"{name} cannot be read: {why}.") from error
    if not read_built():
        raise PageNotBuilt("The page for browsers was not built here.")
    try:
        holder = holder_of(content)
    except ValueError:
        raise PageDiffers(f"{name} is no page of FileSend.") from None
    if content != _page(holder):
        ours = version("filesend-tui")
        raise PageDiffers(f"{name} is not the page that this FileSend ({ours}) makes.")
    return _saved(path, holder.relay, content, checked=True)


def _page(holder: Holder) -> bytes:
    """Return the page. Raises PageNotBuilt."""
    try:
        return saved_page(read_built(), holder)
    except ValueError as error:
        raise PageNotBuilt(f"The page for browsers was built in another way: {error}.") from error


def _saved(path: Path | None, relay: str, page: bytes, *, checked: bool) -> Saved:
    return Saved(
        file=clean_path(path) if path is not None else "",
        relay=relay,
        bytes=len(page),
        sha256=hashlib.sha256(page).hexdigest(),
        checked=checked,
    )
