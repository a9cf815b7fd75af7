"""Questions and lines about files that are in the folder already. No network lives here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from filesend_tui.core.choices import Arriving, Overwrite, Stood
from filesend_tui.core.events import FileRequest
from filesend_tui.headless.asking import Asker

if TYPE_CHECKING:
    from filesend_tui.core.checks import Existing

#: Files that are named.
_NAMED: Final = 5


def existing_lines(
    request: FileRequest, found: Sequence[Existing], arriving: Arriving
) -> list[str]:
    """Return lines about what is there, and what becomes of it."""
    if not arriving.merges:
        return []
    lines: list[str] = []
    rest = list(found)
    if arriving.skip_existing and (same := [each for each in rest if each.same]):
        rest = [each for each in rest if not each.same]
        lines.append(f"{_files(len(same))} there already, with the same size and time: left out.")
    older = [each for each in rest if each.older] if arriving.overwrite is Overwrite.OLDER else []
    if older:
        lines.append(f"{_files(len(older))} older, and replaced: {_names(request, older)}")
    rest = [each for each in rest if each not in older]
    if rest and arriving.overwrite is Overwrite.ASK:
        lines.append(f"{_files(len(rest))} there already: {_names(request, rest)}")
    elif rest:
        lines.append(
            f"{_files(len(rest))} there already, and what arrives gets a number: "
            f"{_names(request, rest)}"
        )
    return lines


async def ask_replacing(
    asker: Asker, request: FileRequest, found: Sequence[Existing], accepted: Sequence[bool]
) -> tuple[Stood, ...]:
    """Return what may be replaced of what is there; ask for each file, or for all of them.

    Without a terminal nothing may, which is said. The end of input is a no to the rest.
    """
    asked = [each for each in found if accepted[each.number]]
    if not asked:
        return ()
    if not asker.interactive:
        asker.show("Nobody can be asked here: nothing is overwritten, what arrives gets a number.")
        return ()
    agreed: list[Stood] = []
    for place, each in enumerate(asked):
        path = request.files[each.number].path
        age = "older" if each.older else "the same" if each.same else "not older"
        question = f"{path} is there ({age}). Replace it, [y]es, [n]o, [a]ll, n[o]ne?"
        answer = None
        while answer not in _ANSWERS:
            if (answer := await asker.ask(question)) is None:
                return tuple(agreed)
            answer = answer.strip().lower()
        if answer in ("a", "all"):
            return (*agreed, *(left.stood for left in asked[place:]))
        if answer in ("o", "none"):
            return tuple(agreed)
        if answer in ("y", "yes"):
            agreed.append(each.stood)
    return tuple(agreed)


_ANSWERS: Final = ("y", "yes", "n", "no", "a", "all", "o", "none")


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count:,} files are"


def _names(request: FileRequest, found: Sequence[Existing]) -> str:
    names = [request.files[each.number].path for each in found[:_NAMED]]
    return ", ".join(names) + (", …" if len(found) > _NAMED else "")
