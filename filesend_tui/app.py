"""The app: the one bridge between the Client and the screens.

A key becomes a command on the Client. The Client's frozen events come back through `_listen` in
batches, one Textual message a batch, and are applied to the store, which is drawn a few times a
second: however many events are queued, a key waits for one batch at most. Nothing about transfers
is decided here.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import events as textual_events
from textual import on
from textual.actions import parse
from textual.app import App
from textual.binding import BindingType
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.widgets import Input

from filesend_tui.core import events
from filesend_tui.core.checks import (
    complete_code,
    place_in,
    read_link,
    relay_address,
    split_place,
)
from filesend_tui.core.config import default_folder
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import FileSendError
from filesend_tui.core.events import SessionId, TransferId
from filesend_tui.keyed_app import KeyedApp
from filesend_tui.keys import TABLE, WITHIN, shown
from filesend_tui.runtime.client_api import ClientApi
from filesend_tui.runtime.client_handle import ClientHandle, HandedOver, RunPlaces, guarded
from filesend_tui.runtime.going_on import begin, by_relay
from filesend_tui.runtime.known_people import KnownPeople
from filesend_tui.runtime.near_people import NearPeople
from filesend_tui.runtime.outgoing import Outgoing
from filesend_tui.runtime.terminal_news import TerminalNews
from filesend_tui.runtime.terminal_signals import INTERRUPTED, TerminalSignals
from filesend_tui.screens import commands
from filesend_tui.screens.base import PlaceScreen
from filesend_tui.screens.boxes.box import BoxEnd, BoxScreen, LiveBox, RequestScreen
from filesend_tui.screens.boxes.confirm import CompareScreen, ConfirmScreen, QuitScreen
from filesend_tui.screens.pair import PairScreen
from filesend_tui.settings.preferences import Preferences
from filesend_tui.state.notices import (
    DIFFERENT_WORDS,
    RELAY_OF_ANOTHER,
    SCREEN_FAULT,
    asks_nearby,
    at_another_relay,
    comparing_question,
    ending_question,
    limited,
    quitting_question,
    unsent_question,
    waits_for,
)
from filesend_tui.state.people import remembering
from filesend_tui.state.people.everybody import Person
from filesend_tui.state.settling import SETTLE
from filesend_tui.state.store import REQUESTING, SHARING, Store
from filesend_tui.state.unfinished import idle
from filesend_tui.state.views import Level, Notice
from filesend_tui.steady_app import SteadyApp
from filesend_tui.system.file_manager import path_of
from filesend_tui.theme import THEMES
from filesend_tui.widgets.bars.request_bar import RequestBar
from filesend_tui.widgets.bars.top_bar import Place
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.picker.dropped import looks_like_paths

if TYPE_CHECKING:
    from textual.command import Provider

    from filesend_tui.screens.palette import NamedAction
    from filesend_tui.state.request_choice import RequestChoice

#: Actions left out of the palette: opening the palette itself, and `dismiss`.
_NOT_BY_NAME: Final = frozenset({"command_palette", "dismiss"})
_PLACES: Final = ("pair", "send", "transfers")
#: Entries of the history that are shown.
_MOST_HISTORY: Final = 10_000
#: The mode of all places but `pair`.
_WORK: Final = "work"


def _actions() -> type[Provider]:
    from filesend_tui.screens.palette import Actions  # late: not on the first screen

    return Actions


@dataclass
class News(Message):
    """A batch of the core's events, as a message. heard: set once they are in the store."""

    events: Sequence[events.Event]
    heard: asyncio.Event


class FileSendApp(KeyedApp, SteadyApp):
    """FileSend in a terminal.

    Args:
        client: Makes the Client; called once, on the app's event loop, after the first paint.
        places: Where people are met; opened again at each retry.
        output: The folder for received files unless the person chooses another.
        warning: Shown at first; None for nothing.
        preferences: The settings the screens can change; None: changes are not saved.
        state: The folder for what is remembered; None: this system's default.
        finishes: Where the terminal goes away, what is under way goes on: `ended` has it.
        start: The folder the picker opens in; None: the current one.
        resume: Go on with what is unfinished once there is a relay, without being asked to.
        draws_per_second: The most draws of the store a second; None: 4, over SSH 2.
        complete: Completions of a partly typed code, best first; None: the word list's.
        clock: Seconds, monotonic.
        time_of_day: The time shown beside lines and notices.
        settle: Seconds without a key before keys count on content that appeared by itself.
        notifies: The terminal is told of requests, messages and ends, and of progress.
        awake: Told whether the machine has to stay awake.
        visible: See who is nearby and be seen, from the start; None: the network is left alone.
    """

    TITLE = "FileSend"
    DEFAULT_MODE = "pair"
    CSS_PATH = "app.tcss"
    COMMANDS = {_actions}  # noqa: RUF012 - as Textual types it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012 - as Textual types it
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")

    def __init__(
        self,
        client: Callable[[], ClientApi],
        *,
        places: RunPlaces,
        output: Path,
        warning: Notice | None = None,
        state: Path | None = None,
        finishes: bool = True,
        preferences: Preferences | None = None,
        start: Path | None = None,
        resume: bool = False,
        draws_per_second: float | None = None,
        complete: Callable[[str], Sequence[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        time_of_day: Callable[[], str] = lambda: time.strftime("%H:%M"),
        settle: float = SETTLE,
        notifies: bool = False,
        awake: Callable[[bool], object] = lambda _: None,
        visible: bool | None = None,
    ) -> None:
        super().__init__(clock, settle)
        self._client = ClientHandle(client, places, self._ask_about_relay, awake)
        self._meet_at = places
        self._was_wide = False
        places.told = self._tell_wide
        self._output = output
        self._warning = warning
        self._preferences = preferences or Preferences()
        self._state = state
        self._finishes = finishes
        self._handed_over: HandedOver | None = None
        self._complete = complete
        self._resume = resume
        #: Done once there is a relay.
        self._then: Callable[[ClientApi], Awaitable[None]] | None = None
        over_ssh = "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ
        self._period = 1 / (draws_per_second or (2 if over_ssh else 4))
        self._draw_timer: Timer | None = None
        self._drawn_at = float("-inf")
        self._told = TerminalNews(clock, notifies, self._write_through)
        self._ringing = False
        self._leaving = False
        self._choices: dict[TransferId, RequestChoice] = {}
        self._accepted = False
        self._refused = False
        self._signals: TerminalSignals | None = None
        self.store = Store(time_of_day)
        limits = self._preferences.limits
        self.store.limits = limits["upload"], limits["download"]
        self._outgoing = Outgoing(self._client, self.store, self._outgoing_taken)
        self._known = KnownPeople(self._client, self.store, clock, self._draw_soon)
        self._near = NearPeople(self.store, self._called, clock, self._draw_soon)
        self.store.people.visible = visible
        folder = start or _here()
        self.add_mode(_WORK, lambda: self._work_screen(folder))
        for theme in THEMES:
            self.register_theme(theme)
        # Set before Textual first reads it: later, all styles would be computed again.
        wanted = self._preferences.text.get("theme", "")
        known = wanted in self.available_themes
        self.set_reactive(App.theme, wanted if known else THEMES[0].name)
        self._unknown_theme = "" if known else wanted

    def get_default_screen(self) -> Screen[None]:
        """Return the first screen: where people pair."""
        # Not from a mode: with eager tasks (Textual on Python 3.12 and later) Textual mounts a
        # mode's screen before it is the app's screen, which an Input needs. The mode is only for
        # coming back.
        screen = PairScreen(self.store, self.clock, self._completions, self._meet_at)
        self.add_mode("pair", lambda: screen)
        return screen

    # -- places

    def _work_screen(self, folder: Path) -> Screen[None]:
        # Not the first screen, so imported only when it is needed.
        from filesend_tui.screens.work import WorkScreen
        from filesend_tui.system.recent_folders import RecentFolders, file_in
        from filesend_tui.system.state_folder import default_state_folder

        recent = RecentFolders(file_in(self._state or default_state_folder()))
        return WorkScreen(self.store, self.clock, folder, recent)

    @property
    def current_mode(self) -> str:
        """The current place: a Textual mode, or one of the places that share a mode."""
        screen = next(iter(self.screen_stack), None)
        return screen.place if isinstance(screen, PlaceScreen) else super().current_mode

    def _go(self, place: str) -> None:
        """Go to a place, or to the talk."""
        if self._in_box:
            return
        self.switch_mode(place if place == "pair" else _WORK)
        if isinstance(self.screen, PlaceScreen):
            self.screen.go(place)

    def _see(self, place: str) -> None:
        """Show a place; leave the focus alone if it is shown already."""
        if not (isinstance(self.screen, PlaceScreen) and self.screen.shows(place)):
            self._go(place)

    # -- start and end

    def on_mount(self) -> None:
        """Show the first screen; start everything slow after it is drawn."""
        self.refresh_css()  # Textual does this for the screens of modes, not for the first
        self.set_interval(1.01, self._sample)
        self._signals = TerminalSignals(
            partial(self._leave, keep=True), self._lost, terminal=not self.is_headless
        )
        self.theme_changed_signal.subscribe(self, lambda theme: self._keep_theme(theme.name))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self._resume:
            self._then = partial(self._resume_with, None, by_itself=True)
        self.action_retry()
        if self._unknown_theme:
            known = f"There are {', '.join(theme.name for theme in THEMES)} and more."
            self.store.add_notice(
                Level.WARNING, f"No theme is called {self._unknown_theme}.", known
            )
        if self.store.people.visible:
            self._run("visible", self._near.show())
        if self._warning is not None:
            self.store.add_notice(self._warning.level, self._warning.message, self._warning.hint)
            self._draw_soon()

    async def on_unmount(self) -> None:
        """Destroy the Client before the event loop ends, whatever ended the app."""
        self._told.close()
        await self._near.hide()
        await self._client.close()
        if self._signals is not None:
            self._signals.close()

    def _leave(self, code: int = 0, *, keep: bool = False) -> None:
        if not self._leaving:
            self._leaving = True
            self.store.add_notice(Level.INFO, "Closing…")
            self._draw()
            self.run_worker(self._farewell(code, keep), name="farewell", exit_on_error=False)

    async def _farewell(self, code: int, keep: bool) -> None:
        await self._client.close(keep=keep)
        self.exit(return_code=code)

    def _lost(self) -> bool:
        """End, as the terminal is gone; return whether what is under way goes on without it."""
        if not self._leaving and self._finishes and self._client.is_busy:
            self._leaving = True
            self._handed_over = self._client.hand_over()
            self.exit()
            return True
        self._leave(keep=True)
        return False

    def ended(self) -> HandedOver | None:
        """Return what goes on without the screens, once they have ended; None where nothing does.

        Else a process whose screens cannot let go of a lost terminal would be ended soon.
        """
        if self._handed_over is not None and self._signals is not None:
            self._signals.ended()
        return self._handed_over

    # -- faults of the screens

    @property
    def steady(self) -> bool:
        """Whether a fault of the screens would end running work of the Client."""
        return super().steady and self._client.is_open

    def fault_seen(self) -> None:
        """Show the notice that a part of the screens failed and transfers go on."""
        self.store.add_notice(SCREEN_FAULT.level, SCREEN_FAULT.message, SCREEN_FAULT.hint)
        self._draw_soon()

    # -- the bridge: events in, messages out, store, screens

    async def _listen(self) -> None:
        await self._client.listen(self._tell)

    async def _tell(self, handful: Sequence[events.Event]) -> None:
        heard = asyncio.Event()
        self.post_message(News(handful, heard))
        await heard.wait()
        await self.after_keys()

    @on(News)
    def _hear(self, news: News) -> None:
        for event in news.events:
            with self.steadily():  # a fault of the screens does not stop later events
                self._take_in(event)
        news.heard.set()
        self._draw_soon()

    def _take_in(self, event: events.Event) -> None:
        if self.store.is_of_another(event):
            return
        self.store.apply(event, self.clock())
        self._told.hear(event)
        match event:
            case events.Paired():
                self._paired(event)
            case events.Remembered():
                self._run_quietly("people", self._known.read)
            case events.Hashing(transfer=None) | events.Seeding(transfer=None):
                self._outgoing.share_taken()
            case events.PartnerGone():
                self._want_code()
                self._run_quietly("unfinished", self._look_back)
            case events.Relay() | events.CodeGone():
                self._want_code()
            case events.PartnerBack() | events.TransferState():
                self._see_to_sessions()
            case (
                events.FileRequest(direction=events.Direction.RECEIVE) | events.Text(outgoing=False)
            ):
                self._ringing = True
            case events.Message(outgoing=False) if self.store.unread == 1:
                if not (isinstance(self.screen, PlaceScreen) and self.screen.reads_talk):
                    self._ringing = True
            case events.ClientDestroyed(reason=reason) if reason and not self._leaving:
                self._fail(
                    "client", FileSendError(reason, f"Quit with {shown('quit')} and start again.")
                )

    def on_app_blur(self) -> None:
        """Note that somebody looks elsewhere."""
        self._told.focus(False)

    def _write_through(self, sequence: str) -> None:
        """Write what the terminal takes for itself; nothing where there is none."""
        if self._driver is not None and not self._driver.is_headless and not self._driver.is_web:
            self._driver.write(sequence)

    def on_app_focus(self) -> None:
        """Draw when the terminal gets the focus again."""
        self._told.focus(True)
        self._draw_soon()

    def _draw_soon(self) -> None:
        """Draw at once, or as soon as one period has passed since the last draw."""
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
        if not self.is_running:
            return  # Textual removes the screens, widget by widget
        self._drawn_at = time.monotonic()
        if self._ringing:  # once, however many requests came since the last time
            self._ringing = False
            self.bell()
        for screen in self.screen_stack:
            if isinstance(screen, PlaceScreen | LiveBox):
                with self.steadily():
                    screen.draw()

    def _sample(self) -> None:
        if not self.is_running:
            return  # as in _draw; a fault in a timer would end what goes on without screens
        self.store.sample(self.clock())
        self._told.show(self.store.running)
        self._see_to_sessions()
        if self.store.running or self.store.open_shares or self.store.absence or self.store.busy:
            self._draw_soon()

    def _arrive(self, partner: str) -> None:
        """Go to `send` after pairing, unless the person is elsewhere or in a box."""
        if self.current_mode == "pair" and not self._in_box:
            self._go("send")
            self.came_up()
        else:
            self.store.add_notice(Level.GOOD, f"{partner} is here.")

    def _see_to_sessions(self) -> None:
        """Show a partner of an earlier run who is there, and leave those with nothing left to do.

        Not while the person types a code, or pairs: that comes first.
        """
        typing = isinstance(self.focused, Input) and self.current_mode == "pair"
        if not typing and "join" not in self.store.busy and self.store.meet_again() is not None:
            self._draw_soon()
        for session in self.store.done_with():
            self._run_quietly("leave", partial(_leave, session))

    @property
    def takes_early(self) -> bool:
        """Whether the screen itself rejects keys that came too soon."""
        return isinstance(self.screen, ConfirmScreen)

    def expect_key(self, event: textual_events.Key) -> None:
        """Show a place each key before it is dispatched."""
        if isinstance(self.screen, PlaceScreen):
            self.screen.expect_key(event)

    # -- files dropped on the terminal arrive as a paste, in any place

    def takes_paste(self, event: textual_events.Paste) -> bool:
        """Choose the dropped files, if all of them exist."""
        if not self._is_drop(event):
            return False
        self.run_worker(self._drop(event), name="drop", exit_on_error=False)
        return True

    def _is_drop(self, paste: textual_events.Paste) -> bool:
        """Return whether a paste may be a drop of files, if they exist."""
        if not looks_like_paths(paste.text):
            return False
        if isinstance(self.screen, PlaceScreen):
            return self.screen.may_drop()
        return not isinstance(self.focused, Input)  # a question is open, and keeps its fields

    async def _drop(self, event: textual_events.Paste) -> None:
        """Choose the dropped files; where any is missing, deliver the paste as text."""
        from filesend_tui.screens.dropped_paths import find_all, pick

        found = await asyncio.to_thread(find_all, event.text)
        if not found:
            await self.let_through(event)
            return
        notice = pick(self.store.picked, found)
        self.store.add_notice(notice.level, notice.message, notice.hint)
        if isinstance(self.screen, PlaceScreen):
            self._go("send")
        self._draw()

    # -- requests: a bar announces them; only a key of their own, or the bar, opens the box

    @property
    def _in_box(self) -> bool:
        return isinstance(self.screen, ModalScreen)

    def action_look(self) -> None:
        """Show the request that has waited longest."""
        requests = self.store.requests
        if not requests or self._in_box or self._leaving:
            return
        from filesend_tui.screens.boxes.approval import ApprovalScreen
        from filesend_tui.state.request_choice import RequestChoice

        request = requests[0]
        choice = self._choices.get(request.id) or RequestChoice(request.files)
        self._choices = {request.id: choice}  # kept until the answer: later may be soon
        screen = ApprovalScreen(self.store, self.clock, request, self._output, choice)
        self.push_screen(screen, self._looked)

    @on(RequestBar.Pressed)
    def _bar_pressed(self) -> None:
        self.action_look()
        self.came_up()  # the second click of two is meant for the bar as well

    def _looked(self, end: BoxEnd | None) -> None:
        """Handle a closed box: after an answer show the next request; else the bar is back."""
        if self._accepted:
            self._accepted = False
            self._see("transfers")
        if end is not BoxEnd.LATER:
            self.came_up()
        if end is BoxEnd.ANSWERED:
            self.call_later(self._look_next)

    def _look_next(self) -> None:
        self.action_look()
        self.came_up()

    # -- commands

    def _run_quietly(self, what: str, command: Callable[[ClientApi], Awaitable[object]]) -> None:
        """Run a command that no person asked for, and whose failure changes nothing for them."""
        self.run_worker(guarded(self._client.do(command)), name=what, exit_on_error=False)

    def _run(self, what: str, work: Awaitable[None]) -> None:
        """Run a command in a worker; `what` is marked busy, failures become a notice."""
        self.run_worker(self._guarded(what, work), name=what, exit_on_error=False)

    async def _guarded(self, what: str, work: Awaitable[None]) -> None:
        try:
            with self.store.doing(what):
                self._draw_soon()
                error = await guarded(work)
            if error is not None:
                self._fail(what, error)
            else:
                self.store.went_well(what)
        finally:
            self._draw_soon()

    def _fail(self, what: str, error: FileSendError) -> None:
        self.store.failed(what, error_event(error), self.clock())

    async def _connect(self) -> None:
        self.store.apply(events.Relay(state="connecting", url=""), self.clock())
        self._draw_soon()
        if self._client.open():
            self.run_worker(self._listen(), name="events", exit_on_error=False)
            self._run_quietly("tidy", self._find_left)
            await self._client.do(self._known.wait)
        await self._client.connect()
        self._meet_at.look_for_page()
        # Who is remembered and there sees this side come, whether they look or not.
        self._look_for_people()
        then, self._then = self._then, None
        if then is not None:
            await self._client.do(then)

    def _tell_wide(self) -> None:
        """Say once that others can reach this machine's relay, and how to keep it to oneself."""
        wide = self._meet_at.is_wide
        if wide and not self._was_wide:
            self.store.add_notice(
                Level.INFO,
                "Others on this network can reach this machine's relay.",
                f"It only introduces people; {shown('narrow')} keeps it to this machine.",
            )
        self._was_wide = wide
        self._draw_soon()

    def action_narrow(self) -> None:
        """Keep this machine's own relay to this machine."""
        self._run("narrow", self._narrow())

    async def _narrow(self) -> None:
        await self._near.hide()
        self.store.people.visible = None
        await self._meet_at.narrow()
        self.store.add_notice(Level.GOOD, "This machine's relay is for this machine alone now.")

    async def _ask_about_relay(self, whose: str) -> bool:
        """Ask about a relay that somebody else runs; called in a worker."""
        question = ConfirmScreen(f"{whose} Use it?", RELAY_OF_ANOTHER, yes="Use it", no="Do not")
        return await self.push_screen_wait(question)

    def _want_code(self) -> None:
        """Ask for a code when connected to a relay with neither partner nor code."""
        code = self.store.code
        # A code given up to join another person's is replaced only if joining failed.
        if self.store.wants_code and (code is None or code.gone != "joined" or self._refused):
            self._new_code()

    @on(commands.NewCode)
    def _new_code(self) -> None:
        if "code" not in self.store.busy:
            self._run("code", self._client.do(lambda client: client.create_code()))

    @on(commands.JoinCode)
    def _join(self, message: commands.JoinCode) -> None:
        if "join" not in self.store.busy:
            self.store.dismiss()
            self._run("join", self._pair_by(message.code))

    async def _pair_by(self, code: str) -> None:
        self._refused = False
        try:
            link, place = read_link(code), place_in(code)
            url = relay_address(place).url if place else ""
            if url and url not in self._client.places:
                await self._client.go_to(url)
            if link is not None:
                await self._client.do(lambda client: client.open_link(link.secret, url))
            else:
                bare, _ = split_place(code)
                await self._client.do(lambda client: client.join(bare))
        except Exception:
            self._refused = True
            self.call_later(self._want_code)
            raise

    @on(commands.SendPaths)
    def _send(self, message: commands.SendPaths) -> None:
        to = message.to or self.store.addressed
        if REQUESTING not in self.store.busy and (to or not self.store.recipients):
            self._run(REQUESTING, self._request(message, to))

    async def _request(self, message: commands.SendPaths, to: Sequence[Person]) -> None:
        waiting = await self._outgoing.request(message.paths, to, skip=message.skip)
        if not message.to:
            self.store.recipients = ()
        if not waiting:
            return
        self._end_work("look")  # it would meet them, too
        for each in waiting:
            self._run(_calling(each.person.contact), self._known.call(each))
        self.store.tell(waits_for([each.person.name for each in waiting]))

    # -- people

    def _paired(self, event: events.Paired) -> None:
        """Go where one goes with a new partner; note that somebody came who may be called."""
        if event.session == self.store.session:  # not one beside
            self._arrive(event.partner)
        self._known.came(event)
        if self._near.calls:
            self._run("nearby", self._near.end_call())

    def _end_work(self, name: str) -> None:
        for worker in self.workers:
            if worker.name == name:
                worker.cancel()

    @on(commands.StopWaiting)
    def _stop_waiting(self, message: commands.StopWaiting) -> None:
        self._end_work(_calling(message.contact))

    def action_people(self) -> None:
        """Show everybody with whom one is paired, or whom one knows."""
        if not self._in_box:
            from filesend_tui.screens.boxes.people import PeopleScreen

            self._look_for_people()
            self.push_screen(PeopleScreen(self.store), self._send_to)

    @on(commands.LookForPeople)
    def _look_for_people(self) -> None:
        self._run_quietly("look", self._known.look)

    def _send_to(self, people: tuple[Person, ...] | None) -> None:
        """Send what is chosen to these, or go on to choosing it for them."""
        if people:
            self.store.recipients = tuple(person.key for person in people)
            self._go("send")
            if self.store.picked:
                self.post_message(commands.SendPaths(self.store.picked.as_chosen()))

    @on(commands.TurnTo)
    def _turn_to(self, message: commands.TurnTo) -> None:
        self.store.turn_to(message.session)
        self._draw_soon()

    def _called(self) -> str:
        """Return how this side's person is called."""
        return self._preferences.text.get("name", "")

    @on(commands.AskNearby)
    def _ask_nearby(self, message: commands.AskNearby) -> None:
        """Show this side's code, and tell somebody nearby that it is for them."""
        self._go("pair")
        code = self.store.code
        if code is None or not code.works(self.clock()):
            self._new_code()
        self._run("nearby", self._near.call(message.instance))
        self.store.tell(asks_nearby(message.name))

    @on(commands.BeSeen)
    def _be_seen(self, message: commands.BeSeen) -> None:
        self._run("visible", self._near.show() if message.visible else self._near.hide())

    @on(commands.RenameContact)
    def _rename_contact(self, message: commands.RenameContact) -> None:
        self._run("rename", self._known.rename(message.contact, message.name))

    @on(commands.AllowContact)
    def _allow_contact(self, message: commands.AllowContact) -> None:
        self._run("allow", self._known.allow(message.contact, message.allowance))

    @on(commands.ForgetContact)
    def _forget_contact(self, message: commands.ForgetContact) -> None:
        self._run("forget", self._known.forget(message.contact))

    @on(commands.Disconnect)
    def _disconnect(self, message: commands.Disconnect) -> None:
        self._part_from(message.session)

    @on(commands.SharePaths)
    def _share(self, message: commands.SharePaths) -> None:
        if SHARING not in self.store.busy:
            self._run(SHARING, self._outgoing.share(message.paths, skip=message.skip))

    def _outgoing_taken(self) -> None:
        if self.current_mode == "send":
            self._see("transfers")

    @on(commands.StopShare)
    def _stop_share(self, message: commands.StopShare) -> None:
        if message.torrent:
            self._run("stop", self._client.do(lambda client: client.remove(message.torrent)))
            return
        self._end_work(SHARING)  # the torrent is still being made: this ends that, too

    @on(commands.AnswerRequest)
    def _answer(self, message: commands.AnswerRequest) -> None:
        async def answer(client: ClientApi) -> None:
            try:
                await client.answer(
                    message.transfer,
                    message.accepted,
                    output=message.folder,
                    replace=message.replace,
                )
            except FileSendError as error:
                for screen in self.screen_stack:
                    if isinstance(screen, RequestScreen):
                        screen.refuse(error)
                raise

        if any(message.accepted):
            self._accepted = True
            folder = message.folder
            self._output = folder if isinstance(folder, Path) else folder.path
        self._run(f"answer {message.transfer}", self._client.do(answer))

    @on(commands.LookInto)
    def _look_into(self, message: commands.LookInto) -> None:
        async def look(client: ClientApi) -> None:
            if not client.arriving.merges:
                return
            found = await client.existing(message.transfer, output=message.folder)
            for screen in self.screen_stack:
                if isinstance(screen, RequestScreen):
                    screen.show_existing(found, client.arriving)

        self._run_quietly("look into", look)

    @on(commands.CancelTransfer)
    def _cancel(self, message: commands.CancelTransfer) -> None:
        self._run("cancel", self._client.do(lambda client: client.cancel(message.transfer)))

    @on(commands.MoveTransfer)
    def _move(self, message: commands.MoveTransfer) -> None:
        move = self._client.do(lambda client: client.move(message.transfer, message.by))
        self._run("move", move)

    @on(commands.AskAgain)
    def _ask_again(self, message: commands.AskAgain) -> None:
        self._run("ask again", self._client.do(lambda client: client.ask_again(message.transfer)))

    @on(commands.PauseTransfer)
    def _pause(self, message: commands.PauseTransfer) -> None:
        def pause(client: ClientApi) -> Awaitable[None]:
            do = client.pause if message.pause else client.go_on
            return do(message.transfer, message.files)

        self._run("pause", self._client.do(pause))

    @on(commands.SayLine)
    def _say(self, message: commands.SayLine) -> None:
        async def say(client: ClientApi) -> None:
            try:
                await client.say(message.text, to=self.store.session)
            except FileSendError:
                message.field.give_back(message.text)
                raise

        self._run("say", self._client.do(say))

    @on(Place.Picked)
    def _picked(self, message: Place.Picked) -> None:
        self._go(message.mode)

    # -- actions

    def action_go(self, place: str) -> None:
        """Go to a place."""
        self._go(place)

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
        """Show the keys, those of the current place first."""
        from filesend_tui.screens.boxes.help import HelpScreen

        self.push_screen(HelpScreen(self._place))

    def action_text(self) -> None:
        """Show the last text that somebody sent."""
        if self.store.texts and not self._in_box:
            from filesend_tui.screens.boxes.text import TextScreen

            self.push_screen(TextScreen(self.store.texts))

    def action_verify(self) -> None:
        """Show the verification words, which reveal a man in the middle."""
        session, partner = self.store.session, self.store.partner
        words = self._client.verification(session)
        if words is None or partner is None:
            return
        self.push_screen(
            CompareScreen(*comparing_question(words, partner)),
            lambda different: self._run("leave", self._mistrust(session)) if different else None,
        )

    async def _mistrust(self, session: SessionId | None) -> None:
        await self._client.do(lambda client: client.say(DIFFERENT_WORDS, to=session))
        await self._leave_partner(session)

    def action_remember(self) -> None:
        """Ask the partner to remember each other, or answer where they have asked."""
        session, partner = self.store.session, self.store.partner
        if partner is None:
            return
        if not self.store.asks_to_remember:
            self._run("remember", self._client.do(lambda client: client.remember(session)))
            return
        self.push_screen(
            ConfirmScreen(*remembering.question(partner), yes="Remember", no="No"),
            lambda yes: self._answer_remembering(session, yes=bool(yes)),
        )

    def _answer_remembering(self, session: SessionId | None, *, yes: bool) -> None:
        if session != self.store.session:
            return
        self.store.answered_remembering()

        async def answer(client: ClientApi) -> None:
            await (client.remember if yes else client.decline_remembering)(session)

        self._run("remember", self._client.do(answer))

    def action_disconnect(self) -> None:
        """End the pairing with the partner."""
        self._part_from(self.store.session)

    def _part_from(self, session: SessionId | None) -> None:
        """End a session; ask first while something runs in it."""
        question = ending_question("Disconnect", self.store.running_with(session), ())
        self._ask(question, "Disconnect", lambda: self._run("leave", self._leave_partner(session)))

    async def _leave_partner(self, session: SessionId | None) -> None:
        await self._client.do(lambda client: client.leave(session))
        if (partner := self.store.people.name_of(session)) is not None:
            self._take_in(events.PartnerGone(session=session, partner=partner, reason="self"))
            self._draw_soon()

    def action_help_quit(self) -> None:
        """Handle Ctrl-C: quit while the first connection is pending, else show which key quits."""
        if self.store.relay.state == "connecting":
            self._leave(INTERRUPTED)
        else:
            super().action_help_quit()

    async def action_quit(self) -> None:
        """End the app; ask first while something runs."""
        if not isinstance(self.screen, ConfirmScreen):
            running, shares = self.store.running, self.store.open_shares
            if not running:
                called = [each.name for each in self.store.everybody if each.waited]
                question = ending_question("Quit", (), shares) or unsent_question(called)
                self._ask(question, "Quit", self._leave)
                return
            box = QuitScreen(*quitting_question(running, shares), cancel=self._leave)
            self.push_screen(box, lambda keep: self._leave(keep=True) if keep else None)

    def _ask(self, question: tuple[str, str] | None, verb: str, then: Callable[[], None]) -> None:
        """Do something; ask first if there is a question."""
        if question is None:
            then()
            return
        self.push_screen(
            ConfirmScreen(*question, yes=verb, no="Stay"),
            lambda answer: then() if answer else None,
        )

    def action_write(self) -> None:
        """Show the talk, and open the field for a line, from any place."""
        self._go("talk")

    def action_settings(self) -> None:
        """Show the settings."""
        from filesend_tui.screens.boxes.settings import SettingsScreen

        ours = [theme.name for theme in THEMES]
        others = sorted(name for name in self.available_themes if name not in ours)
        screen = SettingsScreen(self._preferences, self.theme, [*ours, *others])
        self.push_screen(screen, lambda _: self._keep_theme(self.theme))

    def action_limits(self) -> None:
        """Show the rate limits of this run."""
        if not self._in_box:
            from filesend_tui.screens.boxes.limits import LimitsScreen

            self.push_screen(LimitsScreen(*self.store.limits))

    @on(commands.LimitRates)
    def _limit_rates(self, message: commands.LimitRates) -> None:
        async def limit(client: ClientApi) -> None:
            client.limit(upload=message.upload, download=message.download)
            self.store.add_notice(Level.GOOD, limited(message.upload, message.download))

        self._run("limit", self._client.do(limit))

    def action_history(self) -> None:
        """Show what was sent and received before."""
        if not self._in_box:
            self._run("history", self._client.do(self._show_history))

    async def _show_history(self, client: ClientApi) -> None:
        from filesend_tui.screens.boxes.history import HistoryScreen

        entries = await client.history(_MOST_HISTORY)
        if not self._in_box:
            self.push_screen(HistoryScreen(entries), self._open_arrived)

    # -- what earlier runs did not finish

    async def _find_left(self, client: ClientApi) -> None:
        """Look for what earlier runs left, and show what can be gone on with."""
        await client.tidy(self._output)
        await self._look_back(client)
        if not self._resume:
            self.store.tell_unfinished()
        self._draw_soon()

    async def _look_back(self, client: ClientApi) -> None:
        self.store.look_back(await client.unfinished())

    def action_unfinished(self) -> None:
        """Show what is unfinished."""
        if not self._in_box:
            self._run("unfinished", self._client.do(self._show_unfinished))

    async def _show_unfinished(self, client: ClientApi) -> None:
        from filesend_tui.screens.boxes.unfinished import UnfinishedScreen

        await self._look_back(client)
        if not self._in_box:
            self.push_screen(UnfinishedScreen(self.store.unfinished), self._chosen_to_resume)

    def _chosen_to_resume(self, left: Sequence[events.Unfinished] | None) -> None:
        if left:
            self._run("resume", self._client.do(partial(self._resume_with, left)))

    def action_resume(self) -> None:
        """Go on with all that is unfinished."""
        if not self._in_box:
            self._run("resume", self._client.do(partial(self._resume_with, None)))

    async def _resume_with(
        self,
        wanted: Sequence[events.Unfinished] | None,
        client: ClientApi,
        *,
        by_itself: bool = False,
    ) -> None:
        """Go on with these, or with all: with those at the relay that is connected.

        Where all of them were at another, and nobody is lost by it, that relay is gone to; never by
        itself.
        """
        await self._look_back(client)
        meant = None if wanted is None else {each.transfer for each in wanted}
        places = by_relay(
            each for each in self.store.unfinished if meant is None or each.transfer in meant
        )
        if not places:
            return
        if not self._client.places:
            self._then = partial(self._resume_with, wanted)
            self.store.add_notice(Level.INFO, "Going on once there is a relay.")
            return
        elsewhere = [url for url in places if url not in self._client.places]
        if elsewhere and by_itself:
            self.store.tell(at_another_relay(elsewhere[0]))
        failures = []
        for url in elsewhere:
            failure = None if by_itself else await guarded(self._client.go_to(url))
            if failure is not None:
                failures.append(failure)
            if by_itself or failure is not None:
                del places[url]
        if not places and failures:
            raise failures[0]
        left = [each for there in places.values() for each in there]
        self.store.going_on(left)
        begun = await begin(client, left, asked=not by_itself)
        self.store.went_on(left, begun.transfers)
        await self._look_back(client)
        if begun.failure is not None:
            raise begun.failure
        if not by_itself:
            self._see("transfers")

    @on(commands.ForgetUnfinished)
    def _forget(self, message: commands.ForgetUnfinished) -> None:
        from filesend_tui.screens.boxes.unfinished import UnfinishedScreen

        left = message.left

        async def forget(client: ClientApi) -> None:
            assert left.session is not None
            if not await client.forget(left.session, left.transfer):
                self.store.add_notice(Level.WARNING, f"{left.name} is under way, and stays.")
            await self._look_back(client)
            for screen in self.screen_stack:
                if isinstance(screen, UnfinishedScreen):
                    screen.show(self.store.unfinished)

        self._run("forget", self._client.do(forget))

    def _open_arrived(self, url: str | None) -> None:
        async def open_it() -> None:
            from filesend_tui.screens.open_folder import open_folder

            notice = await open_folder(self, path_of(url or ""))
            self.store.add_notice(notice.level, notice.message, notice.hint)

        if url is not None:
            self._run("open", open_it())

    @on(commands.ClearHistory)
    def _clear_history(self) -> None:
        async def clear(client: ClientApi) -> None:
            from filesend_tui.screens.boxes.history import HistoryScreen

            if await client.clear_history() is not None and isinstance(self.screen, HistoryScreen):
                self.screen.forget()

        self._run("history", self._client.do(clear))

    @on(commands.SavePreferences)
    def _save(self, message: commands.SavePreferences) -> None:
        self.run_worker(self._prefer(message.text), name="settings", exit_on_error=False)

    def _keep_theme(self, theme: str) -> None:
        """Save a theme chosen by name; a preview in an open box does not count."""
        told = self._preferences.text.get("theme") or THEMES[0].name
        if theme != told and not isinstance(self.screen, BoxScreen):
            self.run_worker(self._prefer({"theme": theme}), name="theme", exit_on_error=False)

    async def _prefer(self, text: Mapping[str, str]) -> None:
        """Apply and save these settings; show an error where they were typed."""
        from filesend_tui.settings.load import SettingsError
        from filesend_tui.settings.preferences import BadPreference

        try:
            self._preferences, meant = await asyncio.to_thread(self._preferences.changed, text)
        except BadPreference as error:
            self._refuse_preference(error.key, str(error))
            return
        except SettingsError as error:
            self._refuse_preference("", str(error))
            return
        if "output" in meant:
            self._output = meant["output"] or default_folder()
        await self._client.do(partial(self._tell_client, meant))
        if "name" in meant:
            await self._near.renamed()
        if isinstance(self.screen, BoxScreen) and self.screen.PLACE == "settings":
            self.screen.dismiss()
            self.store.add_notice(Level.GOOD, "Saved; it counts from now on.")
        self._draw_soon()

    async def _tell_client(self, meant: Mapping[str, Any], client: ClientApi) -> None:
        if "name" in meant:
            client.rename(meant["name"])
        if "upload_limit" in meant or "download_limit" in meant:
            client.limit(**self._preferences.limits)

    def _refuse_preference(self, key: str, problem: str) -> None:
        from filesend_tui.screens.boxes.settings import SettingsScreen

        if isinstance(self.screen, SettingsScreen):
            self.screen.refuse(key, problem)
        else:
            self.store.add_notice(Level.WARNING, f"This could not be kept. {problem}")
            self._draw_soon()

    def action_suspend(self) -> None:
        """Suspend to the shell until `fg`, on systems that support it."""
        self.action_suspend_process()

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer only what makes sense now."""
        match action:
            case "retry" | "narrow":
                gone = self.store.relay.state in {"lost", "closed"}
                return gone if action == "retry" else self._meet_at.is_wide
            case "disconnect" | "verify" | "remember":
                return self.store.partner is not None
            case "write":
                return self.store.partner is not None or bool(self.store.talk)
            case "look":
                return bool(self.store.requests)
            case "resume":
                return bool(idle(self.store.unfinished))
            case _:
                return True

    # -- the palette: every key's action by name, those of the current place first

    @property
    def _place(self) -> str:
        """The group of keys of the current screen."""
        screen = self.screen
        if isinstance(screen, PlaceScreen):
            return screen.place
        return screen.PLACE if isinstance(screen, BoxScreen) else "app"

    def named_actions(self, screen: Screen[object]) -> Iterator[NamedAction]:
        """Yield every action with its key, those of a screen first.

        While a box is open, only the box's own.
        """
        from filesend_tui.screens.palette import NamedAction

        in_box = isinstance(screen, ModalScreen)
        here = screen.PLACE if isinstance(screen, BoxScreen) else self.current_mode
        for place in dict.fromkeys([here] if in_box else [here, "app", *_PLACES]):
            groups = [group for group in (place, *WITHIN.get(place, ())) if group in TABLE]
            for key in itertools.chain.from_iterable(TABLE[group].keys for group in groups):
                if key.about and key.action not in _NOT_BY_NAME:
                    act = partial(self._do_by_name, place, key.action)
                    yield NamedAction(f"{key.title} ({key.shown})", key.about, act)
        if not in_box:
            yield NamedAction("Theme", "choose other colours", self.action_change_theme)

    def _do_by_name(self, place: str, action: str) -> None:
        """Run the action of a place's key, after going to that place."""
        if place in _PLACES:
            self._go(place)
        self.call_after_refresh(self._act, place, action)

    async def _act(self, place: str, action: str) -> None:
        nodes = [self] if place == "app" else (self.focused or self.screen).ancestors_with_self
        method = f"action_{parse(action)[1]}"
        screen = self.screen
        actor = screen.actor(place) if isinstance(screen, PlaceScreen) else screen
        able = next((node for node in nodes if hasattr(node, method)), actor)
        if not await self.run_action(action, able):
            self.store.add_notice(Level.INFO, "That cannot be done now.")
            self._draw()

    def _completions(self, prefix: str) -> Sequence[str]:
        if self._complete is None:
            self._complete = complete_code
        return self._complete(prefix)


def _calling(contact: str) -> str:
    """Return how the work is called that waits for a contact."""
    return f"call {contact}"


async def _leave(session: SessionId, client: ClientApi) -> None:
    await client.leave(session)


def _here() -> Path:
    """Return the current folder, or the home folder where the current one was removed."""
    try:
        return Path.cwd()
    except OSError:
        return Path(os.path.expanduser("~"))  # noqa: PTH111 - it never fails, as Path.home may
