"""web/src/session/code_words.ts, the words of codes for the page: `python -m tools.code_words`.

A page has no Python package to read them from. tests/web checks that the file is current.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

from filesend_tui.core.sessions.code import word_list

FILE: Final = Path(__file__).parents[1] / "web" / "src" / "session" / "code_words.ts"


def page() -> str:
    """Return the text of the file."""
    lines = textwrap.wrap(" ".join(word_list()), 98)
    return "\n".join(
        (
            "/**",
            " * The words of codes, sorted: the EFF's short list 2 (2016, CC BY 3.0 US), without",
            " * the one that holds a hyphen. Written by `python -m tools.code_words`.",
            " */",
            "",
            "const LISTED = `",
            *lines,
            "`;",
            "",
            "export const CODE_WORDS: readonly string[] = LISTED.trim().split(/\\s+/);",
            "",
        )
    )


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
