"""Codes that one person tells another: a nameplate and two words, like `4711-apple-violin`.

Here live the word list, and how a code is made, parsed and completed, and told from the address of
a relay that stands with it, as in `4711-apple-violin@192.168.1.7`. Nothing about the relay or about
keys ever lives here. A code is a secret until it is used: no repr contains it.
"""

from __future__ import annotations

import difflib
import importlib.resources
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from filesend_tui.core.errors import InvalidCode
from filesend_tui.core.util.text import clean

WORD_COUNT = 2
# Most characters that are parsed: a person pastes a line or a few.
_MAX_TYPED = 2000
_MAX_NAMEPLATE = 99_999_999
_MAX_COMPLETIONS = 8
# A number, or a run of letters; whatever stands between them (spaces, hyphens, commas, quotes,
# dashes that a phone "corrected") only separates.
_TOKEN = re.compile(r"[0-9]+|[^\W\d_]+")
# A whole code within a longer text. It may not touch a part of a word, a number or a path, so that
# a mistyped code is not read as a shorter one.
_IN_TEXT = re.compile(
    r"(?<![\w./\\~-])([0-9]{1,9})[\W_]{0,5}([^\W\d_]+)[\W_]{1,5}([^\W\d_]++)"
    r"(?![\d_/\\-]|[.~][^\W_])"
)
# A code with the address of a relay, which is the group.
_WITH_PLACE = re.compile(r"(?<![\w./\\~-])[0-9]{1,9}[\W_]{0,5}[^\W\d_]+[\W_]{1,5}[^\W\d_]++@(\S+)")
# A link to a relay's page with a code: the relay, which is the group, and where the code begins.
_AS_LINK = re.compile(r"(https?://[^\s#]+?)(?:/r)?/?#(?=[0-9])")
# What closes a quotation or a sentence, and is no part of an address.
_CLOSING = ".,;:!?'\"`’”»)>}"
# A code that ends in an unfinished word, which is the group.
_UNFINISHED = re.compile(r"\W*[0-9]+(?:[\W_]+[^\W\d_]+)?[\W_]+([^\W\d_]+)")


@dataclass(frozen=True, repr=False)
class Code:
    """A nameplate (which room at the relay) and the words (the secret the PAKE proves)."""

    nameplate: int
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The code as people write it, such as `4711-apple-violin`. A secret."""
        return "-".join((str(self.nameplate), *self.words))

    def __repr__(self) -> str:
        return f"Code(nameplate={self.nameplate})"


@cache
def word_list() -> tuple[str, ...]:
    """Return the words codes are made of, sorted.

    The EFF's short list 2 (2016): 1296 words, each known by its first three letters and far from
    the others in edit distance; without the one that holds a hyphen, which separates words here.
    """
    source = importlib.resources.files("xkcdpass").joinpath("static", "eff-special")
    words = source.read_text(encoding="ascii").split()
    return tuple(sorted(word for word in words if word.isalpha() and word.islower()))


@cache
def _known() -> frozenset[str]:
    return frozenset(word_list())


def new_code(nameplate: int) -> Code:
    """Return a code for this nameplate with words from the system's random source."""
    return Code(nameplate, tuple(secrets.choice(word_list()) for _ in range(WORD_COUNT)))


def parse_code(typed: str) -> Code:
    """Parse what a person typed, ignoring case, spaces, hyphens, commas and quotes.

    A text that contains one code, such as `Code: 4711-apple-violin` or a whole command, is that
    code.

    Raises:
        InvalidCode: It is not a code, or contains several; the message says what is wrong with it.
    """
    if len(typed) > _MAX_TYPED:
        raise InvalidCode("That is too long for a code.")
    text = unicodedata.normalize("NFKC", typed).casefold()
    tokens = _TOKEN.findall(text)
    if not tokens:
        raise InvalidCode("No code was given.")
    if _wrong(tokens) is None:
        return Code(int(tokens[0]), tuple(tokens[1:]))
    found = _codes_in(text)
    if len(found) > 1:
        raise InvalidCode(
            f"There are {len(found)} codes in that text.", "Type or paste the one that you mean."
        )
    if found:
        return found[0]
    # Text before the number does not belong to the code: the number, or a word after it, is wrong.
    start = next((n for n, token in enumerate(tokens) if token.isdecimal()), 0)
    raise InvalidCode(_wrong(tokens[start:]) or _wrong(tokens) or "")


def split_place(typed: str) -> tuple[str, str]:
    """Return what was typed without the relay's address that follows its code, and that address.

    As in `4711-apple-violin@192.168.1.7`, also within a longer text, and in a link such as
    `http://192.168.1.7:8421/r#4711-apple-violin`. Whether the code and the address make sense is
    not looked at. Without such an address: what was typed, and "".
    """
    if len(typed) > _MAX_TYPED:
        return typed, ""  # parse_code refuses it
    text = unicodedata.normalize("NFKC", typed)
    if (link := _AS_LINK.search(text)) is not None:
        return f"{text[: link.start()]}{text[link.end() :]}", link[1]
    match = _WITH_PLACE.search(text)
    place = match[1].rstrip(_CLOSING) if match is not None else ""
    if "[" not in place:  # of an address of IPv6
        place = place.rstrip(_CLOSING + "]")
    if match is None or not place:
        return typed, ""
    rest = text[match.start(1) + len(place) :]
    # What follows does not become a part of the code.
    return text[: match.start(1) - 1] + (f"@{rest}" if rest.strip() else ""), place


def _codes_in(text: str) -> tuple[Code, ...]:
    """Return the different codes in a text, in its order."""
    found: dict[Code, None] = {}
    for match in _IN_TEXT.finditer(text):
        tokens = list(match.groups())
        if _wrong(tokens) is None and not _goes_on(text[match.end() :]):
            found[Code(int(tokens[0]), tuple(tokens[1:]))] = None
    return tuple(found)


def _goes_on(rest: str) -> bool:
    """Return whether another code word follows: then it is ambiguous which two are meant."""
    following = _TOKEN.match(rest.lstrip(" \t-_,"))
    return following is not None and following[0] in _known()


def _wrong(tokens: Sequence[str]) -> str | None:
    """Return why these tokens are not a code; None if they are one."""
    number, *words = tokens
    if not (number.isascii() and number.isdigit()):
        return "A code starts with a number."
    if not 1 <= int(number) <= _MAX_NAMEPLATE:
        return f"The number of a code is from 1 to {_MAX_NAMEPLATE}."
    for word in words:
        if word not in _known():
            return _unknown(word)
    if len(words) != WORD_COUNT:
        return f"A code has {WORD_COUNT} words after its number; this has {len(words)}."
    return None


def _unknown(word: str) -> str:
    shown = clean(word, 40)
    near = difflib.get_close_matches(word, word_list(), n=1)
    if near:
        return f"“{shown}” is not a word of a code; did you mean “{near[0]}”?"
    return f"“{shown}” is not a word of a code."


def complete(typed: str) -> tuple[str, ...]:
    """Return completions of `typed`: the whole text with its last word finished.

    Three letters identify a word. Empty if no word is unfinished, or none fits.
    """
    match = _UNFINISHED.fullmatch(typed) if len(typed) <= _MAX_TYPED else None
    if match is None:
        return ()
    prefix = match.group(1).casefold()
    fitting = (word for word in word_list() if word.startswith(prefix) and word != prefix)
    return tuple(typed + word[len(prefix) :] for word in islice(fitting, _MAX_COMPLETIONS))
