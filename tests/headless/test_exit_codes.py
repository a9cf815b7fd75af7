"""headless/exit_codes.py: every error of the core has its exit code."""

from __future__ import annotations

from filesend_tui.core import errors
from filesend_tui.headless.asking import CannotAsk
from filesend_tui.headless.exit_codes import ExitCode, for_error


def kinds(base: type[errors.FileSendError]) -> set[type[errors.FileSendError]]:
    return {base}.union(*(kinds(sub) for sub in base.__subclasses__()))


def test_every_way_that_pairing_fails_is_pairing_failed() -> None:
    for kind in kinds(errors.PairingFailed):
        assert for_error(kind.code) is ExitCode.PAIRING_FAILED, kind


def test_errors_that_a_script_can_tell_apart() -> None:
    assert for_error(errors.Declined.code) is ExitCode.DECLINED
    assert for_error(errors.RelayUnreachable.code) is ExitCode.RELAY_UNREACHABLE
    assert for_error(errors.RelayTampered.code) is ExitCode.PAIRING_FAILED
    assert for_error(errors.PartnerGone.code) is ExitCode.PARTNER_GONE
    assert for_error(CannotAsk.code) is ExitCode.USAGE
    assert for_error(errors.NoSpace.code) is ExitCode.FAILED
    assert for_error("something new") is ExitCode.FAILED


def test_the_numbers_are_promised() -> None:
    assert [code.value for code in ExitCode] == [0, 1, 2, 3, 4, 5, 6, 130]
