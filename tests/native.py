"""`python -m tests.native [OPTION…]`: the tests marked `native`, with a Python that can run them.

They need the native WebRTC stack, and so Python 3.12. Where this machine has none they do not run:
that is said in so many words, and in CI it is a failure. The options are pytest's.
"""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks import native
from benchmarks.processes import Failed


def main() -> int:
    try:
        native.install()
        python = native.interpreter()
    except Failed as failed:
        print(f"NATIVE TESTS NOT RUN: {failed}.", flush=True)
        return 1 if os.environ.get("CI") else 0
    options = ["-m", "native", *sys.argv[1:]]
    return subprocess.run([python, "-m", "pytest", *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
