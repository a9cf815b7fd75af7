"""People at hosts of a lab, who run `filesend` with what its settings are where nobody said any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.chaos.network import Host
from tests.e2e.processes import Filesend, World, digest


class Person:
    """Somebody at a host.

    Args:
        world: What ends their processes.
        host: Where they are.
        name: Theirs.
        settings: Variables; besides, no tracker is asked, as none is reached from a lab.
    """

    def __init__(self, world: World, host: Host, name: str, **settings: str) -> None:
        self.folder = world.folder / name
        self.folder.mkdir()
        self._world = world
        self._host = host
        own = {
            "FILESEND_NAME": name,
            "FILESEND_STATE": str(self.folder / "state"),
            "FILESEND_LISTEN": "lan",
        }
        unsaid = {k: v for k, v in world.environment.items() if k != "FILESEND_ICE_SERVERS"}
        self._environment = unsaid | own | settings

    def start(self, *arguments: str | Path, **popen: Any) -> Filesend:
        """Start `filesend` there."""
        process = Filesend(arguments, self._environment, inside=self._host.inside, **popen)
        self._world.processes.append(process)
        return process

    def send(self, path: Path, *options: str, **popen: Any) -> Filesend:
        """Start to send with a code of this side's."""
        return self.start("send", path, "--json", *options, **popen)

    def receive(self, code: str, *options: str, **popen: Any) -> Filesend:
        """Start to receive, into `inbox` of this person's folder."""
        output = ("-o", self.folder / "inbox")
        return self.start("receive", code, "--yes", "--json", *output, *options, **popen)

    def got(self, path: Path) -> bool:
        """Return whether a file is in the inbox as it was sent."""
        arrived = self.folder / "inbox" / path.name
        return arrived.exists() and digest(arrived) == digest(path)


def code_of(sender: Filesend) -> str:
    """Return the code that a sender shows."""
    code: str = sender.wait_for("code")["code"]
    return code


def met_at(process: Filesend) -> set[str]:
    """Return the URLs of the places that a process was connected to so far."""
    return {
        each["url"]
        for each in tuple(process.events)
        if each["event"] == "relay" and each["state"] == "connected"
    }


def finish(sender: Filesend, receiver: Filesend) -> None:
    """Wait until both are done, and check that nothing went wrong for either."""
    for process in (receiver, sender):
        assert process.end() == 0, (sender.report(), receiver.report())
        assert process.error_codes() == [], process.report()


def roads(receiver: Filesend) -> list[str]:
    """Return by which roads the bytes came, in order."""
    return [each["road"] for each in receiver.events if each["event"] == "peerConnected"]


def start_rogue(
    world: World, host: Host, address: str, kind: str, port: int, *options: str | Path
) -> Filesend:
    """Start a place that means harm: tests/places/rogues.py."""
    arguments = (kind, address, str(port), *options)
    rogue = Filesend(arguments, world.environment, "tests.places.rogues", inside=host.inside)
    world.processes.append(rogue)
    rogue.wait_for_line("ready")
    return rogue
