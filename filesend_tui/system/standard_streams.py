"""Standard input and output as descriptors for bytes, taken away from everything else.

What a stream is read from must not be read by a question, and nothing that is printed may get in
between what a stream writes. What moves through them never lives here.
"""

from __future__ import annotations

import os
import sys


def take_input() -> int:
    """Return a descriptor of standard input; from now on standard input is empty."""
    descriptor = _taken(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return descriptor


def take_output() -> int:
    """Return a descriptor of standard output; what is printed goes to standard error now."""
    sys.stdout.flush()
    descriptor = _taken(1)
    os.dup2(2, 1)
    return descriptor


def _taken(stream: int) -> int:
    descriptor = os.dup(stream)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(descriptor, os.O_BINARY)
    return descriptor
