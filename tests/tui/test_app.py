"""The app: start, bridge, commands that fail, and the end. Real app, scripted client."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from textual.widgets import Static

from filesend_tui.app import FileSendApp
from filesend_tui.core import events
from filesend_tui.core.errors import RelayUnreachable, UnknownCode
from filesend_tui.core.events import Direction, Leftover
from filesend_tui.screens.boxes.confirm import ConfirmScreen, QuitScreen
from filesend_tui.screens.boxes.help import HelpScreen
from filesend_tui.screens.pair import PairScreen
from filesend_tui.state.notices import exposed_login
from filesend_tui.widgets.bars.notice_bar import NoticeBar
from filesend_tui.widgets.bars.talk_bar import TalkHistory
from filesend_tui.widgets.bars.top_bar import TopBar
from filesend_tui.widgets.words import Words
from tests.tui.moments import ANA, FILM, asked, paired, receiving
from tests.tui.scripted import CODE, URL, ScriptedClient, ScriptedPlaces, Stage


async def nowhere(_: object) -> str:
    return URL


def notice(stage: Stage) -> str:
    """What the notice bar says; empty where it is hidden."""
    bar = stage.app.screen.query_one(NoticeBar)
    return str(bar.render()) if bar.display else ""


async def test_the_first_screen_does_not_wait_for_the_relay(stage: Stage) -> None:
    stage.relay = asyncio.Event()
    stage.stuck = {"relay"}
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        assert stage.app.current_mode == "pair"
        line = stage.app.screen.query_one("#relay-line", Static)
        assert "Looking for a relay" in str(line.render())
        assert stage.client.calls == []
        stage.relay.set()
        stage.stuck = set()
        await stage.settle(pilot)
        assert stage.client.calls == [("connect", URL), ("create_code",)]
        assert f"Relay: {URL}" in str(line.render())


async def test_what_an_earlier_run_left_is_looked_for_and_told(stage: Stage) -> None:
    async with stage.app.run_test(size=(120, 40)) as pilot:
        await stage.settle(pilot)
        assert [folder.name for folder in stage.client.tidied] == ["Downloads"]
        stage.client.stream.publish(
            Leftover(
                message="Removed what an earlier run left: 60 MB (film.mkv).",
                hint="It was /home/bob/.filesend-0123.part.",
                path="/home/bob/.filesend-0123.part",
                names=("film.mkv",),
                count=1,
                bytes=60_000_000,
                removed=True,
            )
        )
        await stage.settle(pilot)
        assert "60 MB (film.mkv)" in notice(stage)


async def test_the_first_screen_is_the_apps_before_anything_in_it_is_mounted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Python 3.12 on Textual mounts eagerly where it runs for people, and not in tests."""
    stacks: list[bool] = []
    register = FileSendApp._register

    def looked(app: FileSendApp, parent: object, *widgets: object, **how: object) -> object:
        if any(isinstance(each, PairScreen) for each in widgets):
            stacks.append(app.screen in widgets)
        return register(app, parent, *widgets, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(FileSendApp, "_register", looked)
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        assert stacks == [True]
        await pilot.press("t")
        await stage.settle(pilot)
        assert stage.app.current_mode == "transfers"
        await pilot.press("p")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, PairScreen)
    assert stacks == [True]


async def test_a_relay_that_is_not_there_is_told_and_tried_again(stage: Stage) -> None:
    stage.relay = RelayUnreachable("The relay does not answer.")
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        assert "The relay does not answer." in notice(stage)
        assert "filesend relay" in notice(stage)
        stage.relay = None
        await pilot.press("r")
        await stage.settle(pilot)
        assert stage.relay_calls == 2
        assert notice(stage) == ""
        assert stage.app.store.code is not None
        await pilot.press("r")  # connected: nothing to try again
        await stage.settle(pilot)
        assert stage.relay_calls == 2


async def test_when_the_relay_comes_back_there_is_a_new_code(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.Relay(state="lost", url=URL))
        assert "connection to the relay was lost" in notice(stage)
        assert stage.app.store.code is not None
        assert (stage.app.store.code.code, stage.app.store.code.gone) == ("", "relay")
        await stage.play(pilot, events.Relay(state="connected", url=URL))
        assert len(stage.client.named("create_code")) == 2


async def test_an_unexpected_exception_in_a_command_is_a_notice(stage: Stage) -> None:
    stage.client.fails["create_code"] = ZeroDivisionError("secret")
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        assert "Something in this program broke: ZeroDivisionError" in notice(stage)
        assert "secret" not in notice(stage)
        stage.client.fails.clear()
        await pilot.press("N")
        await stage.settle(pilot)
        assert stage.app.store.code is not None
        assert notice(stage) == ""  # what went wrong before went well now


async def test_what_is_to_be_known_at_first_is_shown_until_it_is_read(stage: Stage) -> None:
    stage.app._warning = exposed_login(Path("/home/ann/settings.toml"))
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        assert "can read the password in /home/ann/settings.toml" in notice(stage)
        assert "chmod 600 /home/ann/settings.toml" in notice(stage)
        await pilot.press("escape")
        assert notice(stage) == ""


async def test_escape_hides_a_notice(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.Error(code="x", message="Oh no.", hint="Do this."))
        assert "Oh no." in notice(stage)
        assert "Do this." in notice(stage)
        await pilot.press("escape")
        assert notice(stage) == ""


async def test_pairing_moves_on_to_choosing_and_says_who_is_here(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        assert stage.app.current_mode == "send"
        chosen = stage.app.screen.query_one("#chosen", Static)
        assert str(chosen.render()).startswith("Ana is here. Nothing chosen yet.")


async def test_one_partner_is_shown_and_whoever_else_pairs_is_beside(stage: Stage) -> None:
    first, second = events.SessionId("1" * 16), events.SessionId("2" * 16)
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, events.of_session(paired(), first))
        await stage.play(pilot, events.of_session(paired("Bob"), second))
        assert stage.client.named("leave") == []
        assert "Bob is here, too." in notice(stage)
        hers = events.Message(session=second, partner="Bob", text="hello?")
        for event in (hers, *asked("r1", partner="Bob")):
            await stage.play(pilot, events.of_session(event, second))
        store = stage.app.store
        assert [line.who for line in store.talk] == ["Bob"]
        assert [row.session for row in store.requests] == [second]
        await stage.play(pilot, events.PartnerGone(session=second, partner="Bob", reason="left"))
        assert (store.partner, store.session) == (ANA, first)
        stranger = events.Message(session=events.SessionId("3" * 16), partner="X", text="hi")
        await stage.play(pilot, stranger)
        assert [line.who for line in store.talk] == ["Bob"], "of a session nobody has, nothing"
        await pilot.press("m")
        await pilot.press(*"hi", "enter")
        await stage.settle(pilot)
        assert stage.client.named("say") == [("hi",)]
        assert stage.client.meant == [first]


@pytest.mark.parametrize("reason", ["left", "lost"])
async def test_a_partner_who_is_gone_is_told_and_a_new_code_is_ready(
    stage: Stage, reason: str
) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), events.PartnerGone(partner=ANA, reason=reason))
        assert ANA in notice(stage)
        assert "Press p to pair again." in notice(stage)
        await pilot.press("p")
        await stage.settle(pilot)
        assert stage.app.store.code is not None
        assert stage.app.store.code.code == CODE


async def test_disconnecting_leaves_and_says_so(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("D")  # nobody is there yet
        assert stage.client.named("leave") == []
        await stage.play(pilot, paired())
        await pilot.press("d")  # that is a no to files, and nobody asks
        await stage.settle(pilot)
        assert stage.client.named("leave") == []
        await pilot.press("D")
        await stage.settle(pilot)
        assert stage.client.named("leave") == [()]
        assert stage.app.store.partner is None
        assert "You disconnected from Ana." in notice(stage)


@pytest.mark.parametrize("key", ["n", "escape", "y", "d", "s", "equals_sign", "exclamation_mark"])
async def test_words_are_compared_and_different_ones_end_it(key: str, stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("t", "v")  # nobody is there yet
        assert not isinstance(stage.app.screen, ConfirmScreen)
        await stage.play(pilot, paired())
        await pilot.press("t", "v")
        assert isinstance(stage.app.screen, ConfirmScreen)
        await pilot.press(key)
        await stage.settle(pilot)
        different = key == "exclamation_mark"
        assert stage.client.named("leave") == ([()] if different else [])
        assert len(stage.client.named("say")) == different
        assert (stage.app.store.partner is None) is different


async def test_keys_go_to_the_places(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        for key, mode in (("s", "send"), ("t", "transfers"), ("p", "pair")):
            await pilot.press(key)
            assert stage.app.current_mode == mode


async def test_a_click_on_a_place_goes_there(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.click(TopBar, offset=(22, 0))
        assert stage.app.current_mode == "send"


async def test_help_opens_and_closes(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("question_mark")
        assert isinstance(stage.app.screen, HelpScreen)
        await pilot.press("escape")
        assert not isinstance(stage.app.screen, HelpScreen)


async def test_the_palette_knows_the_commands(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired())
        titles = [each.title for each in stage.app.named_actions(stage.app.screen)]
        assert titles[0] == "Send (S)"  # what the place has, which is Send, comes first
        assert {"Pair (p)", "Send files (s)", "Disconnect (D)", "Help (?)", "Quit (q)"} <= {*titles}


# -- the end


async def test_quit_goes_at_once_when_nothing_runs(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("q")
        await asyncio.wait_for(stage.client.destroyed.wait(), 5)
    assert stage.client.named("destroy") == [()]


async def test_quit_asks_while_something_runs(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), *receiving("r1"))
        await pilot.press("q")
        assert isinstance(stage.app.screen, ConfirmScreen)
        await pilot.press("enter")  # the safe answer has the keys
        assert not isinstance(stage.app.screen, ConfirmScreen)
        assert stage.client.named("destroy") == []
        await pilot.press("ctrl+q")
        await pilot.press("y")
        await asyncio.wait_for(stage.client.destroyed.wait(), 5)
    assert stage.client.named("destroy") == [()]
    assert stage.client.kept, "a yes to quitting gives up nothing"


@pytest.mark.parametrize("by", ["key", "click"])
async def test_quitting_cancels_what_runs_only_where_that_is_asked_for(
    stage: Stage, by: str
) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), *receiving("r1"))
        await pilot.press("q")
        assert isinstance(stage.app.screen, QuitScreen)
        if by == "key":
            await pilot.press("x")
        else:
            await pilot.click("#cancel")
        await asyncio.wait_for(stage.client.destroyed.wait(), 5)
    assert stage.client.named("destroy") == [()]
    assert not stage.client.kept


async def test_a_key_typed_ahead_cancels_nothing(stage: Stage) -> None:
    stage.app.settling.seconds = 5.0
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(pilot, paired(), *receiving("r1"))
        await stage.app.action_quit()
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, QuitScreen)
        await pilot.press("x", "y")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, QuitScreen)
        assert stage.client.named("destroy") == []


async def test_the_client_is_destroyed_however_the_app_ends(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.app.exit()
    assert stage.client.named("destroy") == [()]
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert others == []


async def test_the_client_is_destroyed_when_a_screen_crashes(stage: Stage) -> None:
    class Broken(Exception):
        pass

    def crash() -> None:
        raise Broken

    with pytest.raises(Broken):
        async with stage.app.run_test() as pilot:
            await stage.settle(pilot)
            stage.app.call_later(crash)
            await pilot.pause()
    assert stage.client.named("destroy") == [()]


@pytest.mark.skipif(os.name == "nt", reason="no such signal there")
async def test_a_hang_up_ends_the_app_cleanly(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(stage.client.destroyed.wait(), 5)
    assert stage.client.named("destroy") == [()]


async def test_a_client_that_fails_to_end_does_not_keep_the_app(stage: Stage) -> None:
    stage.client.fails["destroy"] = RuntimeError("stuck")
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("q")
    assert stage.client.named("destroy") == [()]


# -- drawing


async def test_the_store_is_drawn_at_most_as_often_as_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.app._period = 30.0
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        drawn: list[int] = []
        stage.app.store.rows.clear()
        screen = stage.app.screen
        monkeypatch.setattr(screen, "draw", lambda: drawn.append(1))
        for number in range(50):
            stage.client.stream.publish(events.Message(partner=ANA, text=str(number)))
        while len(stage.app.store.talk) < 50:
            await pilot.pause()
        assert drawn == []  # the period since the last draw is not over


@pytest.mark.parametrize(
    ("environment", "rate"), [({}, 4), ({"SSH_TTY": "/dev/pts/1"}, 2), ({"SSH_CONNECTION": "x"}, 2)]
)
def test_over_ssh_it_draws_half_as_often(
    home: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], rate: int
) -> None:
    for name in ("SSH_TTY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app = FileSendApp(ScriptedClient, places=ScriptedPlaces(nowhere), output=home)
    assert app._period == 1 / rate


@pytest.mark.parametrize(("key", "used"), [("y", True), ("n", False), ("enter", False)])
async def test_a_relay_of_somebody_else_is_asked_about(stage: Stage, key: str, used: bool) -> None:
    stage.whose = "The relay on port 8421 of this machine is run by uid 1001."
    stage.stuck.add("relay")  # it waits for the answer
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, ConfirmScreen)
        assert "uid 1001" in str(stage.app.screen.query_one("#question", Words).content)
        assert stage.client.named("connect") == []
        await pilot.press(key)
        stage.stuck.clear()
        await stage.settle(pilot)
        assert stage.trusts == [used]
        assert not isinstance(stage.app.screen, ConfirmScreen)


async def test_ctrl_c_ends_a_start(stage: Stage) -> None:
    stage.relay = asyncio.Event()
    stage.stuck.add("relay")
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("ctrl+c")
        await asyncio.wait_for(stage.client.destroyed.wait(), 10)
    assert stage.app.return_code == 130


async def test_ctrl_c_does_not_end_what_has_started(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press("ctrl+c")
        await stage.settle(pilot)
        assert not stage.client.destroyed.is_set()
        assert not stage.app._leaving


async def test_a_failed_join_names_what_to_do(stage: Stage) -> None:
    stage.client.fails["join"] = UnknownCode("No code with this number is open.")
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await pilot.press(*"9-acorn-acid", "enter")
        await stage.settle(pilot)
        assert stage.client.named("join") == [("9-acorn-acid",)]
        assert "No code with this number is open." in notice(stage)
        assert "same relay" in notice(stage)


async def test_names_from_the_partner_are_never_markup(stage: Stage) -> None:
    evil = "[@click=app.quit]Ana[/][red]"
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        await stage.play(
            pilot,
            paired(evil),
            *asked("s1", FILM, Direction.SEND, evil),
            events.Message(partner=evil, text="[bold]hi[/] [nonsense"),
            events.Error(code="x", message=f"{evil} broke [/]", hint="[b"),
        )
        assert evil in notice(stage)
        await pilot.press("m")
        assert (
            "[bold]hi[/] [nonsense" in stage.app.screen.query_one(TalkHistory).render_line(0).text
        )
        await stage.play(pilot, events.PartnerGone(partner=evil, reason="left"))
        assert evil in notice(stage)


async def test_a_timer_that_is_due_while_the_screens_go_does_no_harm(stage: Stage) -> None:
    async with stage.app.run_test() as pilot:
        await stage.settle(pilot)
        stage.app.exit()
    assert not stage.app._screen_stack
    stage.app._sample()
    stage.app._draw()
