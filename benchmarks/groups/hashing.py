"""Hashing before the yes, and the time from the yes to the first byte."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measures
from benchmarks.context import GB, MB, Context
from benchmarks.machine import usable_cores
from benchmarks.processes import Failed, Program, python
from benchmarks.table import Figures, Result, Row, ratio, single

FIRST_BYTE = Row(
    name="first-byte", title="yes → first byte, file hashed before", at_most=0.5, unit="s"
)
HASHING = Row(name="hashing", title="hashing before the yes ÷ openssl speed sha1", at_least=0.7)
ROWS = (FIRST_BYTE, HASHING)

_ROUNDS = 5
_SECONDS = 70.0
#: Timeout in seconds of each step; hashing should be over long before.
_PATIENCE = 30.0
_SPEED_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request: seconds of hashing before the yes, and from the yes to the first byte."""

    hashing: float
    first_byte: float


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Send a request, wait until the file is hashed, then say yes."""
    size = context.size(GB)
    source = context.file(size)
    figures: Figures = {"filesend": [], "openssl": [], "first byte": []}
    with measures.relay(context) as relay:
        for _ in context.rounds(_ROUNDS, _SECONDS):
            figures["openssl"].append(openssl_rate(usable_cores()))
            asked = _ask(context, relay, source)
            figures["filesend"].append(size / asked.hashing / MB)
            figures["first byte"].append(asked.first_byte)
            context.say(
                f"hashing {figures['filesend'][-1]:.0f}, openssl {figures['openssl'][-1]:.0f} MB/s"
                f" on {usable_cores()} cores; first byte after {asked.first_byte:.2f} s"
            )
    results = {
        FIRST_BYTE: single(FIRST_BYTE, "first byte", figures["first byte"]),
        HASHING: ratio(HASHING, figures, "filesend", "openssl", "MB/s"),
    }
    return [results[row] for row in rows]


def openssl_rate(cores: int) -> float:
    """Return the MB/s of `openssl speed` with SHA-1 on so many cores."""
    program = shutil.which("openssl")
    if program is None:
        raise Failed("there is no openssl to compare with")
    command = [program, "speed", "-mr", "-seconds", str(_SPEED_SECONDS), "-bytes", "16384"]
    if cores > 1:
        command += ["-multi", str(cores)]
    said = subprocess.run([*command, "sha1"], capture_output=True, text=True, check=False).stdout
    # One process prints `+F:4:sha1:RATE`; several print the same line, where RATE is their sum.
    rates = [line.split(":")[3] for line in said.splitlines() if line.startswith("+F:")]
    if not rates:
        raise Failed(f"openssl speed said {said[-200:]!r}")
    return float(rates[-1]) / MB


def _ask(context: Context, relay: str, source: Path) -> Asked:
    environment = context.environment | {"FILESEND_RELAY": relay}
    with (
        measures.fresh(context, "received") as folder,
        Program(
            python("filesend_tui", "send", "--json", source), environment=environment
        ) as sender,
    ):
        _, event = sender.wait_for(measures.said("code"), _PATIENCE)
        with Program(
            python("benchmarks.approver", relay, event["code"], folder),
            environment=environment,
        ) as receiver:
            _, request = receiver.wait_for(measures.said("fileRequest"), _PATIENCE)
            begin, _ = sender.wait_for(measures.said("hashing"), _PATIENCE)
            end, _ = sender.wait_for(measures.said("hashing", progress=1.0), _PATIENCE)
            told = time.perf_counter()
            receiver.write(f"{request['transfer']} {len(request['files'])}")
            first, _ = receiver.wait_for(measures.some_bytes, _PATIENCE)
            return Asked(hashing=end - begin, first_byte=first - told)
