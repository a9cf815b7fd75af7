"""settings_file.py and preferences.py: a change keeps all else that is in the file, or the file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from filesend_tui.settings.file import change
from filesend_tui.settings.load import SettingsError, load
from filesend_tui.settings.preferences import BadPreference, Preferences

TEXT = """\
# my settings
name = "Ann"      # as my friends know me

upload_limit = 500_000
[[ice_servers]]   # at home
urls = "turn:turn.example"
username = "ann"
credential = "secret"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def read(path: Path) -> dict[str, str]:
    return {"FILESEND_SETTINGS": str(path)}


def test_comments_order_and_other_keys_stay(file: Path) -> None:
    change(file, {"name": "Bob", "theme": "filesend-light", "upload_limit": None})
    text = file.read_text(encoding="utf-8")
    for kept in ("# my settings", '"Bob"', "# as my friends know me", "# at home", '"secret"'):
        assert kept in text
    assert "upload_limit" not in text
    settings = load({}, read(file))
    assert (settings.name, settings.theme, settings.upload_limit) == ("Bob", "filesend-light", None)
    assert settings.ice_servers is not None
    assert settings.ice_servers[0].credential == "secret"


def test_a_file_that_is_not_there_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.toml"
    change(path, {"name": "Ann"})
    assert load({}, read(path)).name == "Ann"
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_its_mode_stays(file: Path, mode: int) -> None:
    file.chmod(mode)
    change(file, {"name": "Bob"})
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_one_and_leads_to_the_change(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    change(link, {"name": "Bob"})
    assert link.is_symlink()
    assert load({}, read(file)).name == "Bob"


def test_a_file_that_is_no_toml_is_left_as_it_is(file: Path) -> None:
    file.write_text("name = ", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be changed"):
        change(file, {"name": "Bob"})
    assert file.read_text(encoding="utf-8") == "name = "


def test_what_fails_on_the_way_leaves_the_file_and_nothing_beside(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        change(file, {"name": "Bob"})
    assert file.read_text(encoding="utf-8") == TEXT
    assert list(file.parent.iterdir()) == [file]


def test_an_error_does_not_repeat_what_is_in_the_file(file: Path) -> None:
    file.write_text(TEXT + "= secret\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        change(file, {"name": "Bob"})
    assert "secret" not in str(caught.value)


def test_what_an_option_or_a_variable_says_is_held(file: Path) -> None:
    environment = read(file) | {"FILESEND_OUTPUT": "/from/the/variable"}
    settings = load({"name": "Opt", "road": None}, environment)
    preferences = Preferences.of(settings, file)
    assert preferences.held == {"output": "FILESEND_OUTPUT", "name": "--name"}
    assert preferences.text["upload_limit"] == "500k"
    changed, meant = preferences.changed({"name": "Eve", "download_limit": "2M"})
    assert meant == {"download_limit": 2_000_000}
    assert changed.limits == {"upload": 500_000, "download": 2_000_000}
    assert 'name = "Ann"' in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("limit", [4_000, 65_536, 500_000, 1_234_567, 1_500_000, 2_000_000_000])
def test_a_limit_is_shown_as_what_it_is(file: Path, limit: int) -> None:
    settings = load({"upload_limit": str(limit)}, read(file))
    assert Preferences.of(settings, file).limits["upload"] == limit


def test_what_did_not_change_is_not_written(file: Path) -> None:
    preferences = Preferences.of(load({}, read(file)), file)
    file.unlink()
    same, meant = preferences.changed(preferences.text)
    assert (same, meant) == (preferences, {})
    assert not file.exists()


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("upload_limit", "fast", "no rate"),
        ("download_limit", "1", "lowest limit"),
        ("name", "", "at least one letter"),
        ("theme", "../x", "one word"),
        ("output", "~nobody-here/x", "home"),
    ],
)
def test_what_cannot_be_used_changes_nothing(file: Path, key: str, text: str, says: str) -> None:
    preferences = Preferences.of(load({}, read(file)), file)
    with pytest.raises(BadPreference, match=says) as caught:
        preferences.changed({"name": "Bob", key: text})
    assert caught.value.key == key
    assert file.read_text(encoding="utf-8") == TEXT
