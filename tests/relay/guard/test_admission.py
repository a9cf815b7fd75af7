"""admission.py: who is let in, for how long others are not, and files that make no sense."""

from __future__ import annotations

import ipaddress
import logging
import random
from pathlib import Path

import pytest

from relay.guard.admission import MOST, Admission, BadBans

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def banning(tmp_path: Path, text: str, now: float = NOW) -> Admission:
    file = tmp_path / "bans"
    file.write_text(text)
    return Admission((), file, lambda: now)


def test_everybody_is_let_in_where_nothing_is_said() -> None:
    assert Admission().admits("203.0.113.7")
    assert not Admission().bans("203.0.113.7")


def test_networks_that_are_named_are_let_in_alone() -> None:
    admission = Admission(["203.0.113.0/24", "2001:db8::/32"])
    assert admission.admits("203.0.113.7")
    assert admission.admits("::ffff:203.0.113.7")
    assert admission.admits("2001:db8:1::2")
    assert not admission.admits("203.0.114.7")
    assert not admission.admits("127.0.0.1")
    assert not admission.admits("nobody")
    assert not admission.bans("203.0.114.7")  # that is another matter


def test_a_ban_counts_for_a_prefix_until_its_time(tmp_path: Path) -> None:
    text = """
    # who floods
    203.0.113.0/24                      # for ever
    198.51.100.7   2027-01-15T08:00:01  # a second
    198.51.100.8   2027-01-15T07:59:59Z
    198.51.100.9   2027-01-15T10:00:00+02:00
    2001:db8:7::/48 2027-02-01
    """
    admission = banning(tmp_path, text)
    assert admission.bans("203.0.113.255")
    assert admission.bans("::ffff:203.0.113.1")
    assert admission.bans("198.51.100.7")
    assert not admission.bans("198.51.100.8")
    assert not admission.bans("198.51.100.9")
    assert admission.bans("2001:db8:7:1::1")
    assert not admission.bans("2001:db8:8::1")
    assert not admission.bans("nobody")
    assert not banning(tmp_path, text, NOW + 2).bans("198.51.100.7")


def test_whoever_is_banned_is_not_let_in_though_their_network_is(tmp_path: Path) -> None:
    (tmp_path / "bans").write_text("10.0.0.7\n")
    admission = Admission(["10.0.0.0/8"], tmp_path / "bans")
    assert admission.admits("10.0.0.6")
    assert not admission.admits("10.0.0.7")


def test_the_longest_of_two_bans_counts(tmp_path: Path) -> None:
    admission = banning(tmp_path, "10.0.0.7 2027-02-01\n10.0.0.7 2026-02-01\n10.0.0.8 2026-01-01\n")
    assert admission.bans("10.0.0.7")
    assert not admission.bans("10.0.0.8")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("10.0.0.0/33", "line 2"),
        ("10.0.0.7/8", "host bits"),
        ("relay.example", "line 2"),
        ("10.0.0.7 tomorrow", "line 2"),
        ("10.0.0.7 2027-02-01 flood", "reason stands behind a #"),
    ],
)
def test_a_line_that_makes_no_sense_is_said(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(BadBans, match=why):
        banning(tmp_path, f"10.0.0.1\n{line}\n")


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadBans, match="cannot be read"):
        Admission((), tmp_path / "none")
    (tmp_path / "bans").write_bytes(b"\xff\xfe")
    with pytest.raises(BadBans, match="is no text"):
        Admission((), tmp_path / "bans")
    (tmp_path / "bans").write_text("\n" * (MOST + 1))
    with pytest.raises(BadBans, match="more than"):
        Admission((), tmp_path / "bans")


def test_changes_are_taken_up_and_nonsense_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    admission = banning(tmp_path, "10.0.0.7\n")
    assert not admission.renew()
    (tmp_path / "bans").write_text("10.0.0.8 # and not seven\n")
    assert admission.renew()
    assert (admission.bans("10.0.0.7"), admission.bans("10.0.0.8")) == (False, True)
    (tmp_path / "bans").write_text("10.0.0.9\nnonsense\n")
    with caplog.at_level(logging.WARNING):
        assert not admission.renew()
        assert not admission.renew()
    (told,) = caplog.records
    assert "line 2" in told.getMessage()
    (tmp_path / "bans").unlink()
    assert not admission.renew()
    assert admission.bans("10.0.0.8")


def test_many_bans_are_those_that_were_named(tmp_path: Path) -> None:
    """Against the plain way, which looks at each."""
    chance = random.Random(7)
    networks = [
        ipaddress.ip_network((chance.getrandbits(32), chance.randint(8, 32)), strict=False)
        for _ in range(300)
    ]
    admission = banning(tmp_path, "\n".join(map(str, networks)))
    for _ in range(2_000):
        address = ipaddress.ip_address(chance.getrandbits(32))
        assert admission.bans(str(address)) == any(address in network for network in networks)
