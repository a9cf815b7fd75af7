"""Start times: `--help`, and the first screen."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import measures
from benchmarks.context import Context
from benchmarks.processes import Failed, python
from benchmarks.table import Figures, Result, Row, ratio
from benchmarks.terminal import Terminal

HELP = Row(name="help", title="filesend --help ÷ importing typer", at_most=1.5)
PAINT = Row(name="paint", title="first TUI paint ÷ an empty Textual app's", at_most=1.3)
ROWS = (HELP, PAINT)

_HELP_ROUNDS = 15
_HELP_SECONDS = 20.0
_PAINT_ROUNDS = 9
_PAINT_SECONDS = 40.0
#: Text of the first screen, drawn without a change of style in it.
_FIRST_SCREEN = "FileSend"
_EMPTY = "nothing here"


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Measure each row."""
    results = []
    for row in rows:
        try:
            results.append((_help if row is HELP else _paint)(context))
        except Failed as error:
            results.append(Result(row=row, why=str(error)))
    return results


def _help(context: Context) -> Result:
    script = str(Path(sys.executable).with_name("filesend"))
    _seconds(context, [script, "--help"])  # from here on everything is in the page cache
    figures: Figures = {"filesend --help": [], "import typer": []}
    for number in context.rounds(_HELP_ROUNDS, _HELP_SECONDS):
        ours, theirs = measures.in_turn(
            number,
            lambda: _seconds(context, [script, "--help"]),
            lambda: _seconds(context, [sys.executable, "-c", "import typer"]),
        )
        figures["filesend --help"].append(ours * 1000)
        figures["import typer"].append(theirs * 1000)
    return ratio(HELP, figures, "filesend --help", "import typer", "ms")


def _paint(context: Context) -> Result:
    figures: Figures = {"filesend": [], "empty": []}
    with measures.relay(context) as relay:
        environment = context.environment | {"FILESEND_RELAY": relay}

        def first(command: list[str], text: str) -> float:
            with Terminal(command, environment) as terminal:
                return terminal.wait_for(text, 60) - terminal.began

        first(python("filesend_tui"), _FIRST_SCREEN)
        for number in context.rounds(_PAINT_ROUNDS, _PAINT_SECONDS):
            ours, theirs = measures.in_turn(
                number,
                lambda: first(python("filesend_tui"), _FIRST_SCREEN),
                lambda: first(python("benchmarks.yardsticks.empty_app"), _EMPTY),
            )
            figures["filesend"].append(ours * 1000)
            figures["empty"].append(theirs * 1000)
    return ratio(PAINT, figures, "filesend", "empty", "ms")


def _seconds(context: Context, command: list[str]) -> float:
    began = time.perf_counter()
    result = subprocess.run(
        command, env=context.environment, stdout=subprocess.DEVNULL, check=False
    )
    if result.returncode:
        raise Failed(f"{' '.join(command)} ended with {result.returncode}")
    return time.perf_counter() - began
