"""The picker: choose files and folders, then ask the partner to take them, or share them openly.

A pane, which a screen may show beside others. The choice is kept in the store; disks are read in
threads, off the event loop.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input

from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.text import clean
from filesend_tui.keys import shown as key_for
from filesend_tui.screens.base import StorePane
from filesend_tui.screens.boxes.confirm import ConfirmScreen
from filesend_tui.screens.boxes.recent import RecentScreen
from filesend_tui.screens.commands import SendPaths, SharePaths
from filesend_tui.screens.dropped_paths import find_all, not_there, pick
from filesend_tui.settings.load import is_loopback
from filesend_tui.state.figures import short_path
from filesend_tui.state.notices import unsendable_question
from filesend_tui.state.store import REQUESTING, SHARING, Store
from filesend_tui.state.views import Level, named
from filesend_tui.system.daemon_threads import DaemonThreads
from filesend_tui.system.recent_folders import RecentFolders
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.fields.filter_field import FilterField
from filesend_tui.widgets.fields.path_field import PathField
from filesend_tui.widgets.ink import fit_middle
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.picker.folder import (
    FolderEntry,
    Listing,
    Order,
    arrange,
    list_folder,
    look_in,
    shown,
    weigh,
)
from filesend_tui.widgets.picker.picker_list import PickerList
from filesend_tui.widgets.picker.preview import Preview
from filesend_tui.widgets.words import Words

#: Paths that are looked up in one batch; between batches other lookups have their turn.
_AT_ONCE: Final = 2_000
#: Seconds to wait for the check whether a recent folder exists.
_PATIENCE: Final = 1.0
#: The most unsendable things that a question lists; the rest is counted.
_LISTED: Final = 10
#: Lines of a pane below which its path, and its heading, are hidden; and cells from which it has a
#: preview beside the list.
_LOW, _FLAT, _WIDE = 17, 12, 110
#: Beside other panes: lines from which the preview is below the list, and cells from which it is
#: beside the list where there are fewer lines.
_TALL, _SPARE = 22, 70
#: Cells below which a name is too short to be shown.
_STUMP: Final = 8


class SendPane(StorePane):
    """One folder at a time; the choice is kept when another folder is opened."""

    TITLE = "Send"
    DOES = "send files"
    BINDINGS: ClassVar[list[BindingType]] = bindings("send")

    def __init__(
        self, store: Store, start: Path, recent: RecentFolders, *, id: str | None = None
    ) -> None:
        super().__init__(store, id=id)
        # Held, not looked for: Textual asks for a pane's keys while it is made and removed, too.
        self.listing = PickerList(store.picked, id="listing")
        self._filter = FilterField(id="filter")
        self._recent = recent
        self._listing = Listing(os.path.abspath(start))  # noqa: PTH100 - as it is spelled
        self._sorted: tuple[FolderEntry, ...] = ()
        self._hidden = False
        self._order = Order.NAME
        self._reading = ""
        self._learning = False
        self._remembered = ""
        self._drawn = -1
        self._beside = DaemonThreads()
        #: The last command, whether no key was pressed since then, and the refusals seen.
        self._asked: type[SendPaths | SharePaths] = SendPaths
        self._untouched = False
        self._refusals = 0

    def compose(self) -> ComposeResult:
        """Yield path, heading, the folder beside its preview, and the choice."""
        yield PathField(id="path")
        with Horizontal(id="heading"):
            yield Words(id="count")
            yield self._filter
            yield Words(id="order")
        with Horizontal(id="picker"):
            yield self.listing
            with Vertical(id="side"):
                yield Preview(id="preview")
        yield Words(id="chosen")

    def on_mount(self) -> None:
        """Open the first folder."""
        self.query_one("#path", PathField).border_title = "Folder"
        self._walk(self._listing.folder)

    def take_keys(self) -> None:
        """Focus the list."""
        self.listing.focus()

    @property
    def folder(self) -> str:
        """The folder that is shown, an absolute path."""
        return self._listing.folder

    # -- drawing

    def draw(self) -> None:
        """Draw the partner and the choice, which other code may have changed."""
        if self.store.picked.version != self._drawn:
            self.listing.redraw()
            self._learn()
        self._draw_chosen()
        refusals = self.store.picked.refusals
        # After the command has ended, and only if the person has pressed no key since.
        if refusals != self._refusals and not self.store.busy & {REQUESTING, SHARING}:
            self._refusals = refusals
            if self._untouched and self.screen.is_current and self.has_class("-here"):
                self.action_without()

    def _draw_chosen(self) -> None:
        self._drawn = self.store.picked.version
        self.query_one("#chosen", Words).show(self._summary())

    @property
    def _flat(self) -> bool:
        return self.has_class("-flat")

    def on_resize(self) -> None:
        """Give the list room first; fill a preview that becomes visible."""
        width, height = self.room
        self.set_class(height < _LOW, "-low")
        self.set_class(height < _FLAT, "-flat")
        tall = self.framed and height >= _TALL and width < _WIDE
        self.set_class(tall, "-tall")
        self.set_class(not tall and width >= (_SPARE if self.framed else _WIDE), "-wide")
        self._draw_heading()
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self._draw_chosen()
        self._preview()

    def _draw_heading(self) -> None:
        quiet, key = "$foreground 60%", "$primary bold"
        here, there = len(self.listing.rows), len(self._sorted)
        narrowing = bool(self._filter.value) or self._filter.has_focus
        if self._reading:
            count = " Reading…"
        elif narrowing:
            count = f" {here:,} of {there:,}  /"
        else:
            hidden = f", {there - here:,} hidden" if there > here else ""
            count = f" {here:,} here{hidden}"
        if self.has_class("-low") and not self._flat and not narrowing:
            path = short_path(Path(self.folder))
            count += f" in {fit_middle(path, max(8, self.size.width - len(count) - 16))}"
        self.query_one("#count", Words).show(Content(count))
        order = (
            Content.assemble((key_for("range"), key), (" ends the range ", quiet))
            if self.listing.in_range
            else Content.assemble((key_for("order"), key), (f" by {self._order} ", quiet))
        )
        self.query_one("#order", Words).show(order)
        self.set_class(narrowing, "-filtering")
        self.set_class(self.listing.in_range, "-ranging")

    def _summary(self) -> Content:
        """Return the choice in one line where there is little room, else two; cut at the end."""
        picked, here = self.store.picked, self._whom()
        quiet, key = "$foreground 70%", "$primary bold"
        if not picked:
            told: list[tuple[str, str]] = [(f"{here}. ", "$success bold")] if here else []
            if not self._flat:
                told.append(("Nothing chosen yet.\n", quiet))
            return Content.assemble(
                *told, ("Space", key), (" chooses; or drop files on this window.", quiet)
            )
        tick, count = ("✓ ", "$success bold"), f"{len(picked):,} chosen"
        weight = f"  ·  {self._weight_words()}"
        if self._flat:
            if refused := len(picked.refused):
                after = [
                    (f"  ✗ {refused:,} cannot be sent: ", "$warning"),
                    (key_for("without"), key),
                ]
                return Content.assemble(tick, (count, "bold"), *after)
            return Content.assemble(tick, (count, "bold"), weight)
        first = f"{count}: " if len(picked) > 2 else ""
        # Names are shortened so that the size, and the count of further names, fit in the line.
        rest = named([""] * min(3, len(picked)), len(picked))
        room = self.query_one("#chosen").content_size.width - len("✓ " + first + rest + weight)
        room //= min(2, len(picked))
        if room < _STUMP:
            return Content.assemble(tick, (count, "bold"), weight, "\n", *self._next(here))
        names = [fit_middle(clean(name, 255), room) for name in picked.names()]
        said = (named(names, len(picked)), "bold")
        return Content.assemble(tick, first, said, weight, "\n", *self._next(here))

    def _whom(self) -> str:
        """Return whom the choice is for; empty for nobody."""
        if not self.store.recipients:
            return f"{clean(self.store.partner, 40)} is here" if self.store.partner else ""
        names = [clean(person.name, 40) for person in self.store.addressed]
        return f"For {named(names)}" if names else ""

    def _next(self, here: str) -> list[tuple[str, str]]:
        """Return the line about what can be done with the choice now."""
        quiet, key = "$foreground 70%", "$primary bold"
        if REQUESTING in self.store.busy:
            waited = self.store.busy_for(REQUESTING)
            slow = f" {waited}: the disk is slow, or does not answer." if waited else ""
            return [("Looking at what is to be sent…" + slow, quiet)]
        if count := len(self.store.picked.refused):
            return [
                (f"✗ {count:,} cannot be sent. ", "$warning"),
                (key_for("without"), key),
                (" sends the rest.", quiet),
            ]
        if here:
            return [(f"{here}: press ", quiet), (key_for("send"), key), (" to send.", quiet)]
        return [
            ("Pair first: press ", "$warning"),
            (key_for("pair"), "bold"),
            (". This stays. Or press ", "$warning"),
            (key_for("share"), "bold"),
            (" for a link.", "$warning"),
        ]

    def _weight_words(self) -> str:
        weight = self.store.picked.weight
        if weight is None:
            return "counting…"
        files = "1 file" if weight.files == 1 else f"{weight.files:,} files"
        told = bool(self.store.picked.refused)  # then the core's refusals are counted instead
        bad = weight.unreadable if not told else 0
        unreadable = f", {bad:,} cannot be sent" if bad else ""
        return f"{files}, {size_text(weight.bytes)}{unreadable}"

    # -- walking

    @work(exclusive=True, group="walk", exit_on_error=False)
    async def _walk(self, folder: str, keep: str | None = None) -> None:
        """Show a folder, with the cursor on the name `keep`."""
        self._reading = folder
        self._draw_heading()
        try:
            listing = await self._beside.look(list_folder, folder)
            order = self._order
            entries = await asyncio.to_thread(arrange, listing.entries, order)
        except OSError as problem:
            why = problem.strerror or "it cannot be read"
            self.add_notice(Level.ERROR, f"{clean(folder, 300)}: {why}.", "Choose another folder.")
            return
        finally:
            if self._reading == folder:  # and not another folder by now
                self._reading = ""
                self._draw_heading()
        if listing.folder != self.folder:
            self._filter.value = ""
        self._listing, self._sorted = listing, entries
        self.query_one("#path", PathField).value = short_path(Path(listing.folder))
        self._show(keep)
        self.listing.refresh()

    def _show(self, keep: str | None = None) -> None:
        """Show the entries that match the filter, with the cursor on `keep`, else on the first."""
        text = self._filter.value
        rows = shown(self._sorted, text, hidden=self._hidden)
        cursor = next((at for at, entry in enumerate(rows) if entry.name == keep), 0)
        empty = " Nothing here is called that." if text else " Nothing here."
        self.listing.show(rows, cursor=cursor, empty=empty)
        self._draw_heading()
        self._preview()

    def _keep(self) -> str | None:
        entry = self.listing.chosen
        return entry.name if entry is not None else None

    def action_open(self) -> None:
        """Open the folder under the cursor, or choose the file."""
        entry = self.listing.chosen
        if entry is not None:
            if entry.is_folder:
                self._walk(entry.path)
            else:
                self.listing.action_choose()

    @on(PickerList.Opened)
    def _opened(self, event: PickerList.Opened) -> None:
        self._walk(event.entry.path)

    def action_up(self) -> None:
        """Go to the parent folder, with the cursor on the folder just left."""
        above, name = os.path.split(self.folder)
        self._walk(above, name)

    def action_hidden(self) -> None:
        """Show or hide names that start with a dot."""
        self._hidden = not self._hidden
        self._show(self._keep())

    def action_reload(self) -> None:
        """Read the folder again."""
        self._walk(self.folder, self._keep())

    @work(exclusive=True, group="order", exit_on_error=False)
    async def action_order(self) -> None:
        """Sort by the next order: name, size, date."""
        self._order = order = self._order.next
        listing = self._listing
        self._draw_heading()
        entries = await asyncio.to_thread(arrange, listing.entries, order)
        if listing is self._listing:
            self._sorted = entries
            self._show(self._keep())

    @on(LineList.Moved, "#listing")
    def _moved(self) -> None:
        self._preview()

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer only what makes sense now."""
        return action != "filter" or not self._filter.has_focus

    def _preview(self) -> None:
        if self.query_one("#side").display:
            self.query_one("#preview", Preview).show(self.listing.chosen)

    # -- the filter

    def action_filter(self) -> None:
        """Focus the filter."""
        self.add_class("-filtering")
        self._filter.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._show(self._keep())

    @on(FilterField.Left)
    def _filter_left(self, event: FilterField.Left) -> None:
        if not event.keep:
            self._filter.value = ""
        self.listing.focus()
        self.call_after_refresh(self._draw_heading)

    async def action_back_out(self) -> None:
        """Undo a range, else clear the filter, else hide the notice."""
        if self.listing.take_back_range():
            self._draw_heading()
        elif self._filter.value:
            self._filter.value = ""
        else:
            await self.run_action("app.dismiss")

    # -- choosing

    def action_clear(self) -> None:
        """Choose nothing."""
        self.listing.end_range()
        self.store.picked.clear()
        self.listing.changed()

    @on(PickerList.Changed)
    def _chosen_changed(self) -> None:
        self._draw_heading()
        self._draw_chosen()
        self._learn()
        if self.store.picked and self.folder != self._remembered:
            self._remembered = self.folder
            self._remember(self.folder)

    @on(PickerList.Unchanged)
    def _not_chosen(self, event: PickerList.Unchanged) -> None:
        self.add_notice(Level.INFO, event.why, event.hint)

    def _learn(self) -> None:
        if not self._learning and self.store.picked:
            self._find_out()

    @work(group="learn", exit_on_error=False)
    async def _find_out(self) -> None:
        """Record the size of what was chosen, and its identity, so that it cannot be swapped."""
        self._learning = True
        picked = self.store.picked
        try:
            while True:
                if unseen := picked.unseen(_AT_ONCE):
                    picked.see(await self._beside.run(look_in, unseen))
                elif (path := picked.unweighed()) is not None:
                    gone = partial(self._is_gone, path)
                    picked.weigh(path, await self._beside.run(weigh, path, gone))
                    self._draw_chosen()
                else:
                    break
        finally:
            self._learning = False

    def _is_gone(self, path: str) -> bool:
        return path not in self.store.picked

    # -- recent folders

    @work(group="remember", exit_on_error=False)
    async def _remember(self, folder: str) -> None:
        await self._beside.run(self._recent.add, [folder])

    @work(exclusive=True, group="recent", exit_on_error=False)
    async def action_recent(self) -> None:
        """Show the recent folders, and go to one."""
        try:
            folders = await self._beside.run(self._recent.read)
        except OSError:
            folders = ()
        there = await asyncio.gather(*(self._is_there(folder) for folder in folders))
        self.app.push_screen(
            RecentScreen([folder for folder, yes in zip(folders, there, strict=True) if yes]),
            self._go_to,
        )

    def _go_to(self, folder: str | None) -> None:
        if folder is not None:
            self._walk(folder)

    async def _is_there(self, folder: str) -> bool:
        # Each in a thread of its own: one drive that hangs must not hide the others.
        try:
            async with asyncio.timeout(_PATIENCE):
                return await DaemonThreads().run(os.path.isdir, folder)
        except OSError:  # a TimeoutError is one
            return False

    # -- typed and pasted paths

    def action_type_path(self) -> None:
        """Focus the field for a path."""
        self.add_class("-typing")
        self.query_one("#path", PathField).focus()

    @on(PathField.Left)
    def _path_left(self) -> None:
        self.query_one("#path", PathField).value = short_path(Path(self.folder))
        self.listing.focus()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Hide a field that small screens show only while it has the focus."""
        if event.widget.id == "path":
            self.remove_class("-typing")
        elif event.widget.id == "filter":
            self.call_after_refresh(self._draw_heading)

    @on(Input.Submitted, "#path")
    def _path_typed(self, event: Input.Submitted) -> None:
        self._take(event.value, walk=True, else_=self.query_one("#path", PathField).other_meaning)

    def on_paste(self, event: events.Paste) -> None:
        """Take a pasted name in this folder, or a path relative to it."""
        event.stop()
        self._take(event.text, walk=False)

    @work(group="take", exit_on_error=False)
    async def _take(self, text: str, *, walk: bool, else_: str | None = None) -> None:
        """Choose the paths in a text; a single typed folder is opened instead.

        else_: what is meant where there is nothing by that text.
        """
        try:
            found = await self._beside.run(find_all, text, Path(self.folder))
            if not found and else_ is not None:
                found = await self._beside.run(find_all, else_, Path(self.folder))
        except OSError as problem:
            self.add_notice(Level.ERROR, f"{problem.strerror or problem}.", "")
            return
        if not found:
            missing = not_there(text, "Check the path and try again.")
            self.add_notice(missing.level, missing.message, missing.hint)
            return
        if self.has_focus_within:
            self.listing.focus()
        first = found[0]
        if walk and len(found) == 1 and first.is_folder:
            self._walk(first.path)
            return
        notice = pick(self.store.picked, found)
        if walk:
            self._walk(os.path.dirname(first.path), first.name)  # noqa: PTH120
        self.listing.changed()
        self.add_notice(notice.level, notice.message, notice.hint)

    # -- sending

    def expect_key(self, event: events.Key) -> None:
        """Focus the field that a key begins, before the key is dispatched."""
        self._untouched = False  # the person went on, so no question may open by itself
        if event.character in {"/", "~"} and self.screen.focused is self.listing:
            filtering = event.character == "/"
            self.add_class("-filtering" if filtering else "-typing")
            path = self.query_one("#path", PathField)
            self.screen.set_focus(self._filter if filtering else path)
            path.led_here = not filtering

    def action_send(self) -> None:
        """Ask the partner to take what is chosen."""
        if not self._may_ask():
            return
        if not self.store.addressed:
            there = self.store.others or self.store.recipients
            how = f"{key_for('people')} to say to whom" if there else f"{key_for('pair')} to pair"
            self.add_notice(
                Level.WARNING,
                "Nobody is there to send to.",
                f"Press {how}; your choice stays.",
            )
        else:
            self._ask(SendPaths(self.store.picked.as_chosen()))

    def action_share(self) -> None:
        """Ask for confirmation, then share the choice openly; needs no partner."""
        if not self._may_ask():
            return
        if self.store.relay.state != "connected":
            self.add_notice(
                Level.WARNING,
                "There is no relay to share by.",
                f"Press {key_for('try again')} to try again.",
            )
            return
        picked = self.store.picked
        asked = SharePaths(picked.as_chosen())
        names = named([clean(name, 80) for name in picked.names()], len(picked))
        self.app.push_screen(
            ConfirmScreen(
                f"Share {names} openly?",
                self._what_open_means(),
                yes="Share openly",
                no="Keep private",
            ),
            lambda yes: self._ask(asked) if yes else None,
        )

    def action_without(self) -> None:
        """Ask whether to send without what cannot be sent."""
        picked = self.store.picked
        if not picked.refused or self.store.busy & {REQUESTING, SHARING}:
            return
        if all(path in picked.refused for path in picked):
            self.add_notice(Level.WARNING, "Nothing of this can be sent.", "Choose something else.")
            return
        reasons = [
            (clean(picked.from_choice(path), 60), clean(why))
            for path, why in picked.refused.items()
        ]
        # The list must leave room for the buttons, also on a small screen.
        most = max(1, min(_LISTED, self.app.size.height - 12))
        asked = self._asked(picked.as_chosen(), skip=True)
        self.app.push_screen(
            ConfirmScreen(*unsendable_question(reasons, most), yes="Send the rest", no="Go back"),
            lambda yes: self._ask(asked) if yes else None,
        )

    def _may_ask(self) -> bool:
        if not self.store.picked:
            self.add_notice(
                Level.INFO, "Nothing is chosen yet.", "Space chooses what is under the bar."
            )
        elif REQUESTING in self.store.busy:
            self.add_notice(Level.INFO, "What you chose is still being looked at.", "One moment.")
        elif SHARING in self.store.busy:
            self.add_notice(
                Level.INFO,
                "Another share is still being prepared.",
                f"Press {key_for('share')} again when it is ready.",
            )
        else:
            return True
        return False

    def _ask(self, command: SendPaths | SharePaths) -> None:
        """Post a command. The choice stays until it succeeds: the core may refuse some of it."""
        self._asked = type(command)
        self._untouched = True
        self.post_message(command)

    def _what_open_means(self) -> str:
        means = (
            "Anyone with the link can download it, without a code, and you are not asked. "
            "It is shared until you stop it or quit."
        )
        if is_loopback(self.store.relay.url):
            means += " Your relay is on this machine, so the link works on this machine only."
        return means
