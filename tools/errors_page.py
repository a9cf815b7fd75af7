"""docs/errors.md, generated from the error classes: `python -m tools.errors_page` writes it.

An error's meaning and hint are in its class, its exit code in headless/exit_codes.py. Only the
tests that cause each error are listed here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import filesend_tui
from filesend_tui.core.errors import FileSendError
from filesend_tui.headless.exit_codes import for_error

PAGE: Final = Path(__file__).parents[1] / "docs" / "errors.md"

#: The tests that cause each error, by its code.
BROUGHT_ABOUT: Final = {
    "failed": (
        "tests/security/test_partner.py::test_a_fault_of_this_program_leaves_nobody_waiting",
    ),
    "relayUnreachable": (
        "tests/util/test_unreachable.py",
        "tests/e2e/test_endings.py::test_a_relay_that_stays_away_before_anything_is_under_way",
    ),
    "pairingFailed": (
        "tests/sessions/test_pairing.py::test_words_out_of_turn_fail_the_pairing",
        "tests/sessions/test_manager.py::test_who_says_nothing_while_pairing_is_left",
        "tests/sessions/test_manager.py::test_ones_own_code_is_for_the_other",
    ),
    "unknownCode": ("tests/cli/test_cli.py::test_a_code_that_nobody_made",),
    "nameplateTaken": (
        "tests/sessions/test_several_places.py::"
        "test_where_numbers_are_taken_again_and_again_they_get_longer",
    ),
    "usedCode": ("tests/e2e/test_endings.py::test_a_code_works_once",),
    "expiredCode": (
        "tests/sessions/test_manager.py::test_an_expired_code_is_told",
        "tests/e2e/test_endings.py::test_a_sender_who_goes_before_the_receiver_came",
    ),
    "wrongCode": ("tests/e2e/test_endings.py::test_a_wrong_guess_burns_the_code_for_both",),
    "wrongSecret": (
        "tests/sessions/test_pairing.py::test_another_secret_fails_on_both_sides",
        "tests/security/test_rogue_relay.py"
        "::test_a_relay_in_between_that_lacks_the_secret_pairs_with_nobody",
    ),
    "invalidCode": (
        "tests/sessions/test_code.py::test_what_is_no_code_is_refused_with_what_is_wrong",
        "tests/cli/test_cli.py::test_what_is_no_code",
    ),
    "notVerified": (
        "tests/e2e/test_verify.py::test_other_words_or_no_answer_end_it_and_the_partner_is_told",
    ),
    "streamDamaged": (
        "tests/security/test_pipes.py::test_a_sender_believes_no_receiver_who_has_something_else",
        "tests/torrent/streams/test_flows.py::test_a_hash_that_differs_fails_it",
    ),
    "readerGone": ("tests/e2e/test_pipes.py::test_a_reader_that_closes_ends_both_well",),
    "onlyFiles": ("tests/e2e/test_pipes.py::test_files_for_a_pipe_are_declined_with_advice",),
    "noPage": ("tests/headless/test_links.py::test_a_link_needs_a_relay_that_has_a_page",),
    "pageNotBuilt": (
        "tests/headless/relays/test_page.py::test_where_nothing_was_built_it_says_how",
    ),
    "noSavedPages": (
        "tests/headless/relays/test_page.py::test_a_relay_that_lets_none_in_is_told_of",
    ),
    "pageDiffers": (
        "tests/headless/relays/test_page.py::test_one_byte_more_or_less_or_other_is_noticed",
    ),
    "samePurpose": (
        "tests/e2e/test_purposes.py::test_two_senders_hear_at_once_that_both_send",
        "tests/e2e/test_purposes.py::test_two_receivers_hear_that_nobody_sends",
    ),
    "noSuchProgram": ("tests/e2e/test_limit.py::test_where_nothing_runs_that_is_said",),
    "programSilent": ("tests/headless/test_limits.py::test_one_that_is_stopped_is_told_of",),
    "unknownContact": (
        "tests/headless/contacts/test_standing.py::test_a_name_that_nobody_has_tells_the_names",
    ),
    "contactDoubted": (
        "tests/contacts/test_renewal.py"
        "::test_a_copy_that_met_once_is_noticed_at_the_next_meeting_by_both",
        "tests/security/test_contacts.py::test_a_copied_contact_is_noticed_by_both_and_told",
    ),
    "contactAway": (
        "tests/headless/contacts/test_standing.py::test_who_does_not_come_in_time_is_away",
    ),
    "notInstalled": (
        "tests/headless/contacts/test_service.py::test_another_one_is_left_alone_unless_forced",
    ),
    "notPaired": ("tests/sessions/test_manager.py::test_without_a_relay_or_a_partner",),
    "severalPartners": ("tests/core/test_several_sessions.py::test_who_is_meant_must_be_said",),
    "partnerGone": ("tests/e2e/test_endings.py::test_a_killed_sender",),
    "partnerSilent": (
        "tests/exchange/test_transfers.py::test_a_sender_who_never_hashes_is_told_of_and_given_up",
    ),
    "outOfStep": (
        "tests/sessions/test_coming_back.py::test_who_has_forgotten_is_told_and_so_is_the_other",
        "tests/core/test_going_on.py::test_an_old_copy_of_a_journal_is_told_and_ends_the_session",
    ),
    "relayTampered": (
        "tests/security/test_rogue_relay.py::test_whatever_is_done_to_a_word_ends_the_session",
    ),
    "requestGone": ("tests/exchange/test_transfers.py::test_either_side_can_cancel_at_any_step",),
    "underWay": (
        "tests/cli/test_unfinished.py::test_what_another_process_is_at_is_told_with_that_process",
        "tests/e2e/test_going_on.py"
        "::test_what_is_under_way_is_neither_gone_on_with_nor_forgotten_by_another",
    ),
    "declined": (
        "tests/e2e/test_asked.py::test_no",
        "tests/e2e/test_purposes.py::test_a_full_disk_is_told_to_the_sender",
    ),
    "cancelled": ("tests/e2e/test_endings.py::test_an_interrupted_receiver",),
    "noSpace": (
        "tests/security/test_disk.py::test_more_than_there_is_room_for_is_refused_with_figures",
        "tests/security/test_disk.py::test_a_transfer_whose_disk_stays_full_ends_on_both_sides",
    ),
    "badMagnet": ("tests/torrent/metainfo/test_magnet.py::test_what_is_no_usable_link_is_refused",),
    "badSharePage": (
        "tests/torrent/metainfo/test_share_link.py::test_what_is_no_page_is_refused_with_an_example",
    ),
    "badMetadata": (
        "tests/security/test_approval.py::test_a_torrent_that_is_not_what_was_approved_is_refused",
        "tests/security/test_changed_sources.py"
        "::test_a_partner_who_was_banned_is_not_taken_for_a_firewall",
    ),
    "badSource": (
        "tests/torrent/sources/test_scan.py",
        "tests/security/test_changed_sources.py",
        "tests/cli/test_cli.py::test_what_cannot_be_sent_is_told_before_anybody_is_reached",
    ),
    "storageFailed": (
        "tests/security/test_disk.py::test_an_output_that_is_no_folder_is_told_before_anything",
        "tests/e2e/test_endings.py::test_a_target_that_is_deleted_in_mid_transfer",
        "tests/security/test_output_races.py",
    ),
    "trackerFailed": ("tests/util/test_unreachable.py",),
    "noPeers": (
        "tests/security/test_changed_sources.py::test_what_kept_the_two_from_meeting_is_told",
        "tests/security/test_private_swarm.py::test_a_partner_who_stalls_is_given_up_and_told_of",
    ),
    "channelFailed": (
        "tests/transports/test_ice.py::test_relay_only_without_a_turn_server_says_what_is_missing",
        "tests/transports/test_native.py::test_what_it_cannot_do_it_is_not_asked_for",
    ),
    "noSuchTransfer": (
        "tests/e2e/test_going_on.py::test_what_is_unfinished_is_listed_and_forgotten",
    ),
    "usage": ("tests/cli/test_cli.py::test_wrong_usage_is_2_and_says_what",),
}

_HEAD: Final = """\
# Errors

What goes wrong is told in two sentences: what happened, and to what; then what to do. With `--json`
it is an `error` event with the first column's `code`. The second column says what that kind means,
the third what is usually to be done: a message and a hint that know more stand in their place. A
headless run ends with the exit code of what ended it.

This page is made from `filesend_tui/core/errors.py` by `python -m tools.errors_page`, which also
says which tests bring each error about.

| code | what happened | what to do | exit code | brought about by |
|---|---|---|---|---|
"""


def kinds() -> list[type[FileSendError]]:
    """Return every error class with a code of its own, in order of definition."""
    for module in pkgutil.walk_packages(filesend_tui.__path__, "filesend_tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    everything: list[type[FileSendError]] = [FileSendError, *_below(FileSendError)]
    found = [kind for kind in everything if "code" in vars(kind)]
    in_errors = [kind for kind in found if kind.__module__ == FileSendError.__module__]
    in_errors.sort(key=lambda kind: inspect.getsourcelines(kind)[1])
    others = sorted(set(found) - set(in_errors), key=lambda kind: kind.code)
    return [*in_errors, *others]


def _below(kind: type[FileSendError]) -> Iterator[type[FileSendError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def page() -> str:
    """Return the page."""
    return _HEAD + "".join(
        f"| `{kind.code}` | {_meaning(kind)} | {kind.default_hint} | {for_error(kind.code).value} |"
        f" {', '.join(f'`{test}`' for test in BROUGHT_ABOUT.get(kind.code, ()))} |\n"
        for kind in kinds()
    )


def _meaning(kind: type[FileSendError]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
