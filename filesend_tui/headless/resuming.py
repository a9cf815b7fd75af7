"""The commands for what earlier runs did not finish: resume and forget."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from filesend_tui.core import events
from filesend_tui.core.checks import check_folder, is_tracker
from filesend_tui.core.client import Client
from filesend_tui.core.errors import FileSendError, NotPaired, RequestGone, UnderWay
from filesend_tui.core.events import SessionId, TransferId, Unfinished
from filesend_tui.headless.asking import Asker, CannotAsk, ask_resume
from filesend_tui.headless.outcome import Outcome
from filesend_tui.headless.paired import (
    LAST_WORD,
    Places,
    cancel,
    follow,
    let_choose,
    refuse,
    take_all,
)
from filesend_tui.runtime.going_on import begin, by_relay, is_unanswered
from filesend_tui.state.unfinished import idle, who

_ONLY_GOES_ON: Final = "this side only goes on with what was unfinished"
_NOTHING: Final = "Nothing is unfinished."
_ON_A_TERMINAL: Final = "Run this on a terminal, or forget it."


class NoSuchTransfer(FileSendError):
    """Nothing unfinished has this id."""

    code = "noSuchTransfer"
    default_hint = "filesend resume --list shows what is unfinished."


def chosen(left: Sequence[Unfinished], ids: Collection[str]) -> list[Unfinished]:
    """Return what of these was meant: by the beginnings of ids, or all where none is given.

    An id may be of both sides of a transfer: of two people who share a journal.

    Raises:
        NoSuchTransfer: An id is of none of them, or of several.
    """
    for id in ids:
        count = len({each.transfer for each in left if each.transfer.startswith(id)})
        if count != 1:
            what = "Several things that are unfinished have" if count else "Nothing unfinished has"
            raise NoSuchTransfer(f"{what} the id {id}.")
    return [each for each in left if not ids or any(each.transfer.startswith(id) for id in ids)]


async def resume(
    client: Client,
    places: Places,
    ids: Collection[str],
    asker: Asker,
    *,
    folder: Path,
    list_only: bool = False,
    json: bool = False,
) -> None:
    """Go on with transfers that are unfinished, those at one relay after those at another.

    Of all that is unfinished, what another process is at, and requests where nobody can be asked
    about them, are left out, and so is the other side of what it goes on with, which is another
    process's: an `unfinished` event tells of each.

    Args:
        client: Not yet connected.
        places: Where it meets people.
        ids: The beginnings of their ids; all that is unfinished where there is none.
        asker: Asks about requests that were not answered.
        folder: Where those go.
        list_only: Only publish what is unfinished.
        json: Only events are printed.

    Raises:
        NoSuchTransfer: An id is of none of them, or of several.
        UnderWay: Another process is at one of those that were named, or at all that is left.
        CannotAsk: One of those that were named is a request, and there is no terminal.
        FileSendError: The first reason why one of them failed.
    """
    left = chosen(await client.unfinished(), ids)
    if list_only:
        client.tell_unfinished(left)
    if not left:
        _say_nothing_is(client, json=json)
    if list_only or not left:
        return
    sides = {each.transfer for each in left if not each.running}
    # Another process is the other side of those.
    left = [each for each in left if not (each.running and each.transfer in sides)]
    free = _free(client, left, named=bool(ids))
    left = list(idle(free))
    client.tell_unfinished(each for each in free if each not in left)
    unanswered = [] if asker.interactive else [each for each in left if is_unanswered(each)]
    if ids and unanswered:
        what = _words(unanswered[0])
        raise CannotAsk(f"{what} is a request that nobody can be asked about here.", _ON_A_TERMINAL)
    begun = await _go_on(client, places, left, asker, folder)
    await _check_taken(
        client, [each for each in left if each.transfer not in begun and each not in unanswered]
    )


async def or_begin(
    client: Client,
    places: Places,
    same: Callable[[Unfinished], bool],
    anew: Callable[[], Awaitable[None]],
    asker: Asker,
    *,
    folder: Path,
    wanted: bool | None,
    accept_all: bool = False,
) -> None:
    """Go on with what an earlier run of the same command did not finish, or begin anew.

    Args:
        client: Not yet connected.
        places: Where it meets people.
        same: Whether something unfinished is of the same command. Blocking.
        anew: Begins anew.
        asker: Asks which of the two, and about requests that were not answered.
        folder: Where those go.
        wanted: Whether to go on; None to ask. Where nobody can be asked, it begins anew: a script
            that prints a code, or passes one, means a new transfer. What is unfinished is told.
        accept_all: Say yes to requests that were not answered.

    Raises:
        FileSendError: The first reason why it failed.
    """
    known = [each for each in await client.unfinished() if not each.running]
    left = await asyncio.to_thread(lambda: [each for each in known if same(each)])
    if left and wanted is None and asker.interactive:
        wanted = await ask_resume(asker, left)
    elif left and wanted is None:
        client.tell_unfinished(left)
    if not (left and wanted) or not await _go_on(
        client, places, left, asker, folder, accept_all=accept_all
    ):
        await anew()


async def _go_on(
    client: Client,
    places: Places,
    left: Sequence[Unfinished],
    asker: Asker,
    folder: Path,
    *,
    accept_all: bool = False,
) -> frozenset[TransferId]:
    """Go on with these until all are over; return which of them could be gone on with.

    Where there is nobody to ask, requests that were not answered stay as they are, and are told of.
    """
    if not (asker.interactive or accept_all):
        client.tell_unfinished(filter(is_unanswered, left))
        left = [each for each in left if not is_unanswered(each)]
    by_place = by_relay(left)
    there, failure = await _reach(client, places, by_place)
    going = [each for url in there for each in by_place[url]]
    begun = await _until_over(client, going, asker, folder, accept_all=accept_all)
    if failure is not None:
        raise failure
    return begun


async def _reach(
    client: Client, places: Places, wanted: Collection[str]
) -> tuple[list[str], FileSendError | None]:
    """Connect to the places where sessions were last; return at which of them they may be met.

    And the first reason why not at another, if there is one.
    """
    failure: FileSendError | None = None
    if places.beyond or places.main in wanted:
        try:
            await places.open(client)
        except FileSendError as error:
            failure = error
    for url in wanted:
        if url not in client.places and url != places.main:
            try:
                await (client.connect_to_tracker if is_tracker(url) else client.connect)(url)
            except FileSendError as error:
                failure = failure or error
    if client.places and places.beyond:
        # Wherever they were, they may come to another place that both have.
        return list(wanted), None
    return [url for url in wanted if url in client.places], failure


async def _until_over(
    client: Client,
    left: Sequence[Unfinished],
    asker: Asker,
    folder: Path,
    *,
    accept_all: bool,
) -> frozenset[TransferId]:
    if not left:
        return frozenset()
    stream = client.subscribe()
    unanswered = {each.transfer for each in left if is_unanswered(each)}
    begun, failure = await begin(client, left)
    if not begun:
        stream.close()
        if failure is not None:
            raise failure
        return begun
    one_question = asyncio.Lock()

    async def decide(request: events.FileRequest) -> None:
        with suppress(RequestGone, NotPaired):
            if request.transfer not in begun:
                await refuse(client, request, _ONLY_GOES_ON)
            elif request.transfer in unanswered:
                async with one_question:
                    target = await asyncio.to_thread(check_folder, folder)
                    if accept_all:
                        await take_all(client, request, target)
                    else:
                        await let_choose(client, request, target, asker)

    outcome = Outcome()
    try:
        await follow(stream, outcome, decide)
        await client.settle(LAST_WORD)
    except asyncio.CancelledError:
        await cancel(client, outcome.open_transfers)
        raise
    except FileSendError:
        await client.settle(LAST_WORD)  # they are waiting, and it is over
        raise
    finally:
        stream.close()
    if failure is not None:
        raise failure
    return begun


async def forget(
    client: Client, ids: Collection[str], *, everything: bool, json: bool = False
) -> None:
    """Forget transfers that are unfinished, and delete what arrived of them.

    Of all that is unfinished, what another process is at is left out: an `unfinished` event tells
    of each.

    Args:
        client: Not connected.
        ids: The beginnings of their ids.
        everything: All that is unfinished, whatever the ids.
        json: Only events are printed.

    Raises:
        NoSuchTransfer: An id is of none of them, or of several.
        UnderWay: Another process is at one of those that were named, or at all that is left.
    """
    left = chosen(await client.unfinished(), () if everything else ids)
    if not left:
        _say_nothing_is(client, json=json)
    taken = []
    for each in _free(client, left, named=not everything):
        assert each.session is not None
        if not await client.forget(each.session, each.transfer):
            taken.append(each)
    await _check_taken(client, taken)


def _say_nothing_is(client: Client, *, json: bool) -> None:
    if client.lasts and not json:  # else it is not known; why is told
        print(_NOTHING, file=sys.stderr)


def _free(client: Client, left: Sequence[Unfinished], *, named: bool) -> list[Unfinished]:
    """Return those that no process is at, and tell of the others.

    Raises:
        UnderWay: There are others, and they were named, or there is nothing else.
    """
    held = [each for each in left if each.running]
    free = [each for each in left if not each.running]
    if held and (named or not free):
        raise _under_way(held)
    client.tell_unfinished(held)
    return free


async def _check_taken(client: Client, missed: Sequence[Unfinished]) -> None:
    """Raise UnderWay where another process has one of these by now, or its session."""
    if missed:
        ids = _ids(missed)
        known = await client.unfinished()
        at = {each.session: each.pid for each in known if each.running}
        held = [
            replace(each, pid=at.get(each.session))
            for each in known
            if (each.session, each.transfer) in ids
        ]
        if held:
            raise _under_way(held)


def _ids(left: Iterable[Unfinished]) -> set[tuple[SessionId | None, TransferId]]:
    return {(each.session, each.transfer) for each in left}


def _under_way(held: Iterable[Unfinished]) -> UnderWay:
    return UnderWay("; ".join(map(_held_words, held)) + ".")


def _held_words(each: Unfinished) -> str:
    process = "another process" if each.pid is None else f"process {each.pid}"
    if each.running:
        return f"{_words(each)} is under way in {process}"
    return f"{_words(each)} cannot be gone on with: {process} is at something with {each.partner}"


def _words(each: Unfinished) -> str:
    return f"{each.name or 'A transfer'} {who(each)}"
