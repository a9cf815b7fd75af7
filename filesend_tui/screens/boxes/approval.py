"""Approval: the answer to a request, a yes or no for each file, and the folder to save in.

It opens by its own key, never by itself. Only after an answer does the next request open; a key
pressed in that moment answers nothing (settling.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input

from filesend_tui.core.checks import Target, free_space
from filesend_tui.core.choices import ARRIVING, Arriving
from filesend_tui.core.errors import FileSendError, StorageFailed
from filesend_tui.core.events import is_hidden
from filesend_tui.core.util.figures import size_text
from filesend_tui.keys import TABLE, shown
from filesend_tui.screens.base import Clock
from filesend_tui.screens.boxes.box import BoxEnd, RequestScreen
from filesend_tui.screens.boxes.there import replaceable, there_words
from filesend_tui.screens.commands import AnswerRequest, LookInto
from filesend_tui.state.figures import others_words, short_path
from filesend_tui.state.request_choice import RequestChoice
from filesend_tui.state.store import Store
from filesend_tui.state.views import TransferRow
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.fields.completing_field import CompletingField
from filesend_tui.widgets.fields.folder_field import FolderField
from filesend_tui.widgets.ink import fit
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.request_tree import RequestTree
from filesend_tui.widgets.words import Words

if TYPE_CHECKING:
    from filesend_tui.core.checks import Existing
    from filesend_tui.keyed_app import KeyedApp

#: Cells of a line for the other person's name.
_NAME_CELLS: Final = 30
#: Lines of a box that are not its files.
_BESIDE_ROWS: Final = 9
#: The fewest and most rows of files in a box, where the screen is large enough.
_FEWEST_ROWS: Final = 6
_MOST_ROWS: Final = 30
#: Empty folders that are named, as far as they fit in the line.
_NAMED: Final = 20
#: Columns below which the title has fewer words.
_SHORT: Final = 60
_KEYS: Final = {key.action: key.shown for key in TABLE["request"].keys}


class ApprovalScreen(RequestScreen):
    """One request. Closes by itself once the request no longer waits in the store.

    Args:
        store: The store to draw.
        clock: Seconds, monotonic.
        request: The request.
        folder: The folder for its files unless the person chooses another.
        choice: The person's earlier choice; None: a yes to all files.
    """

    PLACE = "request"
    BINDINGS: ClassVar[list[BindingType]] = bindings("request")

    def __init__(
        self,
        store: Store,
        clock: Clock,
        request: TransferRow,
        folder: Path,
        choice: RequestChoice | None = None,
    ) -> None:
        super().__init__()
        self.store, self.clock, self.request = store, clock, request
        self.choice = choice or RequestChoice(request.files)
        self.choice.find("")
        self._folder = folder
        self._there: tuple[Sequence[Existing], Arriving] = ((), ARRIVING)
        # Held: Textual asks for a screen's keys while it is made and removed, too.
        self._offered = RequestTree(id="offered", empty=" No file has that in its name.")
        self._target: Target | None = None
        self._free: int | None = None
        self._answering = False
        self._problem = ""

    def compose_box(self) -> ComposeResult:
        """Yield the files above; figures, folder and buttons below, which get room first."""
        yield CompletingField(placeholder="Find in these files", id="find", compact=True)
        yield self._offered
        with Vertical(id="claims"):
            yield Words(others_words(self.request.others), id="others")
            yield Words(_also(self.request.empty_folders), id="empty")
            yield Words(id="there")
            yield Words(id="figures")
            with Horizontal(id="where"):
                yield Words("Save in", id="label")
                yield FolderField(short_path(self._folder), id="folder")
            yield Words(id="problem")
            with Horizontal(id="buttons"):
                accept, decline = f"{_KEYS['accept']}  Accept", f"{_KEYS['decline']}  Decline"
                yield Button(accept, id="accept", variant="success", compact=True)
                yield Button(decline, id="decline", variant="error", compact=True)
                yield Words(id="more")

    def on_mount(self) -> None:
        """Show the request and focus the list."""
        super().on_mount()
        empty = self.request.empty_folders
        if hidden := sum(map(is_hidden, (*(file.path for file in self.request.files), *empty))):
            told = Content(f"{hidden:,} hidden: a name begins with a dot")
            self.query_one("#box").border_subtitle = told
        self.query_one("#find").display = False
        self.query_one("#empty").set_class(bool(empty), "-some")
        self.query_one("#others").set_class(bool(self.request.others), "-some")
        rows = min(max(_FEWEST_ROWS, self.choice.most_rows), _MOST_ROWS)
        self.query_one("#box").styles.height = (
            rows + _BESIDE_ROWS + bool(empty) + bool(self.request.others)
        )
        self._show_files()
        self._offered.focus()
        self._look_up_free()
        self.draw()

    def on_screen_resume(self) -> None:
        """Draw what changed while help was shown."""
        self.draw()

    def on_resize(self, event: events.Resize) -> None:
        """Set the title, who asks for what, for this width."""
        count, width = len(self.request.files), event.size.width
        files = "a file" if count == 1 else f"{count:,} files"
        files = "a stream" if self.request.stream else files
        wants = f" wants to send you {files}" if width >= _SHORT else f" asks: {files}"
        # The name is cut, or it would push what they want out of the line. Content, because a
        # plain string would be read as markup, and the name is the peer's.
        partner = fit(self.request.partner, min(_NAME_CELLS, width - len(wants) - 6))
        self.query_one("#box").border_title = Content(partner + wants)

    # -- drawing

    def draw(self) -> None:
        """Draw figures and buttons; close when the request is no longer waiting."""
        if not (self.is_mounted and self.is_attached and self.query("#more")):
            return
        waiting = [row.id for row in self.store.requests]
        if self.request.id not in waiting:
            if self.is_active:
                self.dismiss(BoxEnd.ANSWERED if self._answering else BoxEnd.GONE)
            return
        settles = self._settles()
        self._show_there()
        self.query_one("#figures", Words).show(self._figures())
        problem = self._problem_line()
        self.query_one("#problem", Words).show(problem)
        self.query_one("#problem", Words).display = bool(problem.plain)
        accept = self.query_one("#accept", Button)
        accept.disabled = self._answering or settles or not self._fits or not self.choice.files
        self.query_one("#decline", Button).disabled = self._answering or settles
        self.query_one("#more", Words).show(Content(self._others(len(waiting) - 1)))

    def _settles(self) -> bool:
        """Return whether keys do not count yet; if so, draw again once they do."""
        wait = cast("KeyedApp", self.app).settling.wait
        if wait:
            self.set_timer(wait, self.draw)
        return bool(wait)

    def _others(self, requests: int) -> str:
        words = [f"{requests:,} more"] if requests else []
        if unread := self.store.unread:
            words.append("a message" if unread == 1 else f"{unread:,} messages")
        return ", ".join(words)

    def _show_files(self) -> None:
        offered = self._offered
        held = offered.chosen
        rows = self.choice.rows()
        offered.all_open = bool(self.choice.sought)
        cursor = next((i for i, node in enumerate(rows) if node is held), 0)
        offered.show(rows, cursor=cursor)
        offered.redraw()
        self.refresh_bindings()  # another row may be under the cursor

    @property
    def _fits(self) -> bool:
        # Whether this disk keeps holes is known once files are made on it; core looks again then.
        return self._free is None or self.choice.room <= self._free

    def _figures(self) -> Content:
        free = "…" if self._free is None else size_text(self._free)
        known = self._free is not None and not self.request.stream
        empty = len(self.request.empty_folders)
        also = f" · {empty:,} empty folder{'' if empty == 1 else 's'}" if empty else ""
        also += _unusual(self.request)
        if self._free is not None and self.choice.room <= self._free < self.choice.size:
            also += f" · {size_text(self.choice.room)} without holes"
        return Content.assemble(
            *self._amount(),
            (also, "bold"),
            (f"   {free} free on the disk", "$foreground 70%" if self._fits else "$error bold"),
            ("  ✓ fits" if self._fits and known else "", "$success"),
        )

    def _amount(self) -> tuple[tuple[str, str], tuple[str, str]]:
        count, of = self.choice.files, len(self.request.files)
        if self.request.stream and count:
            return ("a stream", "bold"), (" · of unknown length", "bold")
        files = "1 file" if of == 1 and count else f"{count:,} of {of:,} files"
        return (files, "bold"), (f" · {size_text(self.choice.size)}", "bold")

    def _problem_line(self) -> Content:
        if self._problem:
            return Content.assemble(("✗ ", "$error bold"), (self._problem, "$error"))
        if not self._fits:
            return Content.assemble(
                ("✗ It does not fit. ", "$error bold"),
                ("Say no to some files or choose another folder.", "$error"),
            )
        if not self.choice.files:
            no = f"No file has a yes. Press {shown('decline')} to decline."
            return Content.assemble((no, "$warning"))
        return Content("")

    # -- what the keys do

    def action_choose(self) -> None:
        """Toggle the yes of the file or folder under the cursor."""
        node = self._offered.chosen
        if node is not None:
            self.choice.turn(node)
            self._changed()

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Offer to replace only what is there."""
        here = self._offered.chosen
        offered = {
            "replace": here is not None and bool(here.there),
            "replace_all": self.choice.there > 0,
        }
        return offered.get(action, True)

    def action_replace(self) -> None:
        """Toggle whether what is there is replaced, of the file or folder under the cursor."""
        if (node := self._offered.chosen) is not None and node.there:
            self.choice.turn_replaced(node)
            self._changed()

    def action_replace_all(self) -> None:
        """Toggle it for all files that are shown."""
        self.choice.turn_replaced()
        self._changed()

    @on(LineList.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    def action_all(self, yes: bool) -> None:
        """Set yes or no for every file that is shown."""
        self.choice.say(yes=yes)
        self._changed()

    def action_fold(self) -> None:
        """Close the folder under the cursor, or move to the parent folder."""
        offered = self._offered
        node = offered.chosen
        if node is None:
            return
        if node.is_folder and node.is_open and not self.choice.sought:
            node.is_open = False
            self._show_files()
            return
        above = range(offered.cursor - 1, -1, -1)
        offered.move_to(
            next((i for i in above if offered.rows[i].depth < node.depth), offered.cursor)
        )

    def action_unfold(self) -> None:
        """Open the folder under the cursor, or go on to its first row."""
        offered = self._offered
        node = offered.chosen
        if node is None or not node.is_folder:
            return
        if node.is_open or self.choice.sought:
            offered.action_move(1)
        else:
            node.is_open = True
            self._show_files()

    def _changed(self) -> None:
        self._problem = ""
        self._offered.redraw()
        self.draw()

    def action_accept(self) -> None:
        """Accept the files that have a yes."""
        if self._answering or not self.choice.files:
            return
        if self._fits:
            self._answer(self.choice.accepted)
        else:
            self.app.bell()

    def action_decline(self) -> None:
        """Decline the request."""
        if not self._answering:
            self._answer((False,) * len(self.request.files))

    def action_later(self) -> None:
        """Clear the search if there is one; else close the box and leave the request open."""
        if self.choice.sought:
            self._find("")
        else:
            self.dismiss(BoxEnd.LATER)

    def _answer(self, accepted: tuple[bool, ...]) -> None:
        self._answering = True
        folder = self._target or self._folder
        replaced = self.choice.replaced if any(accepted) else ()
        replace = tuple(each.stood for each in replaced)
        self.post_message(AnswerRequest(self.request.id, accepted, folder, replace))
        self.draw()

    def show_existing(self, found: Sequence[Existing], arriving: Arriving) -> None:
        """Show what becomes of files that are in the folder already."""
        self._there = found, arriving
        self.choice.stand(replaceable(found, arriving))
        self._offered.redraw()
        self.draw()
        self.refresh_bindings()

    def _show_there(self) -> None:
        told = there_words(*self._there, self.choice.accepted, len(self.choice.replaced))
        self.query_one("#there", Words).show(Content(told))
        self.query_one("#there").set_class(bool(told), "-some")

    def refuse(self, error: FileSendError) -> None:
        """Show why the answer failed; the request is still open."""
        self._answering = False
        self._problem = f"{error.message} {error.hint}"
        self._look_up_free()
        self.draw()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "accept":
            self.action_accept()
        else:
            self.action_decline()

    @on(RequestTree.Marked)
    def _marked(self) -> None:
        self.action_choose()

    @on(RequestTree.Folded)
    def _folded(self) -> None:
        node = self._offered.chosen
        if node is not None and not self.choice.sought:
            node.is_open = not node.is_open
            self._show_files()

    # -- looking for files

    def action_find(self) -> None:
        """Focus the field for a part of a name."""
        field = self.query_one("#find", CompletingField)
        field.display = True
        field.focus()

    @on(Input.Changed, "#find")
    def _sought(self, event: Input.Changed) -> None:
        event.stop()
        self.choice.find(event.value)
        self._show_files()
        self.draw()

    @on(Input.Submitted, "#find")
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        event.input.display = bool(event.value)
        self._offered.focus()

    @on(CompletingField.Left, "#find")
    def _find_left(self) -> None:
        self._find("")

    def _find(self, text: str) -> None:
        field = self.query_one("#find", CompletingField)
        field.value = text
        field.display = bool(text)
        self._offered.focus()

    # -- the folder

    def action_folder(self) -> None:
        """Focus the folder's field."""
        self.query_one("#folder", FolderField).focus()

    @on(CompletingField.Left, "#folder")
    def _folder_kept(self) -> None:
        self.query_one("#folder", FolderField).value = short_path(self._folder)
        self._offered.focus()

    @on(Input.Submitted, "#folder")
    def _folder_chosen(self, event: Input.Submitted) -> None:
        event.stop()
        self._take_folder(event.value)
        self._offered.focus()

    @on(Input.Blurred, "#folder")
    def _folder_left(self, event: Input.Blurred) -> None:
        self._take_folder(event.value)

    def _take_folder(self, text: str) -> None:
        try:
            folder = Path(text.strip() or ".").expanduser().absolute()
        except (RuntimeError, ValueError):  # `~name` of an unknown user
            self._problem = f"{text.strip()}: there is no such person here. Choose another folder."
            self.query_one("#folder", FolderField).value = short_path(self._folder)
            self.draw()
            return
        if folder != self._folder:
            self._folder = folder
            self._problem = ""
            self._target = self._free = None
            self.show_existing((), self._there[1])  # what was there is not of this folder
            self._look_up_free()
            self.draw()

    @work(exclusive=True, group="free", exit_on_error=False)
    async def _look_up_free(self) -> None:
        self._target, self._free = await asyncio.to_thread(_look_at, self._folder)
        self.post_message(LookInto(self.request.id, self._target or self._folder))
        self.draw()


def _unusual(request: TransferRow) -> str:
    """Return how many files can be run, and how many links there are beside the files."""
    told = ""
    if count := request.programs:
        told += f" · {count:,} program{'' if count == 1 else 's'}"
    if count := len(request.links):
        told += f" · {count:,} link{'' if count == 1 else 's'}"
    return told


def _also(folders: Sequence[str]) -> str:
    """Return the names of the first empty folders, hidden ones first."""
    hidden_first = sorted(folders, key=is_hidden, reverse=True)[:_NAMED]
    named = [f"{path}/{' (hidden)' if is_hidden(path) else ''}" for path in hidden_first]
    return f"and {', '.join(named)}"


def _look_at(folder: Path) -> tuple[Target | None, int | None]:
    """Return a folder's identity now, and its free bytes; None where either is unknown."""
    target = free = None
    with suppress(OSError, ValueError):  # the answer reports what is wrong with it
        target = Target.of(folder)
    with suppress(StorageFailed):
        free = free_space(folder)
    return target, free
