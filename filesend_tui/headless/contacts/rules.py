"""What a standing receiver takes without asking. Pure: a request and rules in, a verdict out."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from filesend_tui.core.events import Allowance, FileRequest
from filesend_tui.core.util.figures import size_text


class Rules(NamedTuple):
    """Those of one run.

    accept_all: take everything up to `most` bytes (None: of any size). folder: where it goes where
    no contact's own is named.
    """

    accept_all: bool
    most: int | None
    folder: Path


class Verdict(NamedTuple):
    """folder: where it goes unasked; None: it is to be asked about. reason: why, for the sender."""

    folder: Path | None
    reason: str = ""


def judge(request: FileRequest, allowed: Allowance | None, rules: Rules) -> Verdict:
    """Return what becomes of a request. allowed: what is taken of its sender."""
    size = request.total_bytes
    if rules.most is not None and (size > rules.most or request.stream):
        return Verdict(None, _too_much(request, size_text(rules.most), ""))
    if rules.accept_all:
        return Verdict(rules.folder)
    if allowed is None:
        return Verdict(None, "nothing of yours is taken here without asking")
    if allowed.size is not None and (size > allowed.size or request.stream):
        return Verdict(None, _too_much(request, size_text(allowed.size), " of yours"))
    if allowed.kinds and not all(_fits(each.path, allowed.kinds) for each in request.files):
        kinds = ", ".join(allowed.kinds)
        return Verdict(None, f"only {kinds} of yours is taken here"[:200])
    return Verdict(Path(allowed.folder) if allowed.folder is not None else rules.folder)


def _too_much(request: FileRequest, most: str, whose: str) -> str:
    if request.stream:
        return f"a stream has no size, and more than {most}{whose} is not taken here"
    return f"more than {most}{whose} is not taken here"


def _fits(path: str, kinds: tuple[str, ...]) -> bool:
    name = path.rpartition("/")[2].lower()
    return any(fnmatchcase(name, kind.lower()) for kind in kinds)
