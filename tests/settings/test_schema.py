"""settings/schema.py: one declaration a setting, and all that is made of it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer.main

from filesend_tui.cli.root import cli
from filesend_tui.settings.load import Settings, load
from filesend_tui.settings.schema import BY_KEY, FILE_VARIABLE, SETTINGS, Setting
from filesend_tui.theme import THEMES
from tools.settings_table import README, made

STORED = [setting for setting in SETTINGS if setting.example is not None]
ROOT: Any = typer.main.get_command(cli)
OPTIONS = [
    parameter
    for command in (ROOT, *ROOT.commands.values())
    for parameter in command.params
    if parameter.param_type_name == "option"
]


def named(setting: Setting) -> str:
    return setting.key


def test_the_table_is_what_is_made() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == made(text), "run python -m tools.settings_table"


def test_nothing_is_declared_twice() -> None:
    for names in (
        [setting.key for setting in SETTINGS],
        [flag for setting in SETTINGS for flag in setting.flags],
        [setting.variable for setting in SETTINGS if setting.variable],
    ):
        assert len(set(names)) == len(names)


def test_every_setting_has_a_value_and_every_value_a_setting() -> None:
    fields = set(Settings.__struct_fields__) - {"held", "exposed"}
    assert fields == {setting.key for setting in SETTINGS if not setting.secret}


@pytest.mark.parametrize("setting", STORED, ids=named)
def test_its_example_can_be_written_as_it_is(setting: Setting, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f"{setting.key} = {setting.example}\n", encoding="utf-8")
    settings = load({}, {FILE_VARIABLE: str(file)})
    said = tomllib.loads(file.read_text(encoding="utf-8"))[setting.key]
    assert getattr(settings, setting.key) == setting.parse(said)


@pytest.mark.parametrize("setting", SETTINGS, ids=named)
def test_its_sentence_is_one(setting: Setting) -> None:
    assert setting.about[0].isupper()
    assert setting.about.endswith(".")
    assert "|" not in setting.about + setting.default


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (field.name, field.default)
        for field in msgspec.structs.fields(Settings)
        if isinstance(field.default, str | int) and field.default
    ],
)
def test_the_default_that_people_are_told_is_the_one(key: str, value: object) -> None:
    switches = {True: "on", 0: "any free one"}
    assert BY_KEY[key].default == switches.get(value, str(value))  # type: ignore[call-overload]


def test_the_theme_that_people_are_told_is_the_first() -> None:
    assert BY_KEY["theme"].default == THEMES[0].name


def test_no_secret_is_an_option_or_stands_in_the_file_by_itself() -> None:
    secret = [setting for setting in SETTINGS if setting.secret]
    assert secret
    for setting in secret:
        assert (setting.flags, setting.example, setting.field) == ((), None, None)


@pytest.mark.parametrize("setting", [each for each in SETTINGS if each.flags], ids=named)
def test_every_option_is_some_commands_and_says_its_variable(setting: Setting) -> None:
    found = [option for option in OPTIONS if option.name == setting.key]
    assert found
    for option in found:
        assert {*option.opts, *option.secondary_opts} == {
            part for flag in setting.flags for part in flag.split("/")
        }
        assert f"env: {setting.variable}" in option.help


def test_an_option_is_the_same_in_every_command() -> None:
    for setting in SETTINGS:
        texts = {option.help for option in OPTIONS if option.name == setting.key}
        assert len(texts) <= 1
