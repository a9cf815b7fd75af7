"""`filesend` that confesses: `python -m tests.security.confessing FILE CRASH ARGUMENT…`.

Runs the program as it is and writes each secret that comes up, a JSON object a line, into FILE:
where it is from, and its bytes in hexadecimal. Where CRASH is no `-` but
`module:Class.function:N`, that function raises from its Nth call on.
"""

from __future__ import annotations

import importlib
import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Confession:
    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)

    def of(self, where: str, function: Callable[..., bytes]) -> Callable[..., bytes]:
        """Return the function, which writes down what it returns."""

        def confessed(*arguments: Any, **named: Any) -> bytes:
            secret = function(*arguments, **named)
            self.write(where, secret)
            return secret

        return confessed

    def write(self, where: str, secret: bytes) -> None:
        self._file.write(json.dumps({"where": where, "secret": secret.hex()}) + "\n")


def main(file: str, crash: str, *arguments: str) -> None:
    confession = Confession(Path(file))
    secrets.token_bytes = confession.of("random", secrets.token_bytes)

    import spake2
    from cryptography.hazmat.primitives.kdf import hkdf

    for side in (spake2.SPAKE2_A, spake2.SPAKE2_B):
        setattr(side, "finish", confession.of("pake", side.finish))  # noqa: B010

    class ConfessingHKDF:
        def __init__(self, *arguments: Any, **named: Any) -> None:
            real = RealHKDF(*arguments, **named)
            self.derive = confession.of("derived", real.derive)

    RealHKDF = hkdf.HKDF
    setattr(hkdf, "HKDF", ConfessingHKDF)  # noqa: B010

    if crash != "-":
        module, name, first = crash.split(":")
        owner, _, function = name.partition(".")
        crashing = getattr(importlib.import_module(module), owner)
        real = getattr(crashing, function)
        calls = 0

        def crashed(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= int(first):
                confession.write("crash", b"")
                raise RuntimeError("a crash on purpose")
            return real(*arguments, **named)

        setattr(crashing, function, crashed)

    from filesend_tui.__main__ import main as filesend

    sys.argv[1:] = arguments
    filesend()


if __name__ == "__main__":
    main(*sys.argv[1:])
