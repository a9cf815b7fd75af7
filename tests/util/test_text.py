"""Peer-supplied text is harmless on a terminal."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.util.text import clean, clean_path, path_text, visible

FLAG = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("two\nlines\tand tab", "two lines and tab"),
        ("👨\u200d👩\u200d👧 family", "👨\u200d👩\u200d👧 family"),
        ("e\u0301", "e\u0301"),
        ("\u0301e", "e"),
        ("z" + "\u0301" * 60 + "algo", "z" + "\u0301" * 5 + "algo"),
        ("a\u200db\u200cc\u200d", "abc"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        (
            "❤\ufe0f 1\ufe0f\u20e3 👁\ufe0f\u200d🗨\ufe0f",
            "❤\ufe0f 1\ufe0f\u20e3 👁\ufe0f\u200d🗨\ufe0f",
        ),
        ("a\ufe0f\ufe0fb❤\ufe0f\ufe0e\ufe0f", "ab❤\ufe0f"),
        ("葛\U000e0100飾", "葛\U000e0100飾"),
        (FLAG + " rules", FLAG + " rules"),
        ("a\U000e0061\U000e0062\U000e0063\U000e007fb", "ab"),
        ("\U0001f3f4\U000e0061b", "\U0001f3f4b"),
        ("a\u3164\u115f\u2800\u034fb", "ab"),
        ("a\ufffe\U0010ffff\ufdd0b", "ab"),
        ("a\x85\x9b31mb", "a31mb"),
        ("a\ue000b", "ab"),
        ("\udcff.txt", ".txt"),
        ("Tibetan ཧཱུྃ, Hebrew שֶׁ֑, Vietnamese ệ, Thai ที่", "Tibetan ཧཱུྃ, Hebrew שֶׁ֑, Vietnamese ệ, Thai ที่"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert clean("x" * 500, 10) == "x" * 9 + "…"


@given(st.text(), st.integers(1, 50))
def test_nothing_that_steers_a_terminal_survives(text: str, limit: int) -> None:
    result = clean(text, limit)
    assert len(result) <= limit
    assert not any(
        unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} or c in "\u202e\u2066\ufeff"
        for c in result
    )
    assert clean(result, limit) == result


@given(st.text(st.sampled_from("a1é❤\u0301\u200d\u200c\ufe0f\ue000\u202e🏴\U000e0067\U000e007f")))
def test_what_is_visible_stays_so(text: str) -> None:
    once = visible(text)
    assert visible(once) == once
    assert visible(once + "b").startswith(once[:-1])


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_a_path_whose_bytes_are_no_text_can_be_shown() -> None:
    path = Path(os.fsdecode(b"/a/\xff\x1b[2J/" + b"x" * 2000))
    assert path_text(path).startswith("/a/\N{REPLACEMENT CHARACTER}\x1b[2J/")
    assert clean_path(path).startswith("/a/\N{REPLACEMENT CHARACTER}[2J/")
    assert len(clean_path(path)) == 1024
