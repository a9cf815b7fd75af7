"""The app: the one bridge between the Client and the screens.

A key becomes a command on the Client; the Client's frozen events come back through `_listen` as
Textual messages, go into the store, and the store is drawn a few times a second. Nothing about
transfers is decided here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import events as textual_events
from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from filesend_tui.core import events
from filesend_tui.core.errors import FileSendError
from filesend_tui.door import ClientDoor
from filesend_tui.ending import EndingSignals
from filesend_tui.faults import SteadyApp
from filesend_tui.link import ClientLink, guarded
from filesend_tui.notices import (
    DIFFERENT_WORDS,
    SCREEN_FAULT,
    comparing_question,
    ending_question,
)
from filesend_tui.open_share import seed_at_relay
from filesend_tui.screens import commands
from filesend_tui.screens.base import PlaceScreen, RequestScreen
from filesend_tui.screens.confirm import CompareScreen, ConfirmScreen
from filesend_tui.screens.pair import PairScreen
from filesend_tui.store import SHARING, Store
from filesend_tui.theme import THEMES
from filesend_tui.views import Level, ShareRow
from filesend_tui.widgets.top_bar import Place

#: Seconds after the last key in which no request pops up: somebody is typing.
TYPING: Final = 1.0


@dataclass
class CoreEvent(Message):
    """An event of the core, as a message."""

    event: events.Event


class FileSendApp(SteadyApp):
    """FileSend in a terminal.

    Args:
        client: Makes the Client; called once, on the app's event loop, after the first paint.
        relay: Finds or starts a relay and returns its URL; called again at each retry.
        output: Where received files go unless the person says otherwise.
        start: The folder the picker opens in; the current one where None.
        draws_per_second: How often the store is drawn at most; None: 4, over SSH 2.
        complete: Completions of a code that was begun, best first; None: the word list's.
        clock: Seconds, monotonic.
    """

    TITLE = "FileSend"
    DEFAULT_MODE = "pair"
    CSS_PATH = "app.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012 - as Textual types it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "go('pair')", "Pair", show=False),
        Binding("s", "go('send')", "Send", show=False),
        Binding("t", "go('transfers')", "Transfers", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        client: Callable[[], ClientDoor],
        *,
        relay: Callable[[], Awaitable[str]],
        output: Path,
        start: Path | None = None,
        draws_per_second: float | None = None,
        complete: Callable[[str], Sequence[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._link = ClientLink(client, relay)
        self._output = output
        self._complete = complete
        self._clock = clock
        over_ssh = "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ
        self._period = 1 / (draws_per_second or (2 if over_ssh else 4))
        self._draw_timer: Timer | None = None
        self._offer_timer: Timer | None = None
        self._drawn_at = float("-inf")
        self._key_at = float("-inf")
        self._leaving = False
        self._refused = False
        self._signals: EndingSignals | None = None
        self.store = Store()
        folder = start or Path.cwd()
        self.add_mode("send", lambda: self._send_screen(folder))
        self.add_mode("transfers", self._transfers_screen)
        for theme in THEMES:
            self.register_theme(theme)
        # Before Textual looks at it first: later, all styles would be worked out once more.
        self.set_reactive(App.theme, THEMES[0].name)

    def get_default_screen(self) -> Screen[None]:
        """Return the first screen: where people pair."""
        # Not from a mode: with eager tasks, which Textual has from Python 3.12 on, Textual mounts
        # that before it is the app's screen, and an Input asks for this. A mode only to come back.
        screen = PairScreen(self.store, self._clock, self._completions)
        self.add_mode("pair", lambda: screen)
        return screen

    # -- places that nobody sees first, and that are not loaded before

    def _send_screen(self, folder: Path) -> Screen[None]:
        from filesend_tui.screens.send import SendScreen

        return SendScreen(self.store, self._clock, folder)

    def _transfers_screen(self) -> Screen[None]:
        from filesend_tui.screens.transfers import TransfersScreen

        return TransfersScreen(self.store, self._clock)

    # -- start and end

    def on_mount(self) -> None:
        """Show the first screen; everything slow comes after it is drawn."""
        self.refresh_css()  # Textual does so for the screens of modes, and not for the first
        self.set_interval(1.01, self._sample)
        self._signals = EndingSignals(self._leave, terminal=not self.is_headless)
        self.call_after_refresh(self.action_retry)

    async def on_unmount(self) -> None:
        """Whatever ended the app, the Client is destroyed before the loop is."""
        await self._link.close()
        if self._signals is not None:
            self._signals.close()

    def _leave(self) -> None:
        if not self._leaving:
            self._leaving = True
            self.store.tell(Level.INFO, "Closing…")
            self._draw()
            self.run_worker(self._farewell(), name="farewell", exit_on_error=False)

    async def _farewell(self) -> None:
        await self._link.close()
        self.exit()

    # -- faults of the screens

    @property
    def steady(self) -> bool:
        """Whether a fault of the screens would end what the Client does."""
        return super().steady and self._link.is_open

    def fault_seen(self) -> None:
        """Say that something of the screens is broken, and what is not."""
        self.store.notice = SCREEN_FAULT
        self._draw_soon()

    # -- the bridge: events in, messages out, store, screens

    async def _listen(self) -> None:
        await self._link.listen(lambda event: self.post_message(CoreEvent(event)))

    @on(CoreEvent)
    def _take_in(self, message: CoreEvent) -> None:
        event = message.event
        self.store.apply(event, self._clock())
        match event:
            case events.Paired():
                self._go("transfers")
            case events.PartnerGone() | events.Relay() | events.CodeGone():
                self._want_code()
            case events.FileRequest(direction=events.Direction.RECEIVE):
                self.bell()
            case events.ClientDestroyed(reason=reason) if reason and not self._leaving:
                self._fail(FileSendError(reason, "Quit with q and start again."))
        self._draw_soon()

    def _draw_soon(self) -> None:
        """Draw at once, or as soon as the period since the last time is over."""
        if self._draw_timer is not None:
            return
        wait = self._drawn_at + self._period - time.monotonic()
        if wait <= 0:
            self._draw()
        else:
            self._draw_timer = self.set_timer(wait, self._draw)

    def _draw(self) -> None:
        if self._draw_timer is not None:
            self._draw_timer.stop()
            self._draw_timer = None
        self._drawn_at = time.monotonic()
        for screen in self.screen_stack:
            if isinstance(screen, PlaceScreen | RequestScreen):
                with self.steadily():
                    screen.draw()
        self._offer_request()

    def _sample(self) -> None:
        self.store.sample(self._clock())
        if self.store.running or self.store.open_shares:
            self._draw_soon()

    # -- requests pop up one after another, and never under somebody's fingers

    async def on_event(self, event: textual_events.Event) -> None:
        """Note when the last key was pressed, and let the screen see it before it is dealt out.

        A terminal may deliver many keys at once; all are dealt out before a screen handles one.
        """
        if isinstance(event, textual_events.Key):
            self._key_at = self._clock()
            top = self.screen_stack[-1] if self.screen_stack else None
            if isinstance(top, PlaceScreen):
                top.expect_key(event)
        await super().on_event(event)

    def _offer_request(self) -> None:
        requests = self.store.requests
        if not requests or self._leaving:
            return
        if any(isinstance(screen, RequestScreen) for screen in self.screen_stack):
            return
        wait = self._key_at + TYPING - self._clock()
        if wait > 0:
            if self._offer_timer is None:
                self._offer_timer = self.set_timer(wait, self._offer_later)
            return
        from filesend_tui.screens.approval import ApprovalScreen

        screen = ApprovalScreen(self.store, self._clock, requests[0], self._output)
        self.push_screen(screen, self._next_request)

    def _offer_later(self) -> None:
        self._offer_timer = None
        self._offer_request()

    def _next_request(self, _: None) -> None:
        self.call_later(self._offer_request)

    # -- commands

    def _run(self, what: str, work: Awaitable[None]) -> None:
        """Run a command in a worker; `what` is marked busy, failures become a notice."""
        self.run_worker(self._guarded(what, work), name=what, exit_on_error=False)

    async def _guarded(self, what: str, work: Awaitable[None]) -> None:
        try:
            with self.store.doing(what):
                self._draw_soon()
                error = await guarded(work)
            if error is not None:
                self._fail(error)
        finally:
            self._draw_soon()

    def _fail(self, error: FileSendError) -> None:
        failed = events.Error(code=error.code, message=error.message, hint=error.hint)
        self.store.apply(failed, self._clock())

    async def _connect(self) -> None:
        self.store.apply(events.Relay(state="connecting", url=""), self._clock())
        self._draw_soon()
        if self._link.open():
            self.run_worker(self._listen(), name="events", exit_on_error=False)
        await self._link.connect()

    def _want_code(self) -> None:
        """Alone at a relay without a code: ask for one."""
        code = self.store.code
        # A code that was given up for another person's is missed only where that one was refused.
        if self.store.wants_code and (code is None or code.gone != "joined" or self._refused):
            self._new_code()

    @on(commands.NewCode)
    def _new_code(self) -> None:
        if "code" not in self.store.busy:
            self._run("code", self._link.do(lambda client: client.create_code()))

    @on(commands.JoinCode)
    def _join(self, message: commands.JoinCode) -> None:
        if "join" not in self.store.busy:
            self.store.dismiss()
            self._run("join", self._pair_by(message.code))

    async def _pair_by(self, code: str) -> None:
        self._refused = False
        try:
            await self._link.do(lambda client: client.join(code))
        except Exception:
            self._refused = True
            self.call_later(self._want_code)
            raise

    @on(commands.SendPaths)
    def _send(self, message: commands.SendPaths) -> None:
        self._run("request", self._request(message.paths))
        self._go("transfers")

    async def _request(self, paths: tuple[Path, ...]) -> None:
        async def request(client: ClientDoor) -> None:
            self.store.remember_paths(await client.request(paths), paths)

        await self._link.do(request)

    @on(commands.SharePaths)
    def _share(self, message: commands.SharePaths) -> None:
        if SHARING not in self.store.busy:
            url = self.store.relay.url
            self._run(
                SHARING, self._link.do(lambda client: seed_at_relay(client, url, message.paths))
            )
            self._go("transfers")

    @on(commands.StopShare)
    def _stop_share(self, message: commands.StopShare) -> None:
        if message.torrent:
            self._run("stop", self._link.do(lambda client: client.remove(message.torrent)))
            return
        for worker in self.workers:
            if worker.name == SHARING:
                worker.cancel()  # the torrent is still being made: that ends with the command

    @on(commands.AnswerRequest)
    def _answer(self, message: commands.AnswerRequest) -> None:
        async def answer(client: ClientDoor) -> None:
            try:
                await client.answer(message.transfer, message.accepted, output=message.folder)
            except FileSendError as error:
                for screen in self.screen_stack:
                    if isinstance(screen, RequestScreen):
                        screen.refuse(error)
                raise

        self._output = message.folder if any(message.accepted) else self._output
        self._run(f"answer {message.transfer}", self._link.do(answer))

    @on(commands.CancelTransfer)
    def _cancel(self, message: commands.CancelTransfer) -> None:
        self._run("cancel", self._link.do(lambda client: client.cancel(message.transfer)))

    @on(commands.SayLine)
    def _say(self, message: commands.SayLine) -> None:
        self._run("say", self._link.do(lambda client: client.say(message.text)))

    @on(Place.Picked)
    def _picked(self, message: Place.Picked) -> None:
        self._go(message.mode)

    def _go(self, mode: str) -> None:
        if self.current_mode != mode and not isinstance(self.screen, RequestScreen):
            self.switch_mode(mode)

    # -- actions

    def action_go(self, mode: str) -> None:
        """Go to a place."""
        self._go(mode)

    def action_retry(self) -> None:
        """Look for the relay (again) and connect to it."""
        if "relay" not in self.store.busy:
            self.store.dismiss()
            self._run("relay", self._connect())

    def action_dismiss(self) -> None:
        """Hide the notice."""
        self.store.dismiss()
        self._draw()

    def action_help(self) -> None:
        """Show the keys."""
        from filesend_tui.screens.help import HelpScreen

        self.push_screen(HelpScreen())

    def action_verify(self) -> None:
        """Show the words that tell whether somebody is in between."""
        words, partner = self._link.verification, self.store.partner
        if words is None or partner is None:
            return
        self.push_screen(
            CompareScreen(*comparing_question(words, partner)),
            lambda different: self._run("leave", self._mistrust()) if different else None,
        )

    async def _mistrust(self) -> None:
        await self._link.do(lambda client: client.say(DIFFERENT_WORDS))
        await self._leave_partner()

    def action_disconnect(self) -> None:
        """End the pairing; asks while something runs."""
        self._ask_if_running("Disconnect", (), lambda: self._run("leave", self._leave_partner()))

    async def _leave_partner(self) -> None:
        await self._link.do(lambda client: client.leave())
        if self.store.partner is not None:
            gone = events.PartnerGone(partner=self.store.partner, reason="self")
            self.post_message(CoreEvent(gone))

    async def action_quit(self) -> None:
        """End the app; asks while something runs."""
        if not isinstance(self.screen, ConfirmScreen):
            self._ask_if_running("Quit", self.store.open_shares, self._leave)

    def _ask_if_running(
        self, verb: str, shares: Sequence[ShareRow], then: Callable[[], None]
    ) -> None:
        """Ask where transfers run, or these shares would end with it; then do it."""
        question = ending_question(verb, self.store.running, shares)
        if question is None:
            then()
            return
        self.push_screen(
            ConfirmScreen(*question, yes=verb, no="Stay"),
            lambda answer: then() if answer else None,
        )

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer only what makes sense now."""
        match action:
            case "retry":
                return self.store.relay.state in {"lost", "closed"}
            case "disconnect" | "verify":
                return self.store.partner is not None
            case _:
                return True

    def get_system_commands(
        self,
        screen: Screen[object],  # noqa: ARG002 - Textual's signature
    ) -> Iterable[SystemCommand]:
        """Name the app's commands for the palette."""
        yield SystemCommand("Pair", "Your code, and a field for theirs", lambda: self._go("pair"))
        yield SystemCommand("Send files", "Choose what to send", lambda: self._go("send"))
        yield SystemCommand(
            "Transfers", "What goes out and comes in", lambda: self._go("transfers")
        )
        yield SystemCommand("New code", "Ask the relay for another code", self._new_code)
        if self.store.relay.state in {"lost", "closed"}:
            yield SystemCommand("Try the relay again", "Connect again", self.action_retry)
        if self.store.partner is not None:
            yield SystemCommand("Disconnect", "End this pairing", self.action_disconnect)
            yield SystemCommand("Verify", "Words to compare with them", self.action_verify)
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)
        yield SystemCommand("Help", "The keys on one page", self.action_help)
        yield SystemCommand("Quit", "Leave FileSend", self.action_quit)

    def _completions(self, prefix: str) -> Sequence[str]:
        if self._complete is None:
            from filesend_tui.core.people.code import complete  # late: reads a word list

            self._complete = complete
        return self._complete(prefix)
