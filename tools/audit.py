"""`python -m tools.audit`: known vulnerabilities in the installed packages.

Two sources: the table that is checked in (tools/advisories.toml), and pip-audit's service. Exit
status: 1 where either lists any, else 0, also where the service is unreachable, as checks must work
without a network; that is printed clearly.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

TABLE = Path(__file__).with_name("advisories.toml")

#: Timeouts in seconds of one answer of the service, and of the whole query.
PATIENCE = 10
LONGEST = 180


class Advisory(NamedTuple):
    """A vulnerability: package, and version that fixes it. accepted: why, if it is accepted."""

    package: str
    fixed: Version
    id: str
    accepted: str = ""


def advisories(table: Path = TABLE) -> list[Advisory]:
    """Return the advisories of the table that is checked in."""
    known = tomllib.loads(table.read_text("utf-8"))
    return [
        Advisory(package, Version(fixed), each, known["accepted"].get(each, ""))
        for package, versions in known["packages"].items()
        for fixed, ids in versions.items()
        for each in ids
    ]


def installed() -> dict[str, Version]:
    """Return the installed packages' versions, by canonical name."""
    return {
        canonicalize_name(each.metadata["Name"]): Version(each.version)
        for each in metadata.distributions()
    }


def applying(known: list[Advisory], here: Mapping[str, Version]) -> Iterator[Advisory]:
    """Yield the known advisories that are not fixed in the installed versions."""
    for advisory in known:
        version = here.get(advisory.package)
        if version is not None and version < advisory.fixed:
            yield advisory


def look_up(known: list[Advisory], here: Mapping[str, Version]) -> tuple[int, list[str]]:
    """Return the exit status by the table, and the lines that explain it."""
    found = list(applying(known, here))
    bad = [
        f"  {each.package} {here[each.package]}: {each.id} (fixed in {each.fixed})"
        for each in found
        if not each.accepted
    ]
    lived_with = [
        f"  {each.package} {here[each.package]}: {each.id}: {each.accepted}"
        for each in found
        if each.accepted
    ]
    lines = ["Accepted for now:", *lived_with] if lived_with else []
    if bad:
        return 1, ["AUDIT: known vulnerabilities, by tools/advisories.toml:", *bad, *lines]
    return 0, [f"Audit: none of {len(known)} advisories in tools/advisories.toml applies.", *lines]


def ask() -> list[dict[str, Any]] | str:
    """Return the service's answer for each package, or why there is none."""
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
    """Return the exit status by the service, and the lines that explain it."""
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
    by_table, lines = look_up(advisories(), installed())
    by_service, more = report(ask())
    print("\n".join([*lines, *more]), flush=True)
    return by_table or by_service


if __name__ == "__main__":
    sys.exit(main())
