from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.torrent.storage import paths as paths_module
from filesend_tui.core.torrent.storage.dir_handle import DirHandle
from filesend_tui.core.torrent.storage.paths import (
    MAX_NAME_BYTES,
    Folding,
    folding,
    lay_out,
    numbered,
    safe_name,
    safe_parts,
    shorten,
)

EXACT = Folding(case=False, form=False)
FOLDS = Folding(case=True, form=True)

GOOD = [
    "a.txt",
    "two  words, and (brackets) [1] ~ $HOME; `x`",
    "ñ.txt",
    unicodedata.normalize("NFD", "ñ.txt"),
    "😀 👩‍👩‍👧 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f.png",
    "日本語.txt",
    "میخواهم می\u200cخواهم",
    "a..b",
    "archive.tar.gz",
    "x" * 255,
]


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("system", ["linux", "macos", "windows"])
def test_good_names_survive_byte_for_byte(name: str, system: str) -> None:
    assert safe_name(name, system=system) == name


@pytest.mark.parametrize("name", ["what?.txt", "a:b", "con", "trailing.", " lead", 'q"<>|*'])
def test_what_only_windows_forbids_survives_elsewhere(name: str) -> None:
    assert safe_name(name, system="linux") == name
    assert safe_name(name, system="windows") != name


@pytest.mark.parametrize(
    ("hostile", "linux", "windows"),
    [
        ("", "_", "_"),
        (".", "_", "_"),
        ("..", "_", "_"),
        ("...", "...", "_"),
        ("../../etc/passwd", ".._.._etc_passwd", ".._.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd", "_etc_passwd"),
        ("C:\\Windows\\x", "C:_Windows_x", "C__Windows_x"),
        ("a\0b", "a_b", "a_b"),
        ("a\r\nb\tc\x1b[2J", "abc[2J", "abc[2J"),
        ("\u202egpj.exe", "gpj.exe", "gpj.exe"),
        ("a\u2066b\u2069\u200f\u200b\ufeff", "ab", "ab"),
        ("\u202e.\u202e.", "_", "_"),
        ("a\ud800b", "ab", "ab"),
        ("file.txt:stream", "file.txt:stream", "file.txt_stream"),
        ("CON", "CON", "CON_"),
        ("con.tar.gz", "con.tar.gz", "con_.tar.gz"),
        ("nul ", "nul ", "nul_"),
        ("aux .txt", "aux .txt", "aux_.txt"),
        ("COM¹.x", "COM¹.x", "COM¹_.x"),
        ("CONIN$", "CONIN$", "CONIN$_"),
        ("a. . .", "a. . .", "a"),
        ("  ", "  ", "_"),
    ],
)
def test_hostile_names_become_harmless(hostile: str, linux: str, windows: str) -> None:
    assert safe_name(hostile, system="linux") == linux
    assert safe_name(hostile, system="macos") == linux
    assert safe_name(hostile, system="windows") == windows


def test_a_long_name_is_cut_between_characters_and_keeps_its_suffix() -> None:
    assert safe_name("é" * 300 + ".tar.gz") == "é" * 124 + ".tar.gz"
    assert safe_name("😀" * 100 + ".png") == "😀" * 62 + ".png"
    assert safe_name("a" * 300) == "a" * 255
    # What is too long for a suffix is cut like any other text.
    assert safe_name("a." + "b" * 300) == "a." + "b" * 253
    assert safe_name("n" * 100_000 + ".txt") == "n" * 251 + ".txt"


def test_a_leading_dot_stays_only_inside_a_folder() -> None:
    assert safe_parts((".bashrc",)) == ("_.bashrc",)
    assert safe_parts((".ssh", ".hidden")) == ("_.ssh", ".hidden")
    assert safe_parts((".filesend-0123456789abcdef.part",))[0].startswith("_.")
    assert safe_parts(("\u202e.profile",)) == ("_.profile",)
    assert len(safe_parts(("." + "x" * 254,))[0].encode()) == MAX_NAME_BYTES


def test_a_path_without_a_name_is_no_path() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        safe_parts(())


@given(
    st.lists(st.text(max_size=300), min_size=1, max_size=4),
    st.sampled_from(["linux", "macos", "windows"]),
)
def test_no_text_leaves_the_folder(parts: list[str], system: str) -> None:
    safe = safe_parts(parts, system=system)
    assert len(safe) == len(parts)
    for name in safe:
        assert name not in ("", ".", "..")
        assert not set(name) & set("/\\\0" + (":" if system == "windows" else ""))
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert safe_name(name, system=system) == name
    assert not safe[0].startswith(".")


#: The fast way's own names, and what is likely to deceive it.
NEARLY_HARMLESS = st.one_of(
    st.from_regex(paths_module._HARMLESS, fullmatch=True),
    st.from_regex(
        r"(con|prn|aux|nul|com|lpt|clock|conin\$)?[a-z0-9\u00b9\u0131\u017f\u212a_. ()$-]{0,140}",
        fullmatch=True,
    ),
)


@given(NEARLY_HARMLESS, st.sampled_from(["linux", "macos", "windows"]))
def test_a_name_that_is_taken_for_harmless_has_nothing_to_mend(name: str, system: str) -> None:
    if paths_module._HARMLESS.fullmatch(name):
        assert paths_module._mended(name, system) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".a",
        "a.",
        "a ",
        " a",
        "a\n",
        "a/b",
        "a\\b",
        "con",
        "COM1.txt",
        "Lpt9",
        "\u017f",
        "\u212a",
        "a" * 129,
    ],
)
def test_what_might_need_mending_is_looked_at(name: str) -> None:
    assert not paths_module._HARMLESS.fullmatch(name)


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("a.txt", "a (1).txt"),
        ("folder", "folder (1)"),
        ("archive.tar.gz", "archive (1).tar.gz"),
        ("Archive.TAR.XZ", "Archive (1).TAR.XZ"),
        (".tar.gz", ".tar (1).gz"),
        (".hidden", ".hidden (1)"),
        ("a.b.c", "a.b (1).c"),
        ("v1.2 of it", "v1.2 of it (1)"),
        ("dot.", "dot. (1)"),
        ("x" * 255, "x" * 251 + " (1)"),
        ("é" * 125 + ".txt", "é" * 123 + " (1).txt"),
    ],
)
def test_variants_of_a_name(name: str, variant: str) -> None:
    assert numbered(name, 0) == name
    assert numbered(name, 1) == variant


def test_shorten_leaves_short_names_alone() -> None:
    assert shorten("é.txt", 6) == "é.txt"
    assert shorten("éé.txt", 7) == "é.txt"


def test_folding_is_what_the_file_system_does(tmp_path: Path) -> None:
    with DirHandle.at(tmp_path) as ground:
        same = folding(ground)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "Readme").touch()
    assert (tmp_path / "README").exists() == same.case
    (tmp_path / unicodedata.normalize("NFC", "é")).touch()
    assert (tmp_path / unicodedata.normalize("NFD", "é")).exists() == same.form


@pytest.mark.skipif(os.name == "nt", reason="this system is strict itself")
def test_a_file_system_with_windows_rules_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As exFAT says no on Linux; none can be mounted here."""
    with DirHandle.at(tmp_path) as ground:
        assert not folding(ground).strict
        opens = DirHandle.open

        def refuse(self: DirHandle, parts: Sequence[str], flags: int) -> int:
            if set(parts[-1]) & set('"*:<>?|'):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            return opens(self, parts, flags)

        monkeypatch.setattr(DirHandle, "open", refuse)
        strict = folding(ground)
    assert strict.strict
    assert list(tmp_path.iterdir()) == []
    assert lay_out([("d", "a:b"), ("d", "nul."), ("d", "x ")], strict) == [
        ("d", "a_b"),
        ("d", "nul_"),
        ("d", "x"),
    ]


def test_names_that_are_one_to_the_file_system_are_told_apart() -> None:
    paths = [("r", "Readme"), ("r", "README"), ("r", "é"), ("r", "e\u0301"), ("r", "README (1)")]
    assert lay_out(paths, EXACT) == paths
    assert lay_out(paths, FOLDS) == [
        ("r", "Readme"),
        ("r", "README (1)"),
        ("r", "é"),
        ("r", "e\u0301 (1)"),
        ("r", "README (1) (1)"),
    ]


def test_folders_spelled_alike_stay_one_and_others_are_kept_apart() -> None:
    paths = [("A", "x"), ("a", "y"), ("A", "z"), ("..", "y"), (".", "y"), ("", "y")]
    assert lay_out(paths, FOLDS) == [
        ("A", "x"),
        ("a (1)", "y"),
        ("A", "z"),
        ("_", "y"),
        ("_ (1)", "y"),
        ("_ (2)", "y"),
    ]


def test_a_file_never_takes_the_place_of_a_folder() -> None:
    assert lay_out([("a\u200b",), ("a", "b")], EXACT) == [("a",), ("a (1)", "b")]


def test_thousands_of_names_mended_to_one_cost_no_quadratic_time() -> None:
    paths = [("r", "/" * (n % 250) + "\u200b" * (n // 250)) for n in range(10_000)]
    assert len(set(lay_out(paths, FOLDS))) == len(paths)


@given(
    st.lists(
        st.lists(st.text("aAéE\u0301/.\u200b ()1", max_size=5), min_size=1, max_size=3).map(tuple),
        unique=True,
        max_size=12,
    ),
    st.sampled_from([EXACT, FOLDS]),
)
def test_no_two_files_ever_meet(paths: list[tuple[str, ...]], same: Folding) -> None:
    files = [p for p in paths if not any(q[: len(p)] == p and q != p for q in paths)]
    places = lay_out(files, same)
    keys = [tuple(same.key(name) for name in place) for place in places]
    assert len(set(keys)) == len(files)
    folders = {key[:depth] for key in keys for depth in range(1, len(key))}
    assert not folders & set(keys)
    assert lay_out(files, same) == places
