"""The people one is paired with or knows: to send to one or several, turn to one, or part.

What is chosen to be sent is the picker's; meeting somebody who is not here is the app's.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from filesend_tui.core.events import Allowance
from filesend_tui.keys import shown
from filesend_tui.screens.boxes.allowing import AllowingScreen
from filesend_tui.screens.boxes.box import LiveBox
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.boxes.naming import NamingScreen
from filesend_tui.screens.commands import (
    AllowContact,
    AskNearby,
    BeSeen,
    Disconnect,
    ForgetContact,
    LookForPeople,
    RenameContact,
    StopWaiting,
    TurnTo,
)
from filesend_tui.state.people.everybody import Person, Standing
from filesend_tui.state.store import Store
from filesend_tui.state.views import named
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.people_list import PeopleList
from filesend_tui.widgets.words import Words

#: The most lines of the list; lines of the screen that are not its, and where there is room.
_MOST: Final = 24
_BESIDE: Final = 5
_ROOMY: Final = 8
#: Seconds between two looks at who is there. A look comes to a contact once at each place, and how
#: often it may come is bounded (core/contacts/reaching.py).
_LOOK_AGAIN: Final = 60.0


class PeopleScreen(LiveBox[tuple[Person, ...]]):
    """Everybody; its result are those to send to."""

    PLACE = "people"
    AUTO_FOCUS = "#people"
    BINDINGS: ClassVar[list[BindingType]] = bindings("people")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        # Held, not looked for: Textual asks for a screen's keys while it is made and removed, too.
        self._list = PeopleList(id="people")
        self._words = Words(id="plan")

    def compose_box(self) -> ComposeResult:
        """Yield the list, and what the key that sends would do."""
        yield self._list
        yield self._words

    def on_mount(self) -> None:
        """Show them, with those marked for whom the choice is already."""
        super().on_mount()
        self.query_one("#box").border_title = "People"
        self._list.marked = frozenset(self.store.recipients)
        self.set_interval(_LOOK_AGAIN, lambda: self.post_message(LookForPeople()))
        self.draw()

    def on_resize(self, event: events.Resize) -> None:
        """Leave room for what is below the list, which scrolls."""
        beside = _ROOMY if event.size.height >= 20 else _BESIDE
        self._list.styles.max_height = max(1, min(_MOST, event.size.height - beside))

    def draw(self) -> None:
        """Draw the store."""
        self._list.show(self.store.everybody)
        self._words.show(self._plan())
        self.refresh_bindings()

    @property
    def meant(self) -> tuple[Person, ...]:
        """Those who are marked, else the one under the cursor; only who can be sent to."""
        marked = [each for each in self._list.rows if each.key in self._list.marked]
        here = self._list.chosen
        people = marked or ([here] if here is not None else [])
        return tuple(each for each in people if each.addressable)

    def _plan(self) -> Content:
        if not self._list.rows:
            return Content(f"{shown('pair')} pairs by a code, {shown('remember')} remembers them.")
        here = self._list.chosen
        if not self._list.marked and here is not None and here.standing is Standing.NEARBY:
            asks = f" asks {here.name} to type the code on your screen."
            return Content.assemble((shown("ask nearby"), "$primary bold"), (asks, ""))
        if not self.meant:
            return Content("")
        names = named([each.name for each in self.meant])
        key = (shown("send to"), "$primary bold")
        if count := len(self.store.picked):
            things = "what is chosen" if count == 1 else f"{count:,} chosen things"
            said = f" sends {things} to {names}."
        else:
            said = f" goes on to what to send to {names}."
        absent = any(
            not each.paired and each.standing is not Standing.ONLINE for each in self.meant
        )
        waits = " Who is not here is waited for." if absent else ""
        return Content.assemble(key, (said, ""), (waits, "$foreground 70%"))

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer only what makes sense now."""
        here = self._list.chosen
        called = here is not None and here.standing is Standing.CALLED
        remembered = here is not None and bool(here.contact)
        paired = here is not None and here.paired
        offered = {
            "send": bool(self.meant),
            "meet": not self.meant and here is not None and here.standing is Standing.NEARBY,
            "be_seen": self.store.people.visible is not None,
            "mark": here is not None and here.addressable,
            "turn": here is not None and paired and not here.shown,
            "rename": remembered,
            "allow": remembered,
            "stop": called,
            "forget": remembered and not called,
            "disconnect": paired,
        }
        return offered.get(action, True)

    def action_send(self) -> None:
        """Close, and send what is chosen to those who are meant."""
        if meant := self.meant:
            self.dismiss(meant)

    def action_meet(self) -> None:
        """Close, and ask the one under the cursor to pair."""
        here = self._list.chosen
        if here is not None and here.standing is Standing.NEARBY:
            self.post_message(AskNearby(here.key, here.name))
            self.dismiss(())

    def action_be_seen(self) -> None:
        """See who is nearby and be seen by them, or neither."""
        self.post_message(BeSeen(not self.store.people.visible))

    def action_mark(self) -> None:
        """Mark the one under the cursor, or no longer."""
        self._list.toggle()

    def action_turn(self) -> None:
        """Have the other screens be about the one under the cursor."""
        if (here := self._list.chosen) is not None and here.paired:
            self.post_message(TurnTo(here.session))

    def action_rename(self) -> None:
        """Ask for another name for the one under the cursor."""
        here = self._list.chosen
        if here is None or not here.contact:
            return
        contact = here.contact

        def answered(name: str | None) -> None:
            if name:
                self.post_message(RenameContact(contact, name))

        self.app.push_screen(NamingScreen(here.name), answered)

    def action_allow(self) -> None:
        """Ask what is taken without asking of the one under the cursor."""
        here = self._list.chosen
        if here is None or not here.contact:
            return
        contact = here.contact

        def answered(said: tuple[Allowance | None] | None) -> None:
            if said is not None:
                self.post_message(AllowContact(contact, *said))

        self.app.push_screen(AllowingScreen(here.name, here.allowed), answered)

    def action_stop(self) -> None:
        """Wait for the one under the cursor no longer."""
        if (here := self._list.chosen) is not None:
            self.post_message(StopWaiting(here.contact))

    def action_forget(self) -> None:
        """Ask, then forget the one under the cursor."""
        here = self._list.chosen
        if here is None or not here.contact:
            return
        contact = here.contact

        def answered(yes: bool | None) -> None:
            if yes:
                self.post_message(ForgetContact(contact))

        self.app.push_screen(
            ConfirmScreen(
                f"Forget {here.name}?",
                "The next time you need a code. They forget you, too, if they are there now.",
                yes="Forget",
                no="Keep",
            ),
            answered,
        )

    def action_disconnect(self) -> None:
        """End the pairing with the one under the cursor; the app asks while something runs."""
        if (here := self._list.chosen) is not None and here.paired:
            self.post_message(Disconnect(here.session))

    @on(PeopleList.Marked)
    @on(LineList.Moved)
    def _changed(self) -> None:
        self.draw()

    @on(LineList.Pressed)
    def _pressed(self, event: LineList.Pressed) -> None:
        if event.twice:
            self.action_mark()
