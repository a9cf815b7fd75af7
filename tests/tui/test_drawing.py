"""The small functions that make lines, bars, graphs and times."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from filesend_tui.state.figures import countdown, percent, short_path
from filesend_tui.widgets.ink import bar, cells_to_paint, fit, fit_middle, row, strip
from filesend_tui.widgets.transfers.piece_strip import shades, tally
from filesend_tui.widgets.transfers.rate_graph import blocks, columns, levels

PLAIN = Style()
BOLD = Style(bold=True)


@pytest.mark.parametrize("width", range(30))
@pytest.mark.parametrize(
    "text",
    ["", "short", "a very long name.jpg", "🍋🍋🍋🍋 lemons 🍋.jpg", "日本語のファイル名.txt"],
)
def test_a_text_never_takes_more_cells_than_it_may(text: str, width: int) -> None:
    assert cell_len(fit(text, width)) <= width
    assert cell_len(fit_middle(text, width)) <= width


def test_a_long_name_keeps_its_extension() -> None:
    assert fit_middle("the very long way home.mp4", 16).endswith(".mp4")
    assert "…" in fit_middle("the very long way home.mp4", 16)


@pytest.mark.parametrize("width", [10, 40, 80])
def test_a_line_is_exactly_as_wide_as_it_should(width: int) -> None:
    parts = row([("✓ ", PLAIN), ("a long name " * 9, PLAIN)], [("12 MB", PLAIN)], width, PLAIN)
    assert strip(parts, width, PLAIN).cell_length == width
    assert strip(parts, width, PLAIN).text.endswith("12 MB")


def test_markup_in_a_name_is_only_a_name() -> None:
    line = strip([("[red]x[/] [@click=app.quit]y[/]", PLAIN)], 60, PLAIN)
    assert "[@click=app.quit]" in line.text
    assert not any(segment.style and segment.style.meta for segment in line)


@pytest.mark.parametrize(
    ("fraction", "full"), [(0, ""), (0.5, "━━━━━"), (0.56, "━━━━━╸"), (1, "━" * 10), (7, "━" * 10)]
)
def test_a_bar_is_drawn_to_half_a_cell(fraction: float, full: str) -> None:
    (drawn, _), (rest, _) = bar(fraction, 10, PLAIN, PLAIN)
    assert (drawn, len(drawn + rest)) == (full, 10)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (42.4, "0:42"),
        (725, "12:05"),
        (3723, "1:02:03"),
        (-4, "0:00"),
        (190_000, "2 d 4 h"),
    ],
)
def test_times(seconds: float, text: str) -> None:
    assert countdown(seconds) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(0, "  0%"), (0.639, " 63%"), (0.9999, " 99%"), (1, "100%"), (2, "100%")]
)
def test_a_hundred_percent_means_all_of_it(fraction: float, text: str) -> None:
    assert percent(fraction) == text


def test_the_home_folder_is_a_tilde(home: Path) -> None:
    assert short_path(home) == "~"
    assert short_path(home / "x" / "y") == str(Path("~/x/y"))
    assert short_path(Path("/elsewhere")) == str(Path("/elsewhere"))


@pytest.mark.parametrize(
    ("bits", "count", "width", "drawn"),
    [
        (b"\xf0", 8, 8, "████····"),
        (b"\xf0", 8, 2, "█·"),
        (b"\xaa", 8, 4, "▒▒▒▒"),
        (b"\x80", 1, 10, "█"),
        (b"\x00\x00", 16, 4, "····"),
        (b"", 16, 4, "····"),
        (b"", 0, 4, ""),
        (b"\xff\xe0", 11, 3, "███"),
    ],
)
def test_pieces_as_a_strip(bits: bytes, count: int, width: int, drawn: str) -> None:
    assert shades(bits, count, width) == drawn


@pytest.mark.parametrize(
    ("bitfield", "count", "whole", "words"),
    [
        (b"\xe0", 8, False, "3 of 8 × 64 kB"),
        (b"\xe0", 8, True, "all × 64 kB"),
        (b"", 0, False, "none yet"),
        # So short that it was over before the first word of its pieces.
        (b"", 0, True, "all"),
    ],
)
def test_pieces_are_counted_where_their_number_is_known(
    bitfield: bytes, count: int, whole: bool, words: str
) -> None:
    assert tally(bitfield, count, 64_000, whole=whole) == words


def graph(samples: list[float], width: int, height: int) -> list[str]:
    heights = levels(samples, width, height)
    return [blocks(heights, line) for line in reversed(range(height))]


def test_a_graph_fills_up_to_each_figure() -> None:
    assert graph([0, 8, 16], 3, 2) == ["  █", " ██"]
    assert graph([4, 16, 0.001], 3, 1) == ["▂█▁"]
    assert graph([], 3, 2) == ["", ""]
    assert graph([0, 0], 3, 1) == ["  "]
    assert graph([4, 16], 0, 2) == ["", ""]


def test_a_long_history_is_averaged_into_the_width() -> None:
    assert columns([1, 3, 5, 7], 2) == [2, 6]
    assert columns([1, 3], 5) == [1, 3]
    assert len(columns(list(range(240)), 33)) == 33


def line(*parts: tuple[str, Style]) -> Strip:
    return strip(parts, 20, PLAIN)


@pytest.mark.parametrize(
    ("before", "after", "cells"),
    [
        ([("abc", PLAIN)], [("abc", PLAIN)], 0),
        ([("12% of it", PLAIN)], [("13% of it", PLAIN)], 2),
        ([("ab", PLAIN), ("cd", PLAIN)], [("abcd", PLAIN)], 0),
        ([("abcd", PLAIN)], [("ab", PLAIN), ("cd", BOLD)], 4),
        ([("🍋x", PLAIN)], [("🍋y", PLAIN)], 3),
        ([("🍋", PLAIN)], [("ab", PLAIN)], 2),
        ([("", PLAIN)], [("a" * 20, PLAIN)], 20),
    ],
)
def test_a_line_is_painted_as_far_as_it_differs(
    before: list[tuple[str, Style]], after: list[tuple[str, Style]], cells: int
) -> None:
    assert cells_to_paint(line(*before), line(*after)) == cells
