"""A standing receiver, and three contacts who send whenever they like, while things go wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from filesend_tui.headless.exit_codes import ExitCode
from tests.chaos.chance import Chance
from tests.chaos.figures import Figures
from tests.chaos.stage import Side, Stage, Vitals, vitals, wait_until
from tests.e2e.processes import TIMEOUT, Event, Filesend, digest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("chaos"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to end these with"),
]

NAMES: Final = ("Ann", "Bob", "Cyd")
MB: Final = 1_000_000
#: An hour; fewer seconds for who only looks whether it works.
LONG: Final = float(os.environ.get("CHAOS_LISTEN_SECONDS") or 3600)
#: At the beginning of an hour a contact is waited for at two places, each a task and what it waits
#: for.
MORE_TASKS: Final = 4 * len(NAMES)


class Form(NamedTuple):
    """For how long, of up to how many bytes, with how long between two sends and two faults.

    A fault is of the relay or of the receiver.
    """

    seconds: float
    size: int
    pause: float
    fault: float


class Sent(NamedTuple):
    """A send that is over. transfer: its id; empty where nobody was asked."""

    name: str
    sha: str
    transfer: str
    done: bool


class Sender:
    """A contact who sends one file after another, and is interrupted or killed now and then."""

    def __init__(self, side: Side, chance: Chance, form: Form) -> None:
        self.side = side
        self.sent: list[Sent] = []
        self.faults = 0
        self.size = 0
        self._chance = chance
        self._form = form
        self._path: Path | None = None
        self._struck = False
        self._strike: int | None = None
        self._transfer = ""
        self._next = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether nothing of theirs is under way."""
        return self._path is None

    @property
    def is_asking(self) -> bool:
        """Whether they call somebody, or ask them, and have no answer yet."""
        events = self.side.process.events
        calls = any(each["event"] == "calling" for each in tuple(events))
        return not self.is_idle and calls and not _is_answered(tuple(events))

    def begin(self) -> None:
        """Send the next file."""
        number, chance = len(self.sent), self._chance
        name = f"{self.side.name}{number}.bin"
        size = chance.randint(0, self._form.size)
        self._path = chance.fill(self.side.stage.folder / "from" / name, size)
        self._transfer, self._struck = "", False
        self._strike = chance.choice([None, None, signal.SIGINT, signal.SIGKILL])
        self._next = 0.0
        self.side.start("send", self._path, "--to", "Dan", "--wait", "none")

    def look(self, *, more: bool) -> None:
        """Do what is due. more: begin another one, where none is under way."""
        now = time.monotonic()
        if self.is_idle:
            if more and now >= self._next:
                self.begin()
            return
        process = self.side.process
        self._transfer = self._transfer or _transfer(process.events)
        if process.process.poll() is not None:
            self._end(process.end())
        elif self._strike is not None and _is_answered(process.events):
            self._next = self._next or now + self._chance.uniform(0, 0.5)
            # Who gives up while Dan is away, and is gone before he is back, cannot tell him.
            if now >= self._next and not (
                self._strike == signal.SIGINT and _is_away(process.events)
            ):
                self._hit(self._strike)

    def _hit(self, number: int) -> None:
        self._strike, self._struck = None, True
        self.faults += 1
        if number == signal.SIGKILL:
            self.side.kill()
            self._struck = False  # what goes on is to arrive
            self.side.resume()
        else:
            self.side.process.signal(signal.Signals(number))

    def _end(self, code: int) -> None:
        """Note how it ended: done, interrupted, or told that there is no relay, to try again."""
        path, self._path = self._path, None
        assert path is not None
        report = self.side.process.report()
        if code == ExitCode.RELAY_UNREACHABLE:
            if self._transfer:  # it goes on, once there is one
                self._path = path
                self.side.resume()
                return
        elif self._struck:
            # By the signal itself: it came when all was done, and the program about to end.
            assert code in (ExitCode.DONE, ExitCode.INTERRUPTED, -signal.SIGINT), report
        else:
            assert code == ExitCode.DONE, report
        done = code == ExitCode.DONE
        self.sent.append(Sent(path.name, digest(path), self._transfer, done))
        self.size += path.stat().st_size if done else 0
        path.unlink()
        self._next = time.monotonic() + self._chance.uniform(0, self._form.pause)


def _transfer(events: list[Event]) -> str:
    return next((str(each["transfer"]) for each in events if each["event"] == "fileRequest"), "")


def _is_away(events: Sequence[Event]) -> bool:
    changes = (each["event"] for each in reversed(events) if each["event"].startswith("partner"))
    return next(changes, "") == "partnerAway"


def _is_answered(events: Sequence[Event]) -> bool:
    return any(each["event"] == "fileAnswer" for each in events)


class Listener:
    """The standing receiver."""

    def __init__(self, side: Side, inbox: Path) -> None:
        self._side = side
        self._inbox = inbox
        self.begin()

    @property
    def process(self) -> Filesend:
        return self._side.process

    def begin(self) -> None:
        """Start, with what it remembers, and wait until it can be reached."""
        process = self._side.run(
            *("listen", "--yes", "--json", "-o", self._inbox), module="tests.chaos.listener"
        )
        self._side.processes.append(process)
        process.wait_for("relay", lambda event: event["state"] == "connected")

    def again(self, *, killed: bool) -> None:
        """Be killed, or end as a service does, and start again."""
        if killed:
            self._side.kill()
        else:
            self.process.signal(signal.SIGTERM)
            assert self.process.end() == ExitCode.INTERRUPTED, self.process.report()
        self.begin()

    def vitals(self) -> Vitals:
        """What it has open."""
        told = [each for each in tuple(self.process.events) if each["event"] == "vitals"]
        seen = vitals(self.process.process.pid)
        return seen._replace(threads=told[-1]["threads"], tasks=told[-1]["tasks"])

    def is_as(self, before: Vitals) -> bool:
        """Whether it has no more open than before."""
        most = before._replace(tasks=before.tasks + MORE_TASKS)
        return all(now <= then for now, then in zip(self.vitals(), most, strict=True))

    def report(self) -> str:
        """What it said last, in all its processes, and what everybody else did."""
        said = [
            f"{process.process.pid} {json.dumps(each)[:400]}"
            for process in self._side.processes
            for each in tuple(process.events)
            if each["event"] not in ("vitals", "download", "hashing")
        ]
        return "\n".join([*said[-60:], self._side.stage.report()])

    def ends(self) -> dict[str, str]:
        """How each transfer ended here."""
        return {
            each["transfer"]: each["phase"]
            for process in self._side.processes
            for each in tuple(process.events)
            if each["event"] == "transferState"
            and each["phase"] in ("done", "cancelled", "failed", "declined")
        }


def remember(sender: Side, listener: Side, note: Path) -> None:
    """Have two people remember each other."""
    code = sender.start("send", note, "--remember").wait_for("code")["code"]
    folder = listener.stage.folder / f"{sender.name} met"
    listener.start("receive", code, "--yes", "--remember", "-o", folder)
    for each in (sender, listener):
        assert each.process.end() == 0, each.process.report()
        each.process.wait_for("remembered")


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(Form(12, 2 * MB, 1, 5), id="short"),
        pytest.param(Form(LONG, 20 * MB, 20, 120), id="long", marks=pytest.mark.long),
    ],
)
def test_random_sends_to_a_standing_receiver(
    stage: Stage, chance: Chance, figures: Figures, form: Form
) -> None:
    """Each is done, with the same bytes, or was told at both sides that it is not."""
    dan, inbox = stage.side("Dan"), stage.folder / "inbox"
    senders = [Sender(stage.side(name), Chance(name), form) for name in NAMES]
    for each in senders:
        remember(each.side, dan, chance.fill(stage.folder / "from" / "note", 100))
    listener = Listener(dan, inbox)

    def run(seconds: float, *faults: Callable[[], None]) -> None:
        """Have them send for so long, and wait until all of it is over."""
        until = time.monotonic() + seconds
        due = time.monotonic() + chance.uniform(0, form.fault)
        while (more := time.monotonic() < until) or not all(each.is_idle for each in senders):
            assert listener.process.process.poll() is None, listener.report()
            assert time.monotonic() < until + TIMEOUT, listener.report()
            for each in senders:
                each.look(more=more)
            if faults and more and time.monotonic() >= due:
                chance.choice(faults)()
                figures.faults += 1
                due = time.monotonic() + chance.uniform(form.fault / 2, form.fault)
            time.sleep(0.05)
        wait_until(lambda: _all_told(senders, listener), listener.report)

    def relay_dies() -> None:
        stage.kill_relay()
        stage.start_relay()

    began = time.monotonic()

    def listener_ends() -> None:
        # Killed at any time. A service that is stopped says goodbye to who has just met it, and
        # their send ends with that.
        asked = any(each.is_asking for each in senders)
        listener.again(killed=asked or chance.random() < 0.5)

    run(form.seconds / 2, relay_dies, listener_ends)
    # From here on it is one process, which has done all of it once.
    run(1)
    before = listener.vitals()
    run(form.seconds / 2, relay_dies)
    wait_until(lambda: listener.is_as(before), lambda: f"{listener.vitals()}, before {before}")
    listener.process.signal(signal.SIGTERM)
    assert listener.process.end() == ExitCode.INTERRUPTED, listener.process.report()
    ends = listener.ends()
    sent = [each for sender in senders for each in sender.sent]
    arrived = {
        each.name: each.sha
        for each in sent
        # What was in place in the moment in which it was given up stays, whole.
        if ends.get(each.transfer) == "done" or (not each.done and (inbox / each.name).exists())
    }
    lost = [each for each in sent if each.done and each.name not in arrived]
    assert lost == [], stage.report()
    figures.size = sum(sender.size for sender in senders)
    figures.faults += sum(sender.faults for sender in senders)
    figures.note = (
        f"{len(sent)} sends, {len(arrived)} of them arrived, {figures.size / MB:.0f} MB in "
        f"{time.monotonic() - began:.0f} s"
    )
    stage.all_well({inbox: arrived})


def _all_told(senders: list[Sender], listener: Listener) -> bool:
    """Whether the receiver knows how everything ended that it was asked for."""
    asked = {each.transfer for sender in senders for each in sender.sent if each.transfer}
    return asked <= listener.ends().keys()
