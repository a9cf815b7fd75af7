"""People who all know each other, each with a client of their own that runs on (friend.py)."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from tests.chaos.stage import Side, Stage, Vitals, vitals, wait_until
from tests.e2e.processes import Event, Filesend


class Friend(Side):
    """One of them."""

    def __init__(self, stage: Stage, name: str) -> None:
        super().__init__(stage, name, stage.host)
        self.folder = stage.folder / f"{name} got"
        self.folder.mkdir()
        #: The ids of this side's sessions, by the other person's name.
        self.sessions: dict[str, str] = {}
        self._orders = itertools.count()
        self.begin()

    def begin(self) -> Filesend:
        """Start a process with this person's memory."""
        process = self.run(
            *(self.name, self.folder, self.stage.relay_url),
            module="tests.chaos.friend",
            stdin=subprocess.PIPE,
        )
        self.processes.append(process)
        process.wait_for("relay", lambda event: event["state"] == "connected")
        return process

    def again(self) -> None:
        """Be killed, begin again and go on with all that is unfinished."""
        self.kill()
        self.begin()
        self.order("resume")

    def order(self, do: str, **what: Any) -> Event:
        """Give an order; return what came of it."""
        number = next(self._orders)
        order = json.dumps({"do": do, "id": number, **what})
        assert self.process.process.stdin is not None
        self.process.process.stdin.write(f"{order}\n")
        self.process.process.stdin.flush()
        return self.process.wait_for("did", lambda event: event["order"] == number)

    def vitals(self) -> Vitals:
        """What its process has open; threads besides those that wait for whatever comes next."""
        inside = self.order("vitals")
        seen = vitals(self.process.process.pid)
        return seen._replace(threads=inside["threads"], tasks=inside["tasks"])

    def is_as(self, before: Vitals) -> bool:
        """Whether its process has as much open as before."""
        return self.vitals() == before

    def memory(self) -> int:
        """The bytes of memory that its process has."""
        return int(self.order("vitals")["memory"])

    def unfinished(self) -> Sequence[str]:
        return list(self.order("unfinished")["unfinished"])

    def leave(self) -> None:
        """End, and well."""
        assert self.process.process.stdin is not None
        self.process.process.stdin.close()
        assert self.process.end() == 0, self.process.report()


def _is_with(name: str, event: Event) -> bool:
    return bool(event["partner"] == name)


class Circle:
    """All of them, each paired with every other."""

    def __init__(self, friends: Iterable[Friend]) -> None:
        self.friends = tuple(friends)
        self._before: dict[Friend, Vitals] = {}

    @classmethod
    def of(cls, stage: Stage, *names: str) -> Self:
        """Start them and pair them."""
        circle = cls(Friend(stage, name) for name in names)
        stage.sides += circle.friends
        circle._before = {friend: friend.vitals() for friend in circle.friends}
        for one, other in itertools.combinations(circle.friends, 2):
            code = one.order("code")["code"]
            other.sessions[one.name] = other.order("join", code=code)["session"]
            paired = one.process.wait_for("paired", partial(_is_with, other.name))
            one.sessions[other.name] = paired["session"]
        return circle

    def send(self, sender: Friend, receiver: Friend, path: Path) -> str:
        """Ask the one to take a file of the other; return the transfer's id."""
        told = sender.order("send", path=str(path), to=sender.sessions[receiver.name])
        return str(told["transfer"])

    def at_rest(self) -> bool:
        """Whether nothing is under way."""
        return not any(friend.unfinished() for friend in self.friends)

    def part(self) -> None:
        """Have everybody leave the others and end; hold them to having nothing open of all that."""
        for friend in self.friends:
            for session in friend.sessions.values():
                friend.order("leave", session=session)
        for friend in self.friends:
            before = self._before[friend]
            wait_until(partial(friend.is_as, before), friend.vitals)
            friend.leave()
