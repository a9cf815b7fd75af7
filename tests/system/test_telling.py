"""The sequences for a terminal: which terminal gets which, and that no text gets out of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.system import telling

XTERM = {"TERM": "xterm-256color"}
#: An OSC of ours, whole: nothing in it could end it, and it is ended.
WHOLE = re.compile("\x1b](?:2|9|777);[^\x00-\x1f\x7f-\x9f]*\x07")


@pytest.mark.parametrize(
    ("environment", "begins"),
    [
        (XTERM, "\x1b]9;FileSend: hello\a"),
        ({"TERM": "rxvt-unicode"}, "\x1b]777;notify;FileSend;hello\a"),
        ({"TERM": "foot"}, "\x1b]777;notify;FileSend;hello\a"),
        (XTERM | {"VTE_VERSION": "7600"}, "\x1b]777;notify;FileSend;hello\a"),
    ],
    ids=["xterm", "urxvt", "foot", "vte"],
)
def test_a_terminal_gets_the_notification_that_it_has_and_a_bell(
    environment: dict[str, str], begins: str
) -> None:
    assert telling.notification("hello", environment) == begins + "\a"


@pytest.mark.parametrize(
    ("environment", "has"),
    [
        (XTERM, False),
        (XTERM | {"WT_SESSION": "x"}, True),
        (XTERM | {"TERM_PROGRAM": "ghostty"}, True),
        (XTERM | {"TERM_PROGRAM": "iTerm.app"}, False),
        (XTERM | {"VTE_VERSION": "7600"}, False),
        (XTERM | {"VTE_VERSION": "8000"}, True),
    ],
    ids=["xterm", "windows", "ghostty", "iterm", "old-vte", "vte"],
)
def test_progress_goes_to_those_alone_that_do_not_take_it_for_a_notification(
    environment: dict[str, str], has: bool
) -> None:
    assert telling.progress(0.5, environment) == ("\x1b]9;4;1;50\a" if has else "")
    assert telling.progress(-1, environment) == ("\x1b]9;4;3\a" if has else "")
    assert telling.progress(None, environment) == ("\x1b]9;4;0\a" if has else "")


def test_dumb_terminals_are_told_nothing() -> None:
    assert telling.can_be_told(XTERM)
    assert not any(telling.can_be_told({"TERM": term}) for term in ("dumb", "linux", ""))
    assert not telling.can_be_told({})


@given(st.text())
def test_no_text_gets_out_of_its_sequence(text: str) -> None:
    for environment in (XTERM, {"TERM": "rxvt"}):
        told = telling.notification(text, environment)
        assert WHOLE.fullmatch(told[:-1]), ascii(told)
        assert told.count(";") == (1 if environment is XTERM else 3)
    assert WHOLE.fullmatch(telling.title(text)), ascii(telling.title(text))


@pytest.mark.parametrize(
    "text",
    ["\x1b\\", "\a", "\x9c", "\x1b]0;owned\a", "\u202egnp.exe", "a\nb", "4;1;50"],
    ids=["st", "bel", "c1-st", "osc", "bidi", "lines", "progress"],
)
def test_what_would_end_it_or_mean_something_is_gone(text: str) -> None:
    told = telling.notification(text, XTERM)
    assert WHOLE.fullmatch(told[:-1])
    assert told.startswith("\x1b]9;FileSend: ")
    assert "\u202e" not in told
