"""Names from strangers: where they may lead, and what they may look like to a file system."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathvalidate import ValidationError, validate_filename

from filesend_tui.core.errors import BadMetadata, FileSendError
from filesend_tui.core.torrent.metainfo.info import MAX_FOLDERS
from filesend_tui.core.torrent.metainfo.magnet import parse_magnet
from filesend_tui.core.torrent.storage.download_files import DownloadFiles, Layout
from filesend_tui.core.torrent.storage.paths import MAX_NAME_BYTES, Folding, lay_out, safe_parts
from tests.torrent.storage.test_download_files import everything, fill, torrent

SYSTEMS = ("linux", "macos", "windows")
#: A file system that tells neither case nor unicode form apart, as on macOS and Windows.
FOLDS = Folding(case=True, form=True)
#: What Windows opens as a device, whatever comes after a dot.
DEVICES = [
    *("CON", "con", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"),
    *(f"{port}{number}" for port in ("COM", "lpt") for number in "123456789¹²³"),
]
HOSTILE = [
    *(
        "..",
        ".",
        "",
        "...",
        "../x",
        "..\\x",
        "/etc/passwd",
        "\\\\host\\share",
        "C:",
        "C:\\x",
        "c:x",
    ),
    *("a\0b", "\0", "a/b", "~", "~root", "-rf", "$(reboot)", "%PATH%", "a:stream", "a::$DATA"),
    *("x.", "x ", "x. .", " x", ".bashrc", ".ssh", ".\u200cbashrc", "\u200c.bashrc", ".git"),
    *("\u202e.bashrc", "\ufeff..", ".\u2060.", "\ud800", "\udc80..", "a\x1b]0;x\x07", "a\r\nb"),
    *("x" * 256, "é" * 128, "😀" * 64, "e\u0301" * 90, "x" * 100_000, "." * 300, "." + "x" * 300),
    *("z" + "\u0301" * 200, "\u3164", "\u2800", "a\U000e0061\U000e007f", "\u202egpj.exe"),
    *DEVICES,
    *(f"{device}.txt" for device in DEVICES),
    *("nul ", "nul .txt", "COM1 . .x", "con\u200b", "\u202econ", "nul.", "NUL::$DATA"),
]


def _key(name: str) -> str:
    """Return what is one to any file system that folds: canonical caseless matching (D145)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _is_good_place(parts: tuple[str, ...], system: str) -> None:
    assert not parts[0].startswith(".")
    for name in parts:
        assert name not in ("", ".", "..")
        assert not set(name) & set("/\\\0")
        assert 0 < len(name.encode()) <= MAX_NAME_BYTES  # no lone surrogate either
        validate_filename(name, platform=system)
        stem = name.split(".")[0].rstrip(" ").upper()
        assert system != "windows" or stem not in {device.upper() for device in DEVICES}


def _are_good_places(
    raw: Sequence[tuple[str, ...]], places: Sequence[tuple[str, ...]], system: str
) -> None:
    """Check what holds for every system; `raw` names no file twice and no file as a folder."""
    assert [len(place) for place in places] == [len(path) for path in raw]
    for place in places:
        _is_good_place(place, system)
        # Inside, also as the system reads it.
        assert Path("/x").joinpath(*place).is_relative_to("/x")
    keys = {tuple(map(_key, place)) for place in places}
    assert len(keys) == len(raw)
    folders = {key[:depth] for key in keys for depth in range(1, len(key))}
    assert not folders & keys


def test_the_check_can_fail() -> None:
    for bad in ("CON", "COM¹.x", "a ", "x" * 256, "a:b"):
        with pytest.raises((AssertionError, ValidationError)):
            _is_good_place((bad,), "windows")


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_hostile_name_gets_a_place_of_its_own_inside(system: str) -> None:
    raw = [
        *((name,) for name in HOSTILE),
        *(("d", name) for name in HOSTILE),
        *((name, "below") for name in dict.fromkeys(f"{name}\u200b\u200b" for name in HOSTILE)),
    ]
    _are_good_places(raw, lay_out(raw, FOLDS, system=system), system)


_letters = st.sampled_from(
    "aAbﬁßſKkéÉıIİ \u0301\u0323\u200c\u200d\u202e\ufe0f./\\:\0\x1b\ud800_1()¹~$\u3164"
)
_names = st.one_of(
    st.text(_letters, max_size=6),
    st.text(max_size=300),
    st.sampled_from(HOSTILE),
    st.builds(lambda a, b: a + b, st.sampled_from(DEVICES), st.text(_letters, max_size=3)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(_names, min_size=1, max_size=3).map(tuple), unique=True, max_size=10))
def test_any_paths_get_good_places_on_every_system(paths: list[tuple[str, ...]]) -> None:
    raw = [p for p in paths if not any(q[: len(p)] == p and q != p for q in paths)]
    for system in SYSTEMS:
        places = lay_out(raw, FOLDS, system=system)
        _are_good_places(raw, places, system)
        # What is good is left alone, wherever it came from.
        assert [safe_parts(place, system=system) for place in places] == places
        assert lay_out(places, FOLDS, system=system) == places


@pytest.mark.parametrize(
    "pair",
    [
        ("Straße", "STRASSE"),
        ("\u212a", "k"),
        ("é", "E\u0301"),
        ("ﬁle", "FILE"),
        ("ſ", "S"),
        ("Σ", "ς"),
        ("\u1e9b\u0323", "\u1e69"),
        ("a.txt", "A.TXT"),
        ("a", "a\u200b"),
        ("a\u200d", "a"),
    ],
)
def test_names_that_meet_on_some_system_are_kept_apart(pair: tuple[str, str]) -> None:
    (_, first), (_, second) = lay_out([("d", name) for name in pair], FOLDS)
    assert _key(first) != _key(second)


# --- the ways by which a name enters, down to the disk


def _arrives_inside(target: Path, files: dict[tuple[str, ...], bytes], name: str) -> set[str]:
    """Receive a torrent as nobody asked about it; return what stands directly in the target."""
    for layout in Layout:
        folder = target / layout
        info, row = torrent(files, name)
        store = DownloadFiles.create(info, folder, wanted=everything(info), layout=layout)
        fill(store, info, row)
        store.finish()
        store.close()
    files_there = [path for path in target.rglob("*") if path.is_file()]
    assert len(files_there) == len(files) * len(Layout)
    assert sorted(path.read_bytes() for path in files_there) == sorted([*files.values()] * 2)
    return {path.name for folder in target.iterdir() for path in folder.iterdir()}


def test_a_hostile_torrent_lands_inside_the_folder(tmp_path: Path) -> None:
    names = [name for name in HOSTILE if len(name.encode(errors="replace")) < 2000]
    names = [name for name in names if name.encode(errors="replace").decode() == name]
    files: dict[tuple[str, ...], bytes]
    files = {(f"d{number}", name): b"%d" % number for number, name in enumerate(names)}
    files |= {(name, "f"): b"f%d" % number for number, name in enumerate(names)}
    there = _arrives_inside(tmp_path / "target", files, "../../up")
    assert not any(name.startswith(".") for name in there)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_hidden_names_never_stand_in_the_folder_itself(tmp_path: Path) -> None:
    files = {(".bashrc",): b"1", (".ssh", "authorized_keys"): b"2", (".config", ".x"): b"3"}
    there = _arrives_inside(tmp_path / "target", files, ".ssh")
    assert there == {"_.bashrc", "_.ssh", "_.config"}


def test_thousands_of_levels_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(BadMetadata, match="usable path"):
        torrent({tuple("d" * 3000): b"x"})
    # Every level is a folder to make, also of a file that is empty.
    many = {(str(n), *"ddddddddddddddddddddd", "f"): b"" for n in range(MAX_FOLDERS // 20)}
    with pytest.raises(BadMetadata, match=f"more than {MAX_FOLDERS} folders"):
        torrent(many)
    assert not list(tmp_path.iterdir())


def test_a_path_too_long_for_the_system_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(14):
        deep = deep / ("d" * 200)
    info, _ = torrent({("a" * 250, "b" * 250, "c" * 250, "e" * 250, "f" * 250): b"x"})
    deep.mkdir(parents=True)
    try:
        store = DownloadFiles.create(info, deep, wanted=[True], layout=Layout.LOOSE)
    except FileSendError as error:
        assert "too long" in error.message
        assert error.hint
    else:
        # Steps from folder to folder have no bound on the whole.
        fill(store, info, b"x")
        store.finish()
        store.close()
    assert not [path.name for path in deep.iterdir() if path.name.startswith(".")]


def test_a_magnets_name_is_only_ever_shown() -> None:
    uri = "magnet:?xt=urn:btih:" + "00" * 20 + "&dn=..%2F%1b%5D0%3Bx%07%E2%80%AE%00a&tr=ws://x"
    assert parse_magnet(uri).name == "../]0;xa"
