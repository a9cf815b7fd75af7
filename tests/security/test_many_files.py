"""Requests in parts, from somebody who means no good: each is refused within what is stated here.

The figures in docs/security.md come from these tests.
"""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from filesend_tui.core.exchange import offered
from filesend_tui.core.exchange.offered import MOST_NAMES, MOST_OPEN, Lists, Refused
from relay.protocol import words
from relay.protocol.words import FileRequest

ID = "0123456789abcdef"
#: No request costs more memory than this, refused or not: bytes.
MOST_MEMORY = 64 * 1024 * 1024


def packed(**columns: Any) -> bytes:
    return zlib.compress(msgspec.json.encode(columns), 1)


def some(count: int, length: int = 1, first: int = 0) -> bytes:
    """Return a part with so many files, whose names have so many bytes."""
    return packed(
        paths=[f"{first + n:0{length}}" for n in range(count)],
        sizes=[0] * count,
        modes=[None] * count,
        times=[None] * count,
    )


def part(data: bytes, number: int = 0, of: int = 2, id: str = ID) -> FileRequest:
    return FileRequest(id=id, part=number, of=of, packed=data)


def take(parts: Iterable[FileRequest]) -> str:
    """Take parts; return how many were taken before one was refused, and why."""
    lists = Lists()
    for number, each in enumerate(parts):
        try:
            lists.take(each)
        except Refused as refused:
            held = lists.files
            lists.forget(each.id)
            assert lists.files == held  # of what was refused nothing is left
            return f"{number}: {refused}"
    return ""


GOOD = some(2)
REFUSED = {
    "no zlib": ([part(b"{}")], "0: A part of the list makes no sense."),
    "no JSON": ([part(zlib.compress(b"{"))], "0: A part of the list makes no sense."),
    "nested": ([part(zlib.compress(b"[" * 100_000))], "0: A part of the list makes no sense."),
    "cut off": ([part(GOOD[:-1])], "0: A part of the list is too long, or cut off."),
    "more behind": ([part(GOOD + b"x")], "0: A part of the list is too long, or cut off."),
    "a bomb": (
        [part(zlib.compress(b" " * 500 * 2**20, 9))],
        "0: A part of the list is too long, or cut off.",
    ),
    "columns of other lengths": (
        [part(packed(paths=["a", "b"], sizes=[1], modes=[None] * 2, times=[None] * 2))],
        "0: A part of the list makes no sense.",
    ),
    "holes of fewer files": (
        [part(packed(paths=["a", "b"], sizes=[1] * 2, modes=[0] * 2, times=[0] * 2, holes=[1]))],
        "0: A part of the list makes no sense.",
    ),
    "10,001 links": (
        [
            part(packed(links=[{"path": f"l{n}", "to": "a"} for n in range(5_001)]), number)
            for number in range(2)
        ],
        "1: The request names too many links.",
    ),
    "links and no files": (
        [part(packed(links=[{"path": "l", "to": "a"}]), n) for n in range(2)],
        "1: The request has no files.",
    ),
    "a size below 0": (
        [part(packed(paths=["a"], sizes=[-1], modes=[None], times=[None]))],
        "0: A part of the list makes no sense.",
    ),
    "setuid": (
        [part(packed(paths=["a"], sizes=[1], modes=[0o4755], times=[None]))],
        "0: A part of the list makes no sense.",
    ),
    "a path of 1,025 characters": ([part(some(1, 1_025))], "0: A part of the list makes no sense."),
    "a stream": (
        [msgspec.structs.replace(part(GOOD), stream=True)],
        "0: A stream is one file, in no folder.",
    ),
    "not the first": ([part(GOOD, 1)], "0: A part of the list is missing."),
    "one left out": ([part(GOOD, 0, 3), part(GOOD, 2, 3)], "1: A part of the list is missing."),
    "one twice": ([part(GOOD, 0, 3), part(GOOD, 0, 3)], "1: A part of the list is missing."),
    "of more than before": (
        [part(GOOD), part(GOOD, 1, 3)],
        "1: A part of the list makes no sense.",
    ),
    "no files at all": ([part(packed(), n) for n in range(2)], "1: The request has no files."),
    "three at once": (
        [part(GOOD, id=f"{n:016x}") for n in range(MOST_OPEN + 1)],
        "2: Too many requests are open.",
    ),
    "200,001 files": (
        [part(some(10_000), n, 21) for n in range(20)] + [part(some(1), 20, 21)],
        "20: The request has more than 200,000 files.",
    ),
    "50,001 folders": (
        [
            part(packed(folders=[{"path": str(n)} for n in range(9_000)]), number, 6)
            for number in range(6)
        ],
        "5: The request names too many folders.",
    ),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_is_no_request_is_refused_and_forgotten(case: str) -> None:
    parts, why = REFUSED[case]
    tracemalloc.start()
    try:
        said = take(parts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said == why
    assert peak < MOST_MEMORY


def test_the_names_of_a_request_are_bounded_together() -> None:
    # 200,000 names of 255 bytes would be 51 MB.
    parts = (part(some(5_000, 255, 5_000 * n), n, 40) for n in range(40))
    tracemalloc.start()
    try:
        said = take(parts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said == f"{MOST_NAMES // (5_000 * 255)}: The names in the request are too long together."
    assert peak < MOST_MEMORY


def test_a_word_is_whole_or_a_part() -> None:
    wrong: list[dict[str, Any]] = [
        {"files": []},
        {"files": [{"path": "a", "size": 1}], "packed": "eA=="},
        {"packed": "eA==", "part": 1, "of": 1},
        {"packed": "eA==", "part": 0, "of": words.MAX_PARTS + 1},
    ]
    for fields in wrong:
        with pytest.raises(msgspec.ValidationError):
            words.parse(FileRequest, {"id": ID, **fields})


def test_a_part_is_as_long_as_its_bound_at_most() -> None:
    with pytest.raises(Refused, match="too long"):
        offered._unpack(bytes(words.MAX_PART + 1))
