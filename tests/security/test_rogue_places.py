"""A relay nearby, a tracker and an announcer at once, all of them rogue: what two people lose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.network import Host, why_none
from tests.e2e.processes import Filesend, fill
from tests.nearby.lan import Lan
from tests.places.people import Person, code_of, finish, met_at, start_rogue

pytestmark = [
    pytest.mark.slow,
    pytest.mark.webrtc,
    pytest.mark.skipif(why_none() is not None, reason=why_none() or ""),
]

ADDRESS = "192.168.7.66"
RELAY, TRACKER = f"http://{ADDRESS}:8421", f"ws://{ADDRESS}:8422/announce"
#: Too long to come about by chance in what is sealed.
ANN, BOB, FILM = "annabella-hartley", "bobadilla-mortimer", "midsummer-holidays.bin"


class Rogues:
    """One machine that is a relay nearby, a tracker, and announces more relays than there are."""

    def __init__(self, lan: Lan, folder: Path, kind: str) -> None:
        self._lan = lan
        self._host = lan.host(f"{ADDRESS}/24")
        self._heard = [folder / "heard by the relay", folder / "heard by the tracker"]
        for what, port, file in zip(("relay", "tracker"), (8421, 8422), self._heard, strict=True):
            name = f"{kind}-{what}"
            start_rogue(lan.world, self._host, ADDRESS, name, port, "--heard", file)

    def announce_without_end(self) -> None:
        self._lan.rogue(self._host, "address", "--address", ADDRESS)

    def heard(self) -> list[str]:
        """What each heard, in lower case."""
        return [file.read_text().lower() for file in self._heard]


def check_that_it_learned_nothing(rogues: Rogues, code: str) -> None:
    number, *words = code.split("-")
    for heard in rogues.heard():
        assert len(heard) > 200, "nobody came"
        assert number not in words
        for secret in (ANN, BOB, FILM, FILM.removesuffix(".bin"), "-".join(words)):
            assert secret not in heard
        # Short ones come about by chance in what is sealed.
        assert not [word for word in words if len(word) > 5 and word in heard]


def test_who_reads_all_that_is_said_learns_nothing(
    lan: Lan, one: Host, other: Host, tmp_path: Path
) -> None:
    rogues = Rogues(lan, tmp_path, "reading")
    film = fill(tmp_path / FILM, 500_000)
    ann = Person(lan.world, one, ANN, FILESEND_TRACKERS=TRACKER)
    bob = Person(lan.world, other, BOB, FILESEND_TRACKERS=TRACKER)
    sender = ann.send(film)
    code = code_of(sender)
    wait_until_at(sender, RELAY)
    wait_until_at(sender, TRACKER)
    rogues.announce_without_end()
    receiver = bob.receive(code)
    finish(sender, receiver)
    assert bob.got(film)
    check_that_it_learned_nothing(rogues, code)


def wait_until_at(process: Filesend, place: str) -> None:
    """Wait until a process is connected to a place."""
    process.wait_for("relay", lambda e: e["url"] == place and e["state"] == "connected")


def test_who_guesses_wastes_a_code_and_no_more(
    lan: Lan, one: Host, other: Host, tmp_path: Path
) -> None:
    rogues = Rogues(lan, tmp_path, "guessing")
    film = fill(tmp_path / FILM, 500_000)
    ann = Person(lan.world, one, ANN, FILESEND_TRACKERS=TRACKER)
    sender = ann.send(film)
    code = code_of(sender)
    assert sender.end() == 5, sender.report()
    assert failed(sender), sender.report()
    assert met_at(sender) & {RELAY, TRACKER}
    bob = Person(lan.world, other, BOB, FILESEND_TRACKERS=TRACKER)
    receiver = bob.receive(code)
    assert receiver.end() == 5, receiver.report()
    assert not bob.got(film)
    rogues.announce_without_end()
    check_that_it_learned_nothing(rogues, code)


def failed(process: Filesend) -> bool:
    """Whether it is told that pairing failed."""
    return bool({"wrongCode", "pairingFailed"} & set(process.error_codes()))
