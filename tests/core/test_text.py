"""Peer-supplied text is harmless on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.text import clean


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("two\nlines\tand tab", "two lines and tab"),
        ("👨\u200d👩\u200d👧 family", "👨\u200d👩\u200d👧 family"),
        ("e\u0301", "e\u0301"),
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
