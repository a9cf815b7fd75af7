"""Which Python here has the native data channel: it needs 3.12, and is an optional extra."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.processes import Failed

_ROOT: Final = Path(__file__).parent.parent
#: An environment of its own, where this interpreter is too old for the extra.
ENVIRONMENT: Final = _ROOT / ".venv" / "native"
#: The module that the extra brings.
MODULE: Final = "aiolibdatachannel"


@functools.cache
def interpreter() -> str:
    """Return it. Raises Failed where there is none."""
    for candidate in (sys.executable, str(ENVIRONMENT / "bin" / "python")):
        if (
            Path(candidate).exists()
            and not subprocess.run(
                [candidate, "-c", f"import {MODULE}, filesend_tui"],
                capture_output=True,
                check=False,
            ).returncode
        ):
            return candidate
    raise Failed(f"no Python here has {MODULE}: it needs Python 3.12 and pip install .[fast]")
