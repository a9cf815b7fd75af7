"""figures.py: rates as people write them."""

from __future__ import annotations

import pytest

from filesend_tui.core.util.figures import parse_rate, rate_text, size_text


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("65536", 65_536),
        ("500k", 500_000),
        ("500K", 500_000),
        ("2M", 2_000_000),
        ("1.5MB/s", 1_500_000),
        (" 1.5 mb/s ", 1_500_000),
        ("0.25G", 250_000_000),
        ("64KiB/s", 65_536),
        ("1 MiB", 1_048_576),
        ("3 MBps", 3_000_000),
        ("100B", 100),
        ("0", 0),
    ],
)
def test_a_rate_as_people_write_it(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text",
    ["", "fast", "k", "-1", "1e6", "1.", ".5M", "5i", "2 Mbit/s", "1T", "1M2", "٣M", "9" * 13],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no rate"):
        parse_rate(text)


@pytest.mark.parametrize("rate", [1_000, 1_500_000, 20_000_000])
def test_what_is_shown_can_be_typed(rate: int) -> None:
    assert parse_rate(rate_text(rate)) == rate
    assert parse_rate(size_text(rate)) == rate
