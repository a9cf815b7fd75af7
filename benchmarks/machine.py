"""The machine that was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path


def machine() -> dict[str, str | int]:
    """Return the facts of this machine and its software that readers of the figures need."""
    import psutil

    return {
        "cpu": _cpu(),
        "cores": usable_cores(),
        "memoryGB": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "",
        "commit": _commit(),
    }


def describe(facts: Mapping[str, object]) -> str:
    """Return the machine in a line."""
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memoryGB']} GB, {facts['system']}, "
        f"Python {facts['python']}, files in {facts['files']}, load {facts['load']} at the start, "
        f"commit {facts['commit']}"
    )


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _commit() -> str:
    result = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() or "unknown"
