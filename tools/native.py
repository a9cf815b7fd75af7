"""`python -m tools.native [OPTION…]`: the tests of the native WebRTC stack, in its environment.

Those marked `native` need that stack, and so Python 3.12; those marked `webrtc` use it where it is
installed, else aiortc. Where this machine has no such Python they do not run: that is printed
clearly, and in CI it is a failure. The options are pytest's.
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
    options = ["-m", "native or webrtc", *sys.argv[1:]]
    return subprocess.run([python, "-m", "pytest", *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
