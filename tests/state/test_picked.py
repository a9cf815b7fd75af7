"""What is chosen: nothing inside anything else, known as far as it is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.util.file_id import look
from filesend_tui.state.picked import Picked, Weight


def path(*parts: str) -> str:
    """A path as this system spells it."""
    return str(Path(Path.cwd().anchor, *parts))


ROOT, D, E, F, DD = path(), path("d"), path("d", "e"), path("d", "e", "f"), path("dd")
ONE = Weight(1, 10)


def test_a_folder_takes_along_what_is_in_it_whichever_was_chosen_first() -> None:
    picked = Picked()
    picked.add({F: ONE, DD: ONE})
    picked.add({D: None})
    assert list(picked) == [DD, D]
    picked.add({E: None, F: ONE})
    assert list(picked) == [DD, D]
    assert picked.carrier(F) == D
    assert picked.carrier(D) is None
    assert picked.carrier(DD) is None


def test_of_what_comes_together_the_outermost_is_chosen() -> None:
    picked = Picked()
    picked.add({F: ONE, E: None, DD: ONE})
    assert list(picked) == [E, DD]


def test_a_folder_knows_whether_something_in_it_is_chosen() -> None:
    picked = Picked()
    picked.add({F: ONE})
    assert picked.holds(E)
    assert picked.holds(D)
    assert picked.holds(ROOT)
    assert not picked.holds(F)
    assert not picked.holds(DD), "a name that only begins alike"
    picked.remove([F])
    assert not picked.holds(D)


def test_the_weight_is_told_once_all_of_it_is_known() -> None:
    picked = Picked()
    picked.add({F: ONE, DD: None})
    assert picked.weight is None
    assert picked.unweighed() == DD
    picked.weigh(DD, Weight(4, 20, 1))
    assert picked.unweighed() is None
    assert picked.weight == Weight(5, 30, 1)
    picked.remove([DD])
    picked.weigh(DD, Weight(100, 100))  # a late answer about what is chosen no longer
    assert picked.weight == ONE
    picked.clear()
    assert picked.weight == Weight()


def test_what_a_path_leads_to_is_noted_once(tmp_path: Path) -> None:
    picked, here = Picked(), str(tmp_path)
    picked.add({here: None, DD: ONE})
    assert picked.unseen(10) == (here, DD)
    picked.see({here: look(tmp_path), F: None})
    assert picked.unseen(10) == (DD,)
    assert picked.as_chosen() == {tmp_path: look(tmp_path), Path(DD): None}


def test_a_range_that_is_taken_back_brings_back_what_it_swallowed(tmp_path: Path) -> None:
    picked = Picked()
    picked.add({F: ONE})
    before = picked.copy()
    picked.become_with(before, {D: None, DD: ONE})
    assert list(picked) == [D, DD]
    picked.weigh(D, Weight(9, 9))
    picked.see({D: look(tmp_path)})
    picked.become_with(before, {D: None})
    assert (list(picked), picked.weight) == ([D], Weight(9, 9)), "what is known stays known"
    assert picked.unseen(9) == ()
    picked.become(before)
    assert (list(picked), picked.weight) == ([F], ONE)


def test_what_cannot_be_sent_is_marked_for_as_long_as_it_is_chosen() -> None:
    picked = Picked()
    picked.add({D: None, DD: ONE})
    picked.refuse({F: "may not be read", DD: "a pipe"})
    assert picked.refused_below(E) == picked.refused_below(D) == 1
    assert picked.refused_below(DD) == 0
    assert picked.from_choice(F) == str(Path("d", "e", "f"))
    assert picked.from_choice(DD) == "dd"
    picked.remove([DD])
    assert dict(picked.refused) == {F: "may not be read"}
    picked.remove([D])
    assert dict(picked.refused) == {}
    assert picked.refused_below(D) == 0


@pytest.mark.parametrize("names", [(), ("a",), ("a", "b", "c", "d")])
def test_the_first_names_are_enough_to_name_it(names: tuple[str, ...]) -> None:
    picked = Picked()
    picked.add({path("d", name): ONE for name in names})
    assert picked.names() == names[:3]
    assert len(picked) == len(names)


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda parts: path(*parts))


@given(st.lists(st.tuples(st.booleans(), st.lists(PATHS, max_size=4))))
def test_nothing_that_is_chosen_ever_lies_in_something_else(
    deeds: list[tuple[bool, list[str]]],
) -> None:
    picked = Picked()
    for add, paths in deeds:
        if add:
            picked.add(dict.fromkeys(paths))
            assert all(each in picked or picked.carrier(each) for each in paths)
        else:
            picked.remove(paths)
        assert all(picked.carrier(each) is None for each in picked)
        assert set(picked.unseen(99)) == set(picked)
        assert sum(picked._parents.values()) == len(picked)
