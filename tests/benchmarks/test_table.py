"""The pure parts of the benchmarks: what a row comes to, the table, the picture, the turns."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.context import Context
from benchmarks.groups import GROUPS
from benchmarks.measures import in_turn
from benchmarks.plot import draw, fraction
from benchmarks.table import Result, Row, markdown, ratio, render, single, summary
from benchmarks.wan import Link

FAST = Row(name="fast", title="a ÷ b", at_least=2)
SMALL = Row(name="small", title="memory <of one>", at_most=150, unit="MB")


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    # The machine was half as fast in the last round, for both.
    result = ratio(FAST, {"ours": [30, 20, 10], "theirs": [10, 10, 5]}, "ours", "theirs", "MB/s")
    assert result.value == 2
    assert result.verdict == "reached"
    assert result.note == "20.0 (10.0–30.0) ÷ 10.0 (5.00–10.0) MB/s"
    assert result.as_json()["figures"] == {"ours": [30, 20, 10], "theirs": [10, 10, 5]}


@pytest.mark.parametrize(
    ("row", "value", "verdict"),
    [
        (FAST, 1.99, "missed"),
        (FAST, 2.0, "reached"),
        (SMALL, 150, "reached"),
        (SMALL, 151, "missed"),
        (SMALL, None, "left out"),
    ],
)
def test_a_verdict(row: Row, value: float | None, verdict: str) -> None:
    assert Result(row=row, value=value).verdict == verdict


@pytest.mark.parametrize(
    ("values", "text"), [([3], "3.00"), ([1, 200, 3], "3.00 (1.00–200)"), ([12.34], "12.3")]
)
def test_a_summary_tells_how_far_rounds_lie_apart(values: list[float], text: str) -> None:
    assert summary(values) == text


def test_the_table_has_a_line_for_each_row_and_says_why_one_is_left_out() -> None:
    lines = render(
        [single(SMALL, "peak", [120.0], note="two sides"), Result(row=FAST, why="no root")]
    ).splitlines()
    assert lines[1].split() == [
        *("small", "memory", "<of", "one>", "≤", "150", "MB"),
        *("120", "MB", "reached", "two", "sides"),
    ]
    assert lines[2].endswith("left out  no root")


def test_the_table_as_markdown() -> None:
    lines = markdown(
        [Result(row=SMALL, value=151.2, note="a | b"), Result(row=FAST, why="no root")]
    )
    assert lines.splitlines()[2:] == [
        r"| `small` | memory <of one> | ≤ 150 MB | 151 MB | **missed** | a \| b |",
        "| `fast` | a ÷ b | ≥ 2 | – | left out | no root |",
    ]


def test_a_bar_is_as_long_as_a_row_got() -> None:
    assert fraction(Result(row=FAST, value=3)) == 1.5
    assert fraction(Result(row=SMALL, value=300)) == 0.5
    assert fraction(Result(row=SMALL, value=None)) == 0
    picture = draw([Result(row=SMALL, value=100), Result(row=FAST)], "a machine & more")
    assert "memory <of one>" in "".join(ElementTree.fromstring(picture).itertext())


def test_every_row_of_the_issue_has_one_reach_and_a_name_of_its_own() -> None:
    rows = [row for group in GROUPS for row in group.rows]
    assert len({row.name for row in rows}) == len(rows) >= 20
    assert all((row.at_least is None) != (row.at_most is None) for row in rows)
    assert json.dumps([Result(row=row).as_json() for row in rows])


def test_neither_of_two_always_follows_the_other() -> None:
    order: list[str] = []

    def one() -> str:
        order.append("one")
        return "1"

    def two() -> str:
        order.append("two")
        return "2"

    assert [in_turn(number, one, two) for number in (0, 1)] == [("1", "2"), ("1", "2")]
    assert order == ["one", "two", "two", "one"]


def test_rounds_are_as_many_as_there_is_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("benchmarks.context.time.monotonic", lambda: now)
    done = 0
    for _ in Context(folder=tmp_path).rounds(5, seconds=25):
        now += 10
        done += 1
    assert done == 2
    assert list(Context(folder=tmp_path, quick=True).rounds(5, seconds=25)) == [0]


def test_a_links_queue_holds_a_round_trip() -> None:
    link = Link(rtt=50, rate=200, loss=0.1)
    assert str(link) == "50 ms, 200 Mbit/s, 0.1% loss"
    assert link.queue_bytes == 1_250_000
    assert Link(rtt=1, rate=1).queue_bytes == 256 * 1024
