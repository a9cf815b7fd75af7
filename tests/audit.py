"""`python -m tests.audit`: known vulnerabilities in what is installed, as pip-audit hears of them.

Exit status: 1 where there are any, and else 0, also where nobody could be asked: a machine without
the network must be able to check its work. That is then said in so many words.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

#: Seconds for an answer of the service, and for all of it.
PATIENCE = 10
LONGEST = 180


def ask() -> list[dict[str, Any]] | str:
    """Return what is said of each package, or why nobody said anything."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable"]
    options = ["--progress-spinner", "off", "--timeout", str(PATIENCE), "--format", "json"]
    try:
        run = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it does not answer within {LONGEST} s"
    try:
        packages: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = run.stderr.strip().splitlines()
        return said[-1][:300] if said else f"pip-audit ended with {run.returncode}"
    return packages


def report(answer: list[dict[str, Any]] | str) -> tuple[int, list[str]]:
    """Return the exit status, and the lines that tell why."""
    if isinstance(answer, str):
        return 0, ["AUDIT NOT DONE: the vulnerability service cannot be asked:", f"  {answer}"]
    known = [package for package in answer if "vulns" in package]
    unknown = [package["name"] for package in answer if "vulns" not in package]
    bad = [
        f"  {package['name']} {package['version']}: {vulnerability['id']}"
        f" (fixed in {', '.join(vulnerability['fix_versions']) or 'no version'})"
        for package in known
        for vulnerability in package["vulns"]
    ]
    if bad:
        return 1, ["AUDIT: known vulnerabilities:", *bad]
    if not known:
        return 0, ["AUDIT NOT DONE: the vulnerability service knows none of the packages here."]
    lines = [f"Audit: no known vulnerability in {len(known)} packages."]
    if unknown:
        lines.append(f"AUDIT INCOMPLETE: nothing is known of {', '.join(unknown)}.")
    return 0, lines


def main() -> int:
    status, lines = report(ask())
    print("\n".join(lines), flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
