"""The diagrams of docs/ are those that the tables give."""

from __future__ import annotations

import pytest

from tools import diagrams


@pytest.mark.parametrize("page", sorted({page for page, _ in diagrams.DIAGRAMS}))
def test_the_diagrams_of_a_page_are_current(page: str) -> None:
    text = (diagrams.DOCS / page).read_text(encoding="utf-8")
    assert text == diagrams.drawn(page, text), "run python -m tools.diagrams"


def test_a_changed_table_changes_its_diagram() -> None:
    before = diagrams.states("a", [("a", "Word", "b")])
    assert "a --> b: Word, Other" in diagrams.states("a", [("a", "Word", "b"), ("a", "Other", "b")])
    assert "a --> b: Word\n" in before + "\n"
