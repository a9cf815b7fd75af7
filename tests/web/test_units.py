"""The page's own tests, by node's runner: above all, that it computes what the vectors say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tools import code_words


def test_its_units(build: Path) -> None:
    tests = sorted((build / "test").glob("*.test.js"))
    assert tests
    # In one process: node's runner takes one for each file, and with two cores one at a time.
    all_of_them = "\n".join(f"import {json.dumps(test.as_uri())};" for test in tests)
    done = subprocess.run(
        ["node", "--test-reporter=dot", "--input-type=module", "--eval", all_of_them],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_its_code_words_are_current() -> None:
    assert code_words.FILE.read_text(encoding="utf-8") == code_words.page()
