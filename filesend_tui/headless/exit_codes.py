"""Exit codes of headless runs. Part of the command-line interface."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The exit codes of `filesend`; the README lists them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    DECLINED = 3
    RELAY_UNREACHABLE = 4
    PAIRING_FAILED = 5
    PARTNER_GONE = 6
    INTERRUPTED = 130


#: Error codes (errors.py) that a script can tell apart; any other is FAILED.
_BY_ERROR: Final = {
    "usage": ExitCode.USAGE,
    "unknownContact": ExitCode.USAGE,
    "declined": ExitCode.DECLINED,
    "relayUnreachable": ExitCode.RELAY_UNREACHABLE,
    "pairingFailed": ExitCode.PAIRING_FAILED,
    "unknownCode": ExitCode.PAIRING_FAILED,
    "nameplateTaken": ExitCode.PAIRING_FAILED,
    "usedCode": ExitCode.PAIRING_FAILED,
    "expiredCode": ExitCode.PAIRING_FAILED,
    "wrongCode": ExitCode.PAIRING_FAILED,
    "wrongSecret": ExitCode.PAIRING_FAILED,
    "invalidCode": ExitCode.PAIRING_FAILED,
    "notVerified": ExitCode.PAIRING_FAILED,
    "relayTampered": ExitCode.PAIRING_FAILED,
    "contactDoubted": ExitCode.PAIRING_FAILED,
    "contactAway": ExitCode.PARTNER_GONE,
    "partnerGone": ExitCode.PARTNER_GONE,
    "partnerSilent": ExitCode.PARTNER_GONE,
}


def for_error(code: str) -> ExitCode:
    """Return the exit code for an error's `code`."""
    return _BY_ERROR.get(code, ExitCode.FAILED)
