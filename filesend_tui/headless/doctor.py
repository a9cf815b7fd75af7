"""`filesend doctor`, printed: what works here of what a transfer may need, and what to do."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from filesend_tui.core import doctor
from filesend_tui.core.checks import relay_address
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.doctor import Finding
from filesend_tui.core.errors import FileSendError, RelayUnreachable
from filesend_tui.core.util.text import clean, visible
from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.runtime.local_relay import LocalRelay

#: The least size of a terminal that the screens are made for.
_COLUMNS: Final = 40
_LINES: Final = 12
_MARKS: Final = {True: "ok  ", None: "-   ", False: "NO  "}
#: What two people can meet at, where it works.
_MEETING: Final = frozenset({"people", "trackers"})
_UNNAMED: Final = "No relay is named: this machine's own is looked at."
_STARTED: Final = (
    "No relay is named, and none runs here: one was started, for this machine alone. A transfer "
    "starts one that others on this network reach, unless listen is local."
)


class Check(msgspec.Struct, frozen=True, kw_only=True, tag="check", tag_field="event"):
    """A finding as a JSON line."""

    name: str
    ok: bool | None
    message: str
    hint: str


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, tag="doctor", tag_field="event"):
    """The last JSON line. works: whether two people can meet here, and files go."""

    works: bool


def run(
    relay: str,
    config: ClientConfig,
    *,
    own: LocalRelay | None,
    trackers: Sequence[str] = (),
    json: bool,
) -> ExitCode:
    """Look at everything and print each finding as it comes; return the exit code.

    Args:
        relay: Its address.
        config: The client's configuration.
        own: This machine's, where nobody named one; started if it does not run.
        trackers: At which people meet as well.
        json: Print each as a JSON object on a line.
    """
    return asyncio.run(_run(_all(relay, config, own=own, trackers=trackers), json=json))


async def _run(findings: AsyncIterator[Finding], *, json: bool) -> ExitCode:
    works = False
    async for finding in findings:
        works = works or (finding.name in _MEETING and bool(finding.ok))
        if json:
            check = Check(
                name=finding.name, ok=finding.ok, message=finding.message, hint=finding.hint
            )
            _print_json(check)
        else:
            print(visible(f"{_MARKS[finding.ok]}{finding.name:9}{finding.message}"), flush=True)
            if finding.hint:
                print(visible(f"{'':13}{finding.hint}"), flush=True)
    if json:
        _print_json(Diagnosis(works=works))
    elif not works:
        print("Nothing would work as it is: two people cannot meet.", flush=True)
    return ExitCode.DONE if works else ExitCode.FAILED


async def _all(
    relay: str, config: ClientConfig, *, own: LocalRelay | None, trackers: Sequence[str]
) -> AsyncIterator[Finding]:
    yield terminal()
    async for finding in doctor.trackers(trackers, config.proxies):
        yield finding
    if own is not None:
        async for finding in _found(own):
            yield finding
            if finding.ok is False:
                return
    try:
        address = relay_address(relay)
    except FileSendError as error:
        yield Finding(name="relay", ok=False, message=str(error), hint=error.hint)
        return
    async for finding in doctor.findings(address, config):
        yield finding


async def _found(own: LocalRelay) -> AsyncIterator[Finding]:
    """Have this machine's relay run, and tell whose it is."""
    owners: list[str] = []

    async def look_all_the_same(whose: str) -> bool:
        owners.append(whose)
        return True

    try:
        await own.find(look_all_the_same)
    except RelayUnreachable as error:
        yield Finding(name="relay", ok=False, message=str(error), hint=error.hint)
        return
    except OSError as error:
        said = f"No relay can be started: {clean(error.strerror or str(error), 200)}."
        yield Finding(name="relay", ok=False, message=said)
        return
    hint = "Beyond this network people meet at trackers, or at a relay: --relay ADDRESS."
    yield Finding(name="setup", ok=None, message=_STARTED if own.started else _UNNAMED, hint=hint)
    for whose in owners:
        ask = "A transfer asks you before it meets anybody there."
        yield Finding(name="owner", ok=None, message=whose, hint=ask)


def terminal() -> Finding:
    """Look at the terminal."""
    if not sys.stdout.isatty():
        return Finding(name="terminal", ok=None, message="The output is no terminal.")
    size = shutil.get_terminal_size()
    small = size.columns < _COLUMNS or size.lines < _LINES
    return Finding(
        name="terminal",
        ok=None if small else True,
        message=f"The terminal has {size.columns} columns and {size.lines} lines.",
        hint=f"The screens are made for {_COLUMNS} × {_LINES} and more." if small else "",
    )


def _print_json(line: Check | Diagnosis) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()
