"""What became of each of several people, and of the run. Pure: failures in, one error out.

everybody got it                      nothing is raised (exit code 0)
somebody did not, and only by a no    Declined (3)
anything else                         the first that went wrong, but for a no
"""

from __future__ import annotations

from typing import Final, NamedTuple

from filesend_tui.core.errors import Declined, FileSendError

#: Whose failures are named in the last error; the rest is counted.
NAMED: Final = 10


class _Missed(NamedTuple):
    name: str
    error: FileSendError


class Verdict:
    """Who has got it. done: how many."""

    def __init__(self) -> None:
        self.done = 0
        self._missed: list[_Missed] = []

    def missed(self, error: FileSendError, name: str = "") -> None:
        """Record that somebody did not get it. name: who, where that is known."""
        self._missed.append(_Missed(name, error))

    def give(self) -> None:
        """Return where everybody has got it.

        Raises:
            FileSendError: Somebody has not. Its code is that of the first that failed; `declined`
                only where nothing else went wrong.
        """
        if not self._missed:
            return
        failures = [each.error for each in self._missed]
        chief = next((each for each in failures if each.code != Declined.code), failures[0])
        got = {0: "Nobody has", 1: "1 person has"}.get(self.done, f"{self.done} people have")
        named = [_words(each) for each in self._missed[:NAMED]]
        if more := len(self._missed) - NAMED:
            named += [f"And {more} more."] if more > 0 else []
        error = FileSendError(" ".join([f"{got} got it.", *named]), chief.hint)
        error.code = chief.code
        raise error


def _words(missed: _Missed) -> str:
    message = missed.error.message
    known = not missed.name or missed.name in message
    return message if known else f"{missed.name}: {message}"
