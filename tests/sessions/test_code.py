from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.errors import InvalidCode
from filesend_tui.core.sessions.code import (
    Code,
    complete,
    new_code,
    parse_code,
    split_place,
    word_list,
)


def test_the_word_list_can_be_said_typed_and_told_apart() -> None:
    words = word_list()
    assert len(words) == len(set(words)) == 1295
    assert len({word[:3] for word in words}) == len(words)
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)


@pytest.mark.parametrize(
    "typed",
    [
        "7-acrobat-violin",
        "7 acrobat violin",
        "  7 - Acrobat,  VIOLIN. ",
        "7acrobat violin",
        "“7–acrobat—violin”",
        "7_acrobat_violin",
        "７-acrobat-violin",
        "007 acrobat/violin\n",
    ],
)
def test_a_code_is_read_however_it_was_typed(typed: str) -> None:
    assert parse_code(typed) == Code(7, ("acrobat", "violin"))


@pytest.mark.parametrize(
    "text",
    [
        "Code: 7-acrobat-violin",
        "Code:7-acrobat-violin.",
        "[12:04] Ann: the code is 7-acrobat-violin, quick! (until 12:14)",
        "ann> 7-acrobat-violin",
        "7-acrobat-violin is my code",
        "code 7 acrobat violin please",
        "filesend receive 7-acrobat-violin",
        "$ filesend receive 7-acrobat-violin -o inbox",
        "filesend send a.txt --code=7-acrobat-violin",
        "filesend receive '7-Acrobat-Violin'",
        "Code: 7-acrobat-violin\nTell it to the other person. It works once, within 10 minutes.",
        "7-acrobat-violin\n\n7-acrobat-violin",
        "Dein Code lautet „7-acrobat-violin“ 🎻",
        "暗号は 7-acrobat-violin です",
        "talk " * 300 + "7-acrobat-violin",
    ],
    ids=lambda text: text[-40:],
)
def test_the_one_code_in_a_text_is_taken(text: str) -> None:
    assert parse_code(text) == Code(7, ("acrobat", "violin"))


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_stands_around_a_code_it_is_that_code_or_none(before: str, after: str) -> None:
    try:
        assert parse_code(f"{before}\n7-acrobat-violin\n{after}") == Code(7, ("acrobat", "violin"))
    except InvalidCode as refused:
        # Another word, or another code, stands beside it.
        assert refused.message


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "No code"),
        (" -- ", "No code"),
        ("acrobat-violin", "starts with a number"),
        ("0-acrobat-violin", "from 1 to"),
        ("100000000-acrobat-violin", "from 1 to"),
        ("7", "this has 0"),
        ("7-acrobat", "this has 1"),
        ("7-acrobat-violin-umbrella", "this has 3"),
        ("7-acrobat-violinn", "“violinn” is not a word of a code; did you mean “violin”?"),
        ("7-acrobat-8", "“8” is not a word"),
        ("7-acrobat-xyzzyqqq", "“xyzzyqqq” is not a word of a code."),
        ("7-" + "a" * 3000, "too long"),
        # In talk as well a mistyped code is told as one, and not read as another.
        ("Code: 7-acrobat-violinn", "did you mean “violin”?"),
        ("the code is 7-acrobat-violinn, ok?", "did you mean “violin”?"),
        ("filesend receive 7-acrobat", "this has 1"),
        ("code 7 acrobat violin umbrella", "this has 3"),
        ("7-acrobat-violin-umbrella", "this has 3"),
        ("17-7-acrobat-violin", "“7” is not a word"),
        ("7-acrobat-violin-x", "“x” is not a word"),
        ("code: 7acrobat-violin/x", "“x” is not a word"),
        ("code: 7-acrobat-violins-x", "did you mean “violin”?"),
        ("x7-acrobat-violin-7", "“7” is not a word"),
        ("7-acrobat-violin or 8-acrobat-violin", "There are 2 codes in that text."),
    ],
)
def test_what_is_no_code_is_refused_with_what_is_wrong(typed: str, says: str) -> None:
    with pytest.raises(InvalidCode) as refused:
        parse_code(typed)
    assert says in refused.value.message


@given(st.text(max_size=300))
def test_whatever_is_typed_gives_a_code_or_says_why_not(typed: str) -> None:
    try:
        code = parse_code(typed)
    except InvalidCode as refused:
        assert refused.message.isprintable()
    else:
        assert parse_code(code.text) == code


@given(st.text(max_size=250))
def test_a_completion_keeps_what_was_typed(typed: str) -> None:
    for whole in complete(typed):
        assert whole.startswith(typed)
        assert whole != typed


@pytest.mark.parametrize(
    ("typed", "completions"),
    [
        ("", ()),
        ("7", ()),
        ("7-", ()),
        ("acr", ()),
        ("7-acr", ("7-acrobat",)),
        ("7 ACR", ("7 ACRobat",)),
        ("7-acrobat", ()),
        ("7-acrobat-", ()),
        ("7-acrobat-viol", ("7-acrobat-violin",)),
        ("7-acrobat-violin-umb", ()),
        ("7-zzz", ()),
    ],
)
def test_completion_finishes_the_last_word(typed: str, completions: tuple[str, ...]) -> None:
    assert complete(typed) == completions


def test_few_letters_offer_few_completions() -> None:
    assert 1 < len(complete("7-a")) <= 8


def test_a_new_code_can_be_typed_and_never_shows_itself() -> None:
    code = new_code(42)
    assert code.nameplate == 42
    assert parse_code(code.text) == code
    assert repr(code) == str(code) == f"{code}" == "Code(nameplate=42)"


def test_codes_differ() -> None:
    assert len({new_code(1).words for _ in range(50)}) > 45


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("7-acrobat-violin@192.168.1.7", "192.168.1.7"),
        ("7-acrobat-violin@nas:9000", "nas:9000"),
        ("7-acrobat-violin@https://relay.example", "https://relay.example"),
        ("7-acrobat-violin@https://relay.example/below", "https://relay.example/below"),
        ("7-acrobat-violin@[fe80::1]", "[fe80::1]"),
        ("7-acrobat-violin@[fe80::1]:9000", "[fe80::1]:9000"),
        (" 7 Acrobat VIOLIN@192.168.1.7 ", "192.168.1.7"),
        ("7-acrobat-violin＠192.168.1.7", "192.168.1.7"),
        ("filesend receive 7-acrobat-violin@192.168.1.7 -o inbox", "192.168.1.7"),
        ("filesend receive '7-acrobat-violin@192.168.1.7'", "192.168.1.7"),
        ("[I say 7-acrobat-violin@192.168.1.7]", "192.168.1.7"),
        ("Take 7-acrobat-violin@nas.local. Umbrella!", "nas.local"),
        ("ann@example.org: 7-acrobat-violin@nas:9000, quick!", "nas:9000"),
        ("7-acrobat-violin@nas umbrella", "nas"),
        ("http://192.168.1.7:8421/r#7-acrobat-violin", "http://192.168.1.7:8421"),
        ("https://nas.example/tools/fs/r#7-acrobat-violin", "https://nas.example/tools/fs"),
        ("Open https://nas.example/#7-acrobat-violin please.", "https://nas.example"),
    ],
)
def test_the_address_that_stands_with_a_code(typed: str, place: str) -> None:
    code, found = split_place(typed)
    assert found == place
    assert place not in code
    assert parse_code(code) == parse_code(typed) == Code(7, ("acrobat", "violin"))


@pytest.mark.parametrize(
    "typed",
    [
        "7-acrobat-violin",
        "7-acrobat-violin@",
        "7-acrobat-violin@ nas",
        "7-acrobat-violin@.",
        "ann@example.org says 7-acrobat-violin",
        "7-acrobat@192.168.1.7",
        "@",
        "7-acrobat-violin@192.168.1.7" + " " * 3000,
    ],
    ids=lambda typed: typed[:40],
)
def test_where_no_address_stands_with_a_code_nothing_is_split_off(typed: str) -> None:
    assert split_place(typed) == (typed, "")


@given(st.text(max_size=300).filter(lambda text: not {"@", "＠", "﹫"} & {*text}))
def test_a_text_without_an_at_sign_stays_what_it_is(typed: str) -> None:
    assert split_place(typed) == (typed, "")


@given(
    st.text(max_size=40),
    st.text(max_size=60) | st.text("7acrobatviolin-@.:/[] ", max_size=40),
)
def test_to_split_changes_no_code(before: str, after: str) -> None:
    typed = f"{before}\n7-acrobat-violin@{after}"
    code, place = split_place(typed)
    try:
        meant = parse_code(typed)
    except InvalidCode:
        return
    assert parse_code(code) == meant
    assert place == "".join(place.split())
