"""Descriptions made to cost memory or time: each is read or refused within what is stated here.

The figures in docs/security.md come from `python -m tests.security.test_metadata_bounds`.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bencode2
import pytest

from filesend_tui.core.errors import BadMetadata
from filesend_tui.core.torrent.metainfo.info import MAX_FILES, MAX_FOLDERS, parse_info
from filesend_tui.core.torrent.storage.paths import Folding, lay_out
from filesend_tui.core.wire.shape import MAX_METADATA, MAX_PIECES

#: No description costs more than this, beyond its own bytes: MiB of memory, seconds of processor.
MOST_MEMORY = 256
MOST_SECONDS = 20.0

PIECE = 16 * 1024


def _text(value: bytes) -> bytes:
    return b"%d:%s" % (len(value), value)


def _file(*parts: bytes, length: int = 0) -> bytes:
    return b"d6:lengthi%de4:pathl%see" % (length, b"".join(map(_text, parts)))


def _info(files: bytes, *, pieces: bytes = b"", more: bytes = b"") -> bytes:
    """Return the bencoded dictionary of a torrent with these bencoded files."""
    fields = b"5:filesl%se4:name1:t12:piece lengthi%de6:pieces%s" % (files, PIECE, _text(pieces))
    return b"d%s%se" % (fields, more)


def _single(length: int, *, pieces: bytes = b"", more: bytes = b"") -> bytes:
    fields = b"6:lengthi%de4:name1:t12:piece lengthi%de6:pieces%s" % (length, PIECE, _text(pieces))
    return b"d%s%se" % (fields, more)


def _many(count: int, *below: bytes) -> bytes:
    return b"".join(_file(b"%05x" % number, *below) for number in range(count))


_MOST_PIECES = MAX_PIECES - 10

#: What it is called, how it is made, and why it is refused; None: it is read and laid out.
COSTLY: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "over 32 MiB": (lambda: _single(0, more=b"1:z" + _text(bytes(MAX_METADATA))), "too large"),
    "838,850 pieces": (
        lambda: _single(_MOST_PIECES * PIECE, pieces=bytes(20 * _MOST_PIECES)),
        None,
    ),
    "200,000 files": (lambda: _info(_many(MAX_FILES)), None),
    "200,000 files with names of 125 bytes": (
        lambda: _info(b"".join(_file(b"%05x" % n + b"y" * 120) for n in range(MAX_FILES))),
        None,
    ),
    "200,000 files in no order": (
        lambda: _info(b"".join(_file(b"%05x" % (n ^ 1)) for n in range(MAX_FILES))),
        None,
    ),
    "200,000 files with more than names": (
        lambda: _info(
            b"".join(b"d4:attr1:x6:lengthi0e4:pathl5:%05xee" % n for n in range(MAX_FILES))
        ),
        None,
    ),
    "200,001 files": (lambda: _info(_many(MAX_FILES + 1)), "lists more than 200000 files"),
    "630,000 folders": (lambda: _info(_many(10_000, *[b"d"] * 62, b"f")), "50000 folders"),
    "50,000 folders 63 deep": (lambda: _info(_many(MAX_FOLDERS // 63, *[b"d"] * 62, b"f")), None),
    "20,000 files 63 deep": (
        lambda: _info(b"".join(_file(*[b"d"] * 63, b"%x" % n) for n in range(20_000))),
        None,
    ),
    "8,000 names of 2 KiB": (
        lambda: _info(b"".join(_file(b"%04x" % n + b"\xcc\x81" * 1000) for n in range(8000))),
        None,
    ),
    "8,000 names mended to a few": (
        lambda: _info(
            b"".join(
                _file(b"/" * (n % 1000 + 1) + b"\xe2\x80\x8b" * (n // 1000)) for n in range(8000)
            )
        ),
        None,
    ),
    "2 million values": (lambda: _single(0, more=b"1:zl" + b"0:" * 1_990_000 + b"e"), None),
    "2 million dictionaries": (lambda: _single(0, more=b"1:zl" + b"de" * 1_990_000 + b"e"), None),
    "3 million lists": (lambda: _single(0, more=b"1:zl" + b"le" * 3_000_000 + b"e"), "too large"),
    "lists 900,000 deep": (
        lambda: _single(0, more=b"1:z" + b"l" * 900_000 + b"e" * 900_000),
        "not valid bencode",
    ),
    "a number of 8 MB": (
        lambda: _single(0, more=b"1:zi" + b"9" * 8_000_000 + b"e"),
        "not valid bencode",
    ),
    "4,000 numbers of 4,000 digits": (
        lambda: _single(0, more=b"1:zl" + (b"i" + b"9" * 4000 + b"e") * 4000 + b"e"),
        None,
    ),
}


def measure(raw: bytes) -> tuple[float, float, str]:
    """Read and lay out a description; return the MiB and seconds of it, and why it is refused."""
    import resource
    import time

    def peak() -> float:
        scale = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale

    lay_out([("warm", "up")], Folding(case=True, form=True))
    bencode2.bdecode(b"de")
    before, began, why = peak(), time.process_time(), ""
    try:
        info = parse_info(raw)
        lay_out([file.path for file in info.files], Folding(case=True, form=True))
    except BadMetadata as error:
        why = error.message
    return peak() - before, time.process_time() - began, why


@pytest.mark.skipif(sys.platform == "win32", reason="the peak of memory is read as POSIX tells it")
@pytest.mark.parametrize("case", list(COSTLY))
def test_no_description_costs_more_than_is_stated(case: str) -> None:
    # A process of its own: the peak of this one says nothing any more.
    ran = subprocess.run(
        [sys.executable, "-m", __name__, case],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    memory, seconds, why = ran.stdout.rstrip("\n").split("\t")
    assert float(memory) <= MOST_MEMORY
    assert float(seconds) <= MOST_SECONDS
    assert (COSTLY[case][1] or "") in why
    assert bool(why) == (COSTLY[case][1] is not None)


# --- descriptions that lie


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(_single(-1), "-1 bytes", id="negative"),
        pytest.param(_single(2**62), "absurdly many", id="beyond 62 bits"),
        pytest.param(_single(2**64 + 1, pieces=bytes(20)), "absurdly", id="1 after an overflow"),
        pytest.param(_single(2**62 - 1, pieces=bytes(20)), "one hash", id="huge, one piece"),
        pytest.param(
            _info(_file(b"a", length=2**61) + _file(b"b", length=2**61), pieces=bytes(20)),
            "absurdly many",
            id="a huge sum",
        ),
        pytest.param(
            _info(_file(b"a", length=PIECE + 1) + _file(b"b", length=-PIECE), pieces=bytes(20)),
            "bytes",
            id="negative sums up",
        ),
        pytest.param(_single(PIECE + 1, pieces=bytes(20)), "one hash", id="a piece too few"),
        pytest.param(_single(PIECE, pieces=bytes(40)), "one hash", id="a piece too many"),
        pytest.param(_single(PIECE, pieces=bytes(19)), "one hash", id="a cut hash"),
        pytest.param(_info(_file(b"a") * 2), "twice", id="an entry twice"),
        pytest.param(_info(_file(b"a") + _file(b"a", b"b")), "folder", id="a file is a folder"),
        pytest.param(b"d6:lengthi0e6:lengthi1ee", "bencode", id="a key twice"),
        pytest.param(b"d6:lengthi-0e4:name1:te", "bencode", id="minus zero"),
        pytest.param(_single(0).replace(b"i0e", b"i00e"), "bencode", id="leading zero"),
        pytest.param(b"d6:length99999999999999999999:x", "bencode", id="a string without end"),
    ],
)
def test_a_description_that_lies_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(BadMetadata, match=why):
        parse_info(raw)


def test_a_description_with_another_hash_is_refused() -> None:
    raw = _single(PIECE, pieces=bytes(20))
    assert parse_info(raw, info_hash=hashlib.sha1(raw).digest())
    with pytest.raises(BadMetadata, match="not the one"):
        parse_info(raw, info_hash=hashlib.sha1(raw + b" ").digest())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(*measure(COSTLY[sys.argv[1]][0]()), sep="\t")
    else:
        for name in COSTLY:
            line = subprocess.run(
                [sys.executable, "-m", "tests.security.test_metadata_bounds", name],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split("\t")
            print(f"{name:32} {float(line[0]):6.0f} MiB {float(line[1]):6.2f} s  {line[2].strip()}")
