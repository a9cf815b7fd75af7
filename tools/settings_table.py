"""The table of settings in README.md, generated from settings/schema.py.

`python -m tools.settings_table` writes it, between two marks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from filesend_tui.settings.schema import SETTINGS, Setting

README: Final = Path(__file__).parents[1] / "README.md"
BEGIN: Final = "<!-- settings, by `python -m tools.settings_table` -->\n"
END: Final = "<!-- end of settings -->\n"

_HEAD: Final = """\
| in the settings file | option | variable | what it is | if nobody says |
|---|---|---|---|---|
"""


def made(text: str) -> str:
    """Return a page with the current table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{_HEAD}{''.join(map(_row, SETTINGS))}{END}{after}"


def _row(setting: Setting) -> str:
    stored = f"`{setting.key} = {setting.example}`" if setting.example else ""
    flags = " ".join(f"`{part}`" for flag in setting.flags for part in flag.split("/"))
    variable = f"`{setting.variable}`" if setting.variable else ""
    return f"| {stored} | {flags} | {variable} | {setting.about} | {setting.default} |\n"


if __name__ == "__main__":
    README.write_text(made(README.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
