"""headless/relays/page.py, cli/page.py: a page as one file, written and checked."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filesend_tui.__main__ import begin
from filesend_tui.core.util.proxies import NO_PROXIES
from filesend_tui.headless.asking import Asker
from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.headless.relays import page
from relay.web.page import BuiltFile
from relay.web.page_key import SavedPages
from relay.web.saved_page import Holder, saved_page
from tests.conftest import RunningRelay, running_relay

KEY = "abcdefghijklmnopqrst-_"
INDEX = """<head>
    <meta charset="utf-8" />
    <script type="module" src="./assets/app.js"></script>
    <link rel="stylesheet" href="./assets/app.css">
</head><body>
  </body>
"""
BUILT = {
    "index.html": BuiltFile(INDEX.encode(), "text/html"),
    "assets/app.js": BuiltFile("let a = 'ü'".encode(), "text/javascript"),
    "assets/app.css": BuiltFile(b"a{}", "text/css"),
}


@pytest.fixture(autouse=True)
def _built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A page is built, and a person has no settings of their own."""
    monkeypatch.setattr(page, "read_built", lambda: BUILT)
    monkeypatch.chdir(tmp_path)
    for name in ("FILESEND_RELAY", "FILESEND_PORT", "FILESEND_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FILESEND_SETTINGS", str(tmp_path / "settings.toml"))


@pytest.fixture
def letting() -> Iterator[RunningRelay]:
    with running_relay(pages=SavedPages(KEY)) as relay:
        yield relay


def filesend(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `filesend page` in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["filesend", "page", *arguments])
    with pytest.raises(SystemExit) as ended:
        begin()
    return int(ended.value.code or 0)


def code_of(capsys: Any) -> str:
    """The code of the error that was told as JSON."""
    return str(json.loads(capsys.readouterr().out)["code"])


def expected(relay: str) -> bytes:
    return saved_page(BUILT, Holder(relay, KEY))


def test_it_goes_to_standard_output_and_its_hash_to_standard_error(
    letting: RunningRelay, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> None:
    assert filesend(monkeypatch, "--relay", letting.url) == ExitCode.DONE
    out, err = capfdbinary.readouterr()
    assert out == expected(letting.url)
    assert hashlib.sha256(out).hexdigest().encode() in err


def test_nobody_named_a_relay_so_it_is_this_machines(
    letting: RunningRelay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FILESEND_PORT", letting.url.rpartition(":")[2])
    assert filesend(monkeypatch, "-o", "page.html") == ExitCode.DONE
    assert (tmp_path / "page.html").read_bytes() == expected(letting.url)


def test_with_json_it_is_told_in_a_line(
    letting: RunningRelay, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    arguments = ("--relay", letting.url, "-o", "page.html", "--json")
    assert filesend(monkeypatch, *arguments) == ExitCode.DONE
    content = (tmp_path / "page.html").read_bytes()
    told = {
        "event": "page",
        "file": "page.html",
        "relay": letting.url,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "checked": False,
    }
    assert json.loads(capsys.readouterr().out) == told
    assert filesend(monkeypatch, "--check", "page.html", "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == {**told, "checked": True}


def test_what_it_makes_is_what_it_makes_again(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    content = expected("https://relay.example")
    (tmp_path / "page.html").write_bytes(content)
    assert filesend(monkeypatch, "--check", "page.html") == ExitCode.DONE
    said = capsys.readouterr().out
    assert "https://relay.example" in said
    assert hashlib.sha256(content).hexdigest() in said


def test_one_byte_more_or_less_or_other_is_noticed(tmp_path: Path, capsys: Any) -> None:
    content = expected("https://relay.example")
    file = tmp_path / "page.html"
    for at in range(len(content)):
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert page.check(file, json=True) is ExitCode.FAILED
        assert code_of(capsys) == "pageDiffers"
    for other in (content + b"\n", content[:-1], b"", content.replace(b"\n", b"\r\n"), b"\xff"):
        file.write_bytes(other)
        assert page.check(file, json=True) is ExitCode.FAILED
        assert code_of(capsys) == "pageDiffers"


def test_a_script_beside_its_own_is_noticed(tmp_path: Path, capsys: Any) -> None:
    content = expected("https://relay.example")
    file = tmp_path / "page.html"
    for where in (b"<head>", b"  </body>", b'<meta name="filesend-relay"'):
        file.write_bytes(content.replace(where, b"<script>1</script>" + where))
        assert page.check(file, json=True) is ExitCode.FAILED
        assert code_of(capsys) == "pageDiffers"


def test_where_nothing_was_built_it_says_how(
    letting: RunningRelay, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_bytes(expected("https://relay.example"))
    monkeypatch.setattr(page, "read_built", dict)
    for arguments in (("--relay", letting.url, "-o", "new.html"), ("--check", "page.html")):
        assert filesend(monkeypatch, *arguments) == ExitCode.FAILED
        assert "make page" in capsys.readouterr().err
    assert not (tmp_path / "new.html").exists()


def test_a_relay_that_lets_none_in_is_told_of(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    arguments = ("--relay", relay.url, "-o", "page.html", "--json")
    assert filesend(monkeypatch, *arguments) == ExitCode.FAILED
    assert code_of(capsys) == "noSavedPages"
    assert not (tmp_path / "page.html").exists()


def test_a_relay_that_is_not_there_is_told_of(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    relay.stop()
    arguments = ("--relay", relay.url, "-o", "page.html", "--json")
    assert filesend(monkeypatch, *arguments) == ExitCode.RELAY_UNREACHABLE
    assert code_of(capsys) == "relayUnreachable"


def test_nothing_is_replaced_without_a_yes(
    letting: RunningRelay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text("mine")
    arguments = ("--relay", letting.url, "-o", "page.html")
    assert filesend(monkeypatch, *arguments) == ExitCode.USAGE
    assert file.read_text() == "mine"
    assert filesend(monkeypatch, *arguments, "--yes") == ExitCode.DONE
    assert file.read_bytes() == expected(letting.url)
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals like these")
@pytest.mark.parametrize(("said", "code"), [("n", ExitCode.FAILED), ("yes", ExitCode.DONE)])
def test_on_a_terminal_it_is_asked(
    said: str, code: ExitCode, letting: RunningRelay, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text("mine")
    import pty  # Windows has none

    ours, theirs = pty.openpty()
    asker = Asker(theirs, sys.stderr)
    os.write(ours, f"{said}\n".encode())
    done = page.make(letting.url, NO_PROXIES, file, asker, replace=False, json=False)
    os.close(ours)
    assert done is code
    assert (file.read_bytes() == b"mine") is (code is ExitCode.FAILED)


@pytest.mark.parametrize("target", [".", "nowhere/page.html"])
def test_what_cannot_be_written_is_told(
    target: str, letting: RunningRelay, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    arguments = ("--relay", letting.url, "-o", target, "--yes", "--json")
    assert filesend(monkeypatch, *arguments) == ExitCode.FAILED
    assert code_of(capsys) == "storageFailed"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes in folders")
def test_what_is_no_file_is_not_replaced(
    letting: RunningRelay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    arguments = ("--relay", letting.url, "-o", "pipe", "--yes")
    assert filesend(monkeypatch, *arguments) == ExitCode.FAILED
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--check", "a.html", "-o", "b.html"],
        ["--check", "a.html", "--yes"],
        ["--yes"],
        ["--json"],
        ["-o", "-", "--json"],
        ["-o", "b.html", "--relay", "http://[::1]:8421"],
        ["-o", "b.html", "--relay", "https://relay.example/below"],
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert filesend(monkeypatch, *arguments) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals like these")
def test_a_terminal_is_no_place_for_a_file(tmp_path: Path) -> None:
    import pty  # Windows has none

    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "filesend_tui", "page"],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.returncode == ExitCode.USAGE
    assert "page.html" in done.stderr
