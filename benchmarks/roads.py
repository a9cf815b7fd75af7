"""Options of this `filesend` for roads and kinds of WebRTC, and the Python for each."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Final

from benchmarks.processes import Failed, python

DIRECT: Final = ("--road", "direct")
WEBRTC: Final = ("--road", "webrtc")
DEFAULT_INTERPRETER: Final = sys.executable


@functools.cache
def _help(interpreter: str) -> str:
    """Return the output of `filesend send --help`."""
    result = subprocess.run(
        python("filesend_tui", "send", "--help", interpreter=interpreter),
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout


def require_direct() -> None:
    """Raise Failed where there is no direct road."""
    if "--road" not in _help(sys.executable):
        raise Failed("this filesend has no direct road")


def webrtc(kind: str, interpreter: str = sys.executable) -> tuple[str, ...]:
    """Return the options for WebRTC of a kind, aiortc or native. Raises Failed where unknown."""
    text = _help(interpreter)
    options = WEBRTC if "--road" in text else ()
    if "--webrtc" in text:
        return (*options, "--webrtc", kind)
    if kind != "aiortc":
        raise Failed("this filesend knows no native WebRTC")
    return options
