"""request_choice.py: what gets a yes, as a tree; and the order of names."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.events import FileEntry
from filesend_tui.state.natural_order import natural_key
from filesend_tui.state.request_choice import LEVELS, Node, RequestChoice

names = st.text("abAB019. é٣", min_size=1, max_size=8)
paths = st.lists(names, min_size=1, max_size=12).map("/".join)
requests = st.lists(
    st.builds(lambda path, size: FileEntry(path=path, size=size), paths, st.integers(0, 10**6)),
    min_size=1,
    max_size=40,
)


def everything(choice: RequestChoice) -> list[Node]:
    """All rows, with every folder open."""
    while closed := [node for node in choice.rows() if node.is_folder and not node.is_open]:
        for node in closed:
            node.is_open = True
    return choice.rows()


@given(requests, st.randoms(use_true_random=False))
def test_totals_and_marks_are_those_of_the_files_below(
    files: list[FileEntry], rng: random.Random
) -> None:
    choice = RequestChoice(files)
    rows = everything(choice)
    assert sorted(node.index for node in rows if not node.is_folder) == list(range(len(files)))
    for _ in range(6):
        choice.turn(rng.choice(rows))
    yes = choice.accepted
    assert choice.files == sum(yes)
    assert choice.size == sum(f.size for f, each in zip(files, yes, strict=True) if each)
    tops = [node for node in rows if node.depth == 0]
    assert sum(node.files for node in tops) == len(files)
    assert sum(node.size for node in tops) == sum(file.size for file in files)
    assert sum(node.yes for node in tops) == sum(yes)
    assert sum(node.hidden for node in tops) == sum(file.hidden for file in files)


@given(requests, names)
def test_a_search_leaves_files_with_it_and_their_folders_and_keys_touch_no_others(
    files: list[FileEntry], text: str
) -> None:
    choice = RequestChoice(files)
    choice.find(text)
    found = {i for i, file in enumerate(files) if text.casefold() in file.path.casefold()}
    rows = choice.rows()
    assert {node.index for node in rows if not node.is_folder} == found
    assert all(node.shown for node in rows)
    choice.say(yes=False)
    assert choice.accepted == tuple(i not in found for i in range(len(files)))
    choice.find("")
    assert choice.files == len(files) - len(found)


def test_turning_a_folder_says_yes_first_and_then_no() -> None:
    choice = RequestChoice([FileEntry(path=f"d/{n}", size=1) for n in range(3)])
    folder, first, *_ = everything(choice)
    choice.turn(first)
    assert choice.accepted == (False, True, True)
    choice.turn(folder)
    assert choice.accepted == (True, True, True)
    choice.turn(folder)
    assert choice.accepted == (False, False, False)


def test_a_request_costs_no_more_rows_than_it_has_files_times_levels() -> None:
    files = [FileEntry(path="/".join(f"{n}x{i}" for i in range(200)), size=1) for n in range(500)]
    choice = RequestChoice(files)
    rows = everything(choice)
    assert len(rows) == 500 * (LEVELS + 1)
    assert rows[LEVELS].name.endswith("0x198/0x199")  # what is deeper stands in one row, whole


def test_large_requests_begin_closed_but_for_a_folder_that_is_all_there_is() -> None:
    files = [FileEntry(path=f"all/{n % 10}/{n}", size=1) for n in range(100)]
    assert len(RequestChoice(files).rows()) == 11
    assert len(RequestChoice(files[:10]).rows()) == 21


@pytest.mark.parametrize(
    "ordered",
    [
        ["a1", "a2", "a10"],
        ["IMG_9.jpg", "img_10.jpg", "IMG_11.jpg"],
        ["1", "1a", "02", "2b", "10"],
        ["9" * 5000, "1" + "0" * 5000],  # too long for an int
        ["a", "a1b2", "a1b10", "b"],
    ],
)
def test_names_in_natural_order(ordered: list[str]) -> None:
    shuffled = sorted(ordered, key=hash)
    assert sorted(shuffled, key=natural_key) == ordered


@given(st.lists(st.text("ab01. ٣", max_size=6)))
def test_any_names_have_one_order(some: list[str]) -> None:
    backwards = some[::-1]
    assert sorted(some, key=natural_key) == sorted(backwards, key=natural_key)
