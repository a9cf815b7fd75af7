"""The unit that `listen --install` writes, on a machine that has systemd and on one without."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from filesend_tui.headless.contacts import service
from filesend_tui.headless.contacts.service import NotInstalled, install


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/systemctl")
    return tmp_path / "systemd" / "user" / service.NAME


def test_it_is_written_and_told(unit: Path) -> None:
    told = install(["--yes", "-o", "/srv/in box", "--exec", 'do "it" 100% $HOME \\'], force=False)
    text = unit.read_text()
    (start,) = [line for line in text.split("\n") if line.startswith("ExecStart=")]
    assert start.endswith(
        '"-m" "filesend_tui" "listen" "--yes" "-o" "/srv/in box" '
        '"--exec" "do \\"it\\" 100%% $$HOME \\\\"'
    )
    assert str(unit) in told[0]
    assert set(text.strip().split("\n")) <= set(told)
    assert "systemctl --user daemon-reload" in told
    assert f"systemctl --user enable --now {service.NAME}" in told


def test_another_one_is_left_alone_unless_forced(unit: Path) -> None:
    install(["--yes"], force=False)
    install(["--yes"], force=False)  # the same is no other
    before = unit.read_text()
    with pytest.raises(NotInstalled, match="other content"):
        install(["--max", "1M"], force=False)
    assert unit.read_text() == before
    install(["--max", "1M"], force=True)
    assert unit.read_text() != before


def test_an_argument_that_would_be_a_line_of_its_own_is_refused(unit: Path) -> None:
    with pytest.raises(NotInstalled, match="characters"):
        install(["--exec", "a\nExecStartPre=/bin/evil"], force=False)
    assert not unit.exists()


def test_without_systemd_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(NotInstalled) as refused:
        install([], force=False)
    assert "starts programs" in refused.value.hint
