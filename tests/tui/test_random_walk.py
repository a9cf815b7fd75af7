"""The whole of the screens, driven at random: nothing is raised, and no transfer is lost.

Keys, pastes, clicks, the wheel and sizes come in any order, and so does news from the core. Nobody
says yes to a question that ends something; short of that, no key may end a transfer.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from filesend_tui.app import FileSendApp
from filesend_tui.core import events
from filesend_tui.core.client import Client
from filesend_tui.core.config import ClientConfig
from filesend_tui.core.events import Direction, Event, TransferPhase
from filesend_tui.runtime.event_loop import on_loop_error
from tests.conftest import RunningRelay
from tests.core.test_client import Person
from tests.tui import moments, walking
from tests.tui.scripted import CODE, ScriptedPlaces, Stage
from tests.tui.walking import KEYS, PASTES, SIZES, Click, Key, Move, Paste, Resize, Wheel

FUZZ = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"

fractions = st.floats(0, 1)
moves = st.one_of(
    st.sampled_from(KEYS).map(Key),
    st.sampled_from(KEYS).map(Key),
    st.sampled_from(PASTES).map(Paste),
    st.builds(Click, fractions, fractions, st.integers(1, 3)),
    st.builds(Wheel, fractions, fractions, st.booleans()),
    st.sampled_from(SIZES).map(lambda size: Resize(*size)),
    st.builds(Resize, st.integers(1, 300), st.integers(1, 100)),
)

#: What may come from the core at any moment. The transfers "in" and "out" never end by it.
NEWS: dict[str, Callable[[], list[Event]]] = {
    "asked": lambda: moments.asked("new"),
    "asked for one": lambda: moments.asked("one", moments.FILM),
    "taken back": lambda: [moments.phase("new", TransferPhase.CANCELLED, reason="why")],
    "done": lambda: [
        *moments.receiving("done"),
        moments.phase("done", TransferPhase.DONE),
    ],
    "failed": lambda: [
        *moments.sending("failed"),
        moments.phase("failed", TransferPhase.FAILED, Direction.SEND, "the disk is full"),
    ],
    "declined": lambda: [
        *moments.asked("no", direction=Direction.SEND),
        moments.phase("no", TransferPhase.DECLINED, Direction.SEND),
    ],
    "figures": lambda: moments.receiving("in")[5:],
    "a line": lambda: [events.Message(partner=moments.ANA, text="look: https://x [b]y")],
    "relay lost": lambda: [events.Relay(state="lost", url="http://r")],
    "relay back": lambda: [events.Relay(state="connected", url="http://r")],
    "a code": lambda: [events.Code(code=CODE, expires_seconds=600)],
    "code gone": lambda: [events.CodeGone(reason="burned")],
    "an error": lambda: [events.Error(code="noSpace", message="Full.", hint="Free some room.")],
    "partner gone": lambda: [events.PartnerGone(partner=moments.ANA, reason="lost")],
    "paired": lambda: [moments.paired()],
}
steps = st.one_of(
    moves,
    moves,
    moves,
    st.sampled_from(sorted(NEWS)),
    st.floats(0.1, 700).map(lambda seconds: round(seconds, 1)),
)


async def walk(stage: Stage, path: list[Move | str | float], size: tuple[int, int]) -> None:
    """Go a way from where two transfers run; whatever happens, they run on."""
    with walking.nothing_raised():
        async with stage.app.run_test(size=size) as pilot:
            await stage.settle(pilot)
            running = [*moments.receiving("in"), *moments.sending("out")]
            await stage.play(pilot, moments.paired(), *running)
            for step in path:
                async with asyncio.timeout(60):  # who waits for an app that broke waits for ever
                    if isinstance(step, str):
                        await stage.play(pilot, *NEWS[step]())
                    elif isinstance(step, float):
                        await stage.later(pilot, step)
                    else:
                        await walking.make(pilot, step)
                if stage.app._exception is not None:
                    raise stage.app._exception
                assert stage.app._exit is False, "the app ended"
            await pilot.pause()
            for ending in ("cancel", "leave", "destroy", "remove"):
                assert stage.client.named(ending) == [], f"{ending}, and nobody said yes"
            still = {row.id for row in stage.app.store.running}
            assert {"in", "out"} <= still


#: A walk takes fifteen seconds, most of them waiting: a minute, and ten in `make fuzz`.
@pytest.mark.fuzz
@settings(
    max_examples=14 if FUZZ else 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    # To make a walk smaller takes longer than to read it.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
)
@given(path=st.lists(steps, min_size=40, max_size=70), size=st.sampled_from(SIZES))
def test_nothing_is_raised_and_no_transfer_is_lost(
    home: Path,
    disk: dict[str, int],
    path: list[Move | str | float],
    size: tuple[int, int],
) -> None:
    asyncio.run(walk(Stage(home, disk), path, size))


def drawn(chance: random.Random) -> Move:
    """Draw a move; sizes that hide everything come seldom, as nothing would be reached there."""
    match chance.choices(["key", "paste", "click", "wheel", "size"], [12, 1, 3, 1, 1])[0]:
        case "key":
            return Key(chance.choice(KEYS))
        case "paste":
            return Paste(chance.choice(PASTES))
        case "click":
            return Click(chance.random(), chance.random(), chance.randint(1, 2))
        case "wheel":
            return Wheel(chance.random(), chance.random(), chance.random() < 0.5)
    return Resize(*chance.choice(SIZES[3:]))


#: Bytes each way, and how many of them a second: ten seconds of any keys.
SIZE = 3_000_000
RATE = 300_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12 if FUZZ else 2))
async def test_a_real_transfer_each_way_goes_on_under_any_keys(
    relay: RunningRelay, home: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    sent = {name: chance.randbytes(SIZE) for name in ("to-bob.bin", "to-ann.bin")}
    for name, content in sent.items():
        (tmp_path / name).write_bytes(content)
    bob = Person("Bob", tmp_path / "bob", upload_limit=RATE)
    made: list[Client] = []

    def client() -> Client:
        config = ClientConfig(name="Ann", output=tmp_path / "ann", upload_limit=RATE)
        made.append(Client(config))
        return made[0]

    async def found(*_: object) -> str:
        return relay.url

    asyncio.get_running_loop().set_exception_handler(on_loop_error)  # as on the loop of a real run
    app = FileSendApp(client, places=ScriptedPlaces(found), output=tmp_path / "ann", start=home)
    with walking.nothing_raised():
        async with app.run_test(size=(100, 30)) as pilot:
            try:
                await bob.client.connect(relay.url)
                while app.store.code is None:
                    await pilot.pause(0.05)
                code = await bob.client.create_code()
                await made[0].join(code)
                async with asyncio.timeout(60):
                    mine = await made[0].request([tmp_path / "to-bob.bin"])
                    await bob.until(lambda: bob.of(events.FileRequest, transfer=mine))
                    await bob.client.answer(mine, [True])
                    theirs = await bob.client.request([tmp_path / "to-ann.bin"])
                    while not app.store.requests:
                        await pilot.pause(0.05)
                    await made[0].answer(theirs, [True], output=tmp_path / "ann")
                async with asyncio.timeout(120):
                    while any(row.id in (mine, theirs) for row in app.store.running):
                        await walking.make(pilot, drawn(chance))
                        for asked in bob.of(events.FileRequest, direction=Direction.RECEIVE):
                            phase = bob.of(events.TransferState, transfer=asked.transfer)[-1].phase
                            if asked.transfer != mine and phase is TransferPhase.ASKED:
                                await bob.client.answer(asked.transfer, [False] * len(asked.files))
                ends = {row.id: row.phase for row in app.store.transfers}
                assert ends[mine] is ends[theirs] is TransferPhase.DONE
            finally:
                await bob.client.destroy()
    assert (tmp_path / "bob" / "to-bob.bin").read_bytes() == sent["to-bob.bin"]
    assert (tmp_path / "ann" / "to-ann.bin").read_bytes() == sent["to-ann.bin"]
