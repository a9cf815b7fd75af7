"""Pasted text, as terminals paste dropped files, read as paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from filesend_tui.widgets.picker.dropped import MAX_PATHS, choose, looks_like_paths, readings


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("/a/b.txt", ["/a/b.txt"]),
        ("  /a/b.txt \n", ["/a/b.txt"]),
        ("/a/my file.txt", ["/a/my file.txt"]),
        ("'/a/my file.txt'", ["/a/my file.txt"]),
        ('"/a/my file.txt"', ["/a/my file.txt"]),
        ("/a/my\\ file.txt", ["/a/my file.txt"]),
        ("/a/it\\'s.txt", ["/a/it's.txt"]),
        ("/a/don't.txt", ["/a/don't.txt"]),
        ("/a/one /a/two", ["/a/one", "/a/two"]),
        ("'/a/one' '/a/two x'", ["/a/one", "/a/two x"]),
        ("/a/one\n/a/two x\n", ["/a/one", "/a/two x"]),
        ("/a/one\r\n/a/two\r\n", ["/a/one", "/a/two"]),
        ("file:///a/my%20file.txt", ["/a/my file.txt"]),
        ("file://localhost/a/b", ["/a/b"]),
        ("file:///a/b file:///a/c%25", ["/a/b", "/a/c%"]),
        ("# a comment\nfile:///a/b\nfile:///a/c", ["/a/b", "/a/c"]),
        ("/a/ünï 🍋.txt", ["/a/ünï 🍋.txt"]),
        ("file:///a/%C3%BCn%C3%AF", ["/a/ünï"]),
        ("file:///a/b%FFd", ["/a/b\udcffd"]),
        ("file://[a", ["file://[a"]),
        ("relative/name", ["relative/name"]),
    ],
)
def test_the_reading_that_exists_is_chosen(text: str, there: list[str]) -> None:
    exists = {Path(path) for path in there}
    assert choose(text, exists.__contains__) == tuple(Path(path) for path in there)


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        (r"C:\Users\me\my file.txt", (r"C:\Users\me\my file.txt",)),
        (r'"C:\my file.txt"', (r"C:\my file.txt",)),
        (r'"C:\my file.txt" C:\two.txt', (r"C:\my file.txt", r"C:\two.txt")),
        (r"& 'C:\my file.txt'", (r"C:\my file.txt",)),
        ("file:///C:/my%20file.txt", ("C:/my file.txt",)),
        ("file://server/share/x", ("//server/share/x",)),
    ],
)
def test_windows_terminals(text: str, reading: tuple[str, ...]) -> None:
    assert reading in readings(text, windows=True)


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/you")
    monkeypatch.setenv("USERPROFILE", "/home/you")
    assert readings("~/x y", windows=False)[0] == ("/home/you/x y",)
    assert readings("~other", windows=False)[0] == ("~other",)


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "# only a comment"])
def test_nothing_reads_as_nothing(text: str) -> None:
    assert readings(text) == []
    assert choose(text, lambda _: True) == ()


def test_what_is_not_there_is_not_chosen() -> None:
    assert choose("/a/one /a/two", lambda path: path == Path("/a/one")) == ()


def test_quotes_around_nothing_name_nothing() -> None:
    assert choose("''", lambda path: path == Path()) == ()
    assert readings("'' '/a'", windows=False)[1] == ("/a",)


def test_an_unclosed_quote_leaves_the_bare_reading() -> None:
    assert readings("'/a/b", windows=False) == [("'/a/b",)]


def test_a_flood_is_bounded() -> None:
    assert all(len(reading) <= MAX_PATHS for reading in readings("/a\n" * (MAX_PATHS + 50)))


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("/a", True),
        ("~/x", True),
        ("file:///x", True),
        ("'/a b'", True),
        (r"C:\x", True),
        (r"\\server\x", True),
        ("hello there", False),
        ("", False),
    ],
)
def test_what_looks_like_paths(text: str, yes: bool) -> None:
    assert looks_like_paths(text) is yes
