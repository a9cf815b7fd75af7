"""What the long forms came to, as a table on a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import figures
from tests.chaos.chance import Chance
from tests.chaos.figures import Figures, table, written


def test_a_row_tells_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "KEPT", tmp_path)
    killed = Figures(what="killed", faults=3, recoveries=[1.0, 9.0, 2.0])
    killed.end(1000, 1044)
    killed.keep("a")
    Figures(what="disk", faults=1).keep("b")
    Figures(what="killed", faults=1, recoveries=[3.0]).keep("c")
    rows = table(tmp_path).splitlines()[2:]
    assert rows[0] == "| killed | 4 | 0 | 4.4% | 2.5 | 9.0 |  |"
    assert rows[1] == "| disk | 1 | 0 |  |  |  |  |"


@pytest.mark.parametrize("page", ["", "# Reliability\n\nWords.\n", "# R\n\n## Figures\n\nold\n"])
def test_the_table_is_written_between_its_marks_again_and_again(page: str) -> None:
    once = written(page, "| one |")
    twice = written(once + "\n## More\n", "| two |")
    assert "| one |" in once
    assert "| one |" not in twice
    assert twice.count("| two |") == twice.count("## Figures") == 1
    assert twice.endswith("\n## More\n")
    assert set(page.split()) <= set(twice.split())


def test_chance_repeats_itself_and_leaves_nobody_out() -> None:
    assert Chance("a").random() == Chance("a").random() != Chance("b").random()
    for number in range(20):
        assert set(Chance(str(number)).shuffled("x", "y", "z", times=3)) == {"x", "y", "z"}
