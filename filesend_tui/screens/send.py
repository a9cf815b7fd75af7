"""Sending: choose files and folders, then ask the partner to take them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from filesend_tui.core.figures import size_text
from filesend_tui.core.fileid import Chosen, Seen, look, look_at_all
from filesend_tui.core.text import clean
from filesend_tui.screens.base import Clock, PlaceScreen
from filesend_tui.screens.commands import SendPaths, SharePaths
from filesend_tui.screens.confirm import ConfirmScreen
from filesend_tui.settings import is_loopback
from filesend_tui.store import SHARING, Store
from filesend_tui.views import Level
from filesend_tui.widgets.dropped import choose
from filesend_tui.widgets.figures import short_path
from filesend_tui.widgets.folder import FolderEntry, Weight, list_folder, weigh
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.path_field import PathField
from filesend_tui.widgets.picker_list import PickerList
from filesend_tui.widgets.words import Words


class SendScreen(PlaceScreen):
    """A folder at a time; what is chosen stays chosen while you walk."""

    MODE = "send"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "Choose"),
        Binding("s", "send", "Send"),
        Binding("o", "share", "Share openly"),
        Binding("enter,right", "open", "Open"),
        Binding("left,backspace", "up", "Up", key_display="←"),
        Binding("slash,tilde", "type_path", "Path", key_display="/"),
        Binding("full_stop", "hidden", "Hidden", key_display=".", show=False),
        Binding("u", "clear", "Choose nothing", show=False),
    ]

    def __init__(self, store: Store, clock: Clock, start: Path) -> None:
        super().__init__(store, clock)
        self._folder = start
        self._hidden = False
        self._chosen: dict[Path, Seen | None] = {}
        self._weight: Weight | None = Weight()

    def compose_body(self) -> ComposeResult:
        """Path, folder, and what is chosen."""
        yield PathField(id="path")
        yield PickerList(self._chosen.__contains__, id="listing")
        yield Words(id="chosen")

    def on_mount(self) -> None:
        """Open the first folder; the list has the keys."""
        super().on_mount()
        self.query_one("#path", PathField).border_title = "Folder"
        self.query_one("#listing", PickerList).focus()
        self._walk(self._folder)

    def draw_body(self) -> None:
        """Draw the line about what is chosen."""
        self.query_one("#chosen", Words).show(self._summary())

    def _summary(self) -> Content:
        partner = self.store.partner
        if not self._chosen:
            return Content.assemble(
                ("Nothing chosen yet. ", "$foreground 70%"),
                ("Space", "$primary bold"),
                (" chooses; or drop files on this window.", "$foreground 70%"),
            )
        chosen = list(self._chosen)[:3]
        names = ", ".join(clean(path.name or str(path), 80) for path in chosen)
        more = f" and {len(self._chosen) - 3} more" if len(self._chosen) > 3 else ""
        then = (
            [("\nPress ", "$foreground 70%"), ("s", "$primary bold"), f" to ask {partner}."]
            if partner
            else [
                ("\nPair first: press ", "$warning"),
                ("p", "bold"),
                (". This stays. Or press ", "$warning"),
                ("o", "bold"),
                (" for a link.", "$warning"),
            ]
        )
        return Content.assemble(
            ("✓ ", "$success bold"), (names, "bold"), more, f"  ·  {self._weight_words()}", *then
        )

    def _weight_words(self) -> str:
        weight = self._weight
        if weight is None:
            return "counting…"
        files = "1 file" if weight.files == 1 else f"{weight.files:,} files"
        unreadable = f", {weight.unreadable} cannot be read" if weight.unreadable else ""
        return f"{files}, {size_text(weight.bytes)}{unreadable}"

    # -- walking

    @work(exclusive=True, group="walk", exit_on_error=False)
    async def _walk(self, folder: Path, come_from: Path | None = None) -> None:
        try:
            entries = await asyncio.to_thread(list_folder, folder, hidden=self._hidden)
        except OSError as problem:
            why = problem.strerror or "it cannot be read"
            self._say(Level.ERROR, f"{folder}: {why}.", "Choose another folder.")
            return
        self._folder = folder
        field = self.query_one("#path", PathField)
        field.value = short_path(folder)
        cursor = next((i for i, each in enumerate(entries) if each.path == come_from), 0)
        listing = self.query_one("#listing", PickerList)
        listing.show(entries, cursor=cursor)
        listing.refresh()

    @property
    def _entry(self) -> FolderEntry | None:
        return self.query_one("#listing", PickerList).chosen

    def action_open(self) -> None:
        """Go into the folder under the cursor; a file is chosen instead."""
        entry = self._entry
        if entry is None:
            return
        if entry.is_folder:
            self._walk(entry.path)
        else:
            self.action_choose()

    def action_up(self) -> None:
        """Go to the folder above, with the cursor where you came from."""
        self._walk(self._folder.parent, self._folder)

    def action_hidden(self) -> None:
        """Show or hide what starts with a dot."""
        self._hidden = not self._hidden
        entry = self._entry
        self._walk(self._folder, entry.path if entry else None)

    # -- choosing

    def action_choose(self) -> None:
        """Choose what is under the cursor, or not any more; the cursor goes on."""
        listing = self.query_one("#listing", PickerList)
        if self._entry is not None:
            path = self._entry.path
            if path in self._chosen:
                del self._chosen[path]
            else:
                self._chosen[path] = None
                self._look(path)
            listing.redraw_row(listing.cursor)
            listing.action_move(1)
            self._weigh()

    @work(group="look", exit_on_error=False)
    async def _look(self, path: Path) -> None:
        """Find out what was chosen: nothing that takes its place later is sent for it."""
        seen = await asyncio.to_thread(look, path)
        if path in self._chosen:
            self._chosen[path] = seen

    def action_clear(self) -> None:
        """Choose nothing."""
        self._chosen.clear()
        self.query_one("#listing", PickerList).refresh()
        self._weigh()

    @work(exclusive=True, group="weigh", exit_on_error=False)
    async def _weigh(self) -> None:
        stopped = False
        self._weight = None
        self.draw_body()
        try:
            paths = tuple(self._chosen)
            self._weight = await asyncio.to_thread(weigh, paths, lambda: stopped)
        finally:
            stopped = True  # a cancelled wait leaves its thread behind: tell it to stop
        self.draw_body()

    @on(LineList.Pressed, "#listing")
    def _clicked(self, event: LineList.Pressed) -> None:
        if event.twice:
            self.action_open()
        else:
            self.action_choose()

    # -- typed and pasted paths

    def action_type_path(self) -> None:
        """Put the keys into the field for a path."""
        self.query_one("#path", PathField).focus()

    @on(PathField.Left)
    def _path_left(self) -> None:
        self.query_one("#path", PathField).value = short_path(self._folder)
        self.query_one("#listing", PickerList).focus()

    @on(Input.Submitted, "#path")
    def _path_typed(self, event: Input.Submitted) -> None:
        self._take(event.value, walk=True)

    @on(PathField.Dropped)
    def _dropped_on_field(self, event: PathField.Dropped) -> None:
        self._take(event.text, walk=False)

    def on_paste(self, event: events.Paste) -> None:
        """Files dropped on the terminal come as a paste."""
        event.stop()
        self._take(event.text, walk=False)

    @work(group="take", exit_on_error=False)
    async def _take(self, text: str, *, walk: bool) -> None:
        """Choose the paths in a text; a single typed folder is opened instead."""
        base = self._folder
        paths = await asyncio.to_thread(choose, text, lambda path: (base / path).exists())
        paths = tuple(base / path for path in paths)
        listing = self.query_one("#listing", PickerList)
        if not paths:
            shown = text.strip().splitlines()[0][:60] if text.strip() else "That"
            self._say(Level.ERROR, f"{shown} is not there.", "Check the path and try again.")
            return
        listing.focus()
        if walk and len(paths) == 1 and await asyncio.to_thread(paths[0].is_dir):
            self._walk(paths[0].resolve())
            return
        self._chosen.update(await asyncio.to_thread(look_at_all, paths))
        if walk:
            self._walk(paths[0].parent, paths[0])
        listing.refresh()
        self._weigh()

    # -- sending

    def action_send(self) -> None:
        """Ask the partner to take what is chosen."""
        if not self._chosen:
            self._say(Level.INFO, "Nothing is chosen yet.", "Space chooses what is under the bar.")
        elif self.store.partner is None:
            self._say(
                Level.WARNING, "Nobody is there to send to.", "Press p to pair; your choice stays."
            )
        else:
            self.post_message(SendPaths(dict(self._chosen)))
            self.action_clear()

    def action_share(self) -> None:
        """Ask whether anybody at all may have what is chosen, then share it; needs no partner."""
        chosen = dict(self._chosen)
        if not chosen:
            self._say(Level.INFO, "Nothing is chosen yet.", "Space chooses what is under the bar.")
        elif self.store.relay.state != "connected":
            self._say(
                Level.WARNING, "There is no relay to share by.", "Press p, then r to try again."
            )
        elif SHARING in self.store.busy:
            self._say(
                Level.INFO,
                "Another share is still being prepared.",
                "Press o again when it is ready.",
            )
        else:
            first = next(iter(chosen))
            name = first.name or str(first)
            more = f" and {len(chosen) - 1} more" if len(chosen) > 1 else ""
            self.app.push_screen(
                ConfirmScreen(
                    f"Share {name}{more} openly?",
                    self._what_open_means(),
                    yes="Share openly",
                    no="Keep it to myself",
                ),
                lambda yes: self._share(chosen) if yes else None,
            )

    def _what_open_means(self) -> str:
        means = (
            "Anyone with the link can download it, without a code, and you are not asked. "
            "It is shared until you stop it or quit."
        )
        if is_loopback(self.store.relay.url):
            means += " Your relay is on this machine, so the link works on this machine only."
        return means

    def _share(self, chosen: Chosen) -> None:
        self.post_message(SharePaths(chosen))
        self.action_clear()

    def _say(self, level: Level, message: str, hint: str) -> None:
        self.store.tell(level, message, hint)
        self.draw()
