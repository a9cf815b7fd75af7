"""What strangers call themselves, their files and their reasons; and what none of it may become."""

from __future__ import annotations

import unicodedata

#: Each by what it tries.
TEXTS = {
    "CSI": "a\x1b[2J\x1b[1;1H\x1b[31mb",
    "OSC title": "a\x1b]0;owned\x07b",
    "OSC 52 clipboard": "a\x1b]52;c;cm0gLXJm\x1b\\b",
    "OSC 8 link": "\x1b]8;;http://evil.example\x1b\\safe\x1b]8;;\x1b\\",
    "DCS": "a\x1bP+q544e\x1b\\b",
    "C1 CSI": "a\x9b2J\x9d0;x\x9cb",
    "CR": "harmless.txt\rinvoice.pdf",
    "LF": "one\nerror: two",
    "BEL and BS": "a\x07\x07b\x08\x08c\x7fd",
    "NEL and separators": "a\x85b\u2028c\u2029d",
    "bidi override": "invoice\u202efdp.exe",
    "bidi isolates": "a\u2066b\u2067c\u2068d\u2069e\u061cf\u200eg\u200fh",
    "zero width": "a\u200bb\u2060c\ufeffd\u00ade\u180ef",
    "joiners": "inv\u200do\u200cice",
    "zalgo": "z" + "".join(chr(0x300 + n % 112) for n in range(400)) + "algo",
    "marks first": "\u0301\u0489\u20ddx",
    "tags": "a" + "".join(chr(0xE0000 + ord(c)) for c in "hidden words") + "b",
    "variation": "a" + "\U000e0100\ufe0f" * 50 + "b",
    "lone surrogates": "a\ud800b\udfffc",
    "noncharacters": "a\ufffe\U0010ffffb",
    "private use": "a\ue000\U000f0000b",
    "blank letters": "\u3164\u115f\u2800\u034f",
    "wide": "漢字" * 200 + "😀" * 100,
    "family": "👨\u200d👩\u200d👧\u200d👦" * 60,
    "Rich markup": "[bold red]a[/] [link=http://evil.example]b[/link] [/]",
    "Textual markup": "[@click=app.quit]yes[/] [$error on $success]x[/] \\[x]",
    "broken markup": "[/nothing] [[] [@click=] [" * 3,
    "emoji codes": ":skull: :boom:",
    "format fields": "{0} {name!r} %s %(x)s ${HOME}",
    "very long": "x" * 100_000,
}

_STEERS = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Format characters that a text may hold: joiners between what they join, and flags' tags.
_HARMLESS = frozenset("\u200c\u200d") | {chr(c) for c in range(0xE0020, 0xE0080)}


def faults(text: str, *, breaks: bool = False, cut: bool = False) -> list[str]:
    """Return what in a text would steer, hide or flood. breaks: it may hold line ends.

    cut: it may have been cut anywhere, also within an emoji.
    """
    found = []
    marks = 0
    for place, char in enumerate(text):
        category = unicodedata.category(char)
        steers = category in _STEERS or (category == "Cf" and char not in _HARMLESS)
        if steers and not (breaks and char == "\n"):
            found.append(f"U+{ord(char):04X}")
        if not cut and char in _HARMLESS and (place == 0 or text[place - 1].isascii()):
            found.append(f"U+{ord(char):04X} after ASCII")
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > 6:
            found.append("a flood of marks")
    return found
