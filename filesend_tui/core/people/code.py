"""Codes that two people say to each other: a nameplate and two words, like `4711-apple-violin`.

Here live the word list, and how a code is made, read and completed. Nothing about the relay or
about keys ever lives here. A code is a secret until it is used: it never stands in a repr.
"""

from __future__ import annotations

import difflib
import importlib.resources
import re
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache
from itertools import islice

from filesend_tui.core.errors import InvalidCode
from filesend_tui.core.text import clean

WORD_COUNT = 2
_MAX_TYPED = 200
_MAX_NAMEPLATE = 999_999
_MAX_COMPLETIONS = 8
# A number, or a run of letters; whatever stands between them (spaces, hyphens, commas, quotes,
# dashes that a phone "corrected") only separates.
_TOKEN = re.compile(r"[0-9]+|[^\W\d_]+")
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
    """Read what a person typed, forgiving case, spaces, hyphens, commas and quotes.

    Raises:
        InvalidCode: It is not a code; the message says what is wrong with it.
    """
    if len(typed) > _MAX_TYPED:
        raise InvalidCode("That is too long for a code.")
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", typed).casefold())
    if not tokens:
        raise InvalidCode("No code was given.")
    number, *words = tokens
    if not (number.isascii() and number.isdigit()):
        raise InvalidCode("A code starts with a number.")
    if not 1 <= int(number) <= _MAX_NAMEPLATE:
        raise InvalidCode(f"The number of a code is from 1 to {_MAX_NAMEPLATE}.")
    for word in words:
        if word not in _known():
            raise InvalidCode(_unknown(word))
    if len(words) != WORD_COUNT:
        raise InvalidCode(f"A code has {WORD_COUNT} words after its number; this has {len(words)}.")
    return Code(int(number), tuple(words))


def _unknown(word: str) -> str:
    shown = clean(word, 40)
    near = difflib.get_close_matches(word, word_list(), n=1)
    if near:
        return f"“{shown}” is not a word of a code; did you mean “{near[0]}”?"
    return f"“{shown}” is not a word of a code."


def complete(typed: str) -> tuple[str, ...]:
    """Return whole texts that `typed` may become: itself with its last word finished.

    Three letters settle a word. Empty where nothing is to be finished, or no word fits.
    """
    match = _UNFINISHED.fullmatch(typed) if len(typed) <= _MAX_TYPED else None
    if match is None:
        return ()
    prefix = match.group(1).casefold()
    fitting = (word for word in word_list() if word.startswith(prefix) and word != prefix)
    return tuple(typed + word[len(prefix) :] for word in islice(fitting, _MAX_COMPLETIONS))
