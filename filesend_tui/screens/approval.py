"""Approval: somebody asks to send files; a yes or no for each, and where they go.

It comes up on its own, so a key that was meant for something else must not answer: keys count
only once there was a moment without any.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input

from filesend_tui.core.errors import FileSendError, StorageFailed
from filesend_tui.core.figures import size_text
from filesend_tui.core.space import free_space
from filesend_tui.core.torrent.target import Target
from filesend_tui.screens.base import Clock, RequestScreen
from filesend_tui.screens.commands import AnswerRequest
from filesend_tui.store import Store
from filesend_tui.views import TransferRow
from filesend_tui.widgets.figures import short_path
from filesend_tui.widgets.ink import fit
from filesend_tui.widgets.line_list import LineList
from filesend_tui.widgets.request_list import RequestList
from filesend_tui.widgets.words import Words

#: Seconds without a key before keys answer, and seconds on the screen after which they do anyway.
ARMING: Final = 0.7
SEEN: Final = 2.5
#: Cells of a line for the other person's name.
_NAME_CELLS: Final = 30


class ApprovalScreen(RequestScreen):
    """One request. It closes by itself once the store no longer has it waiting."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Accept"),
        Binding("d,escape", "decline", "Decline"),
        Binding("space", "choose", "Yes/no"),
        Binding("a", "all(True)", "All"),
        Binding("n", "all(False)", "None"),
        Binding("f", "folder", "Folder"),
    ]

    def __init__(self, store: Store, clock: Clock, request: TransferRow, folder: Path) -> None:
        super().__init__()
        self.store, self.clock, self.request = store, clock, request
        self._yes = [True] * len(request.files)
        self._folder = folder
        self._target: Target | None = None
        self._free: int | None = None
        self._quiet_since = self._up_since = clock()
        self._answering = False
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Files, figures, folder and two buttons."""
        with Vertical(id="box"):
            yield RequestList(id="offered")
            yield Words(id="figures")
            with Horizontal(id="where"):
                yield Words("Save in", id="label")
                yield Input(
                    short_path(self._folder), id="folder", select_on_focus=False, compact=True
                )
            yield Words(id="problem")
            with Horizontal(id="buttons"):
                yield Button("Enter  Accept", id="accept", variant="success", compact=True)
                yield Button("d  Decline", id="decline", variant="error", compact=True)
                yield Words(id="more")
            yield Words("Space yes/no · a all · n none · f folder", id="foot")

    def on_mount(self) -> None:
        """Show the request; the list has the keys."""
        count = len(self.request.files)
        files = "a file" if count == 1 else f"{count:,} files"
        box = self.query_one("#box")
        # Content, because a plain string would be read as markup, and the name is the peer's.
        # It is cut, or it would push what they want out of the line.
        partner = fit(self.request.partner, _NAME_CELLS)
        box.border_title = Content(f"{partner} wants to send you {files}")
        if hidden := sum(file.hidden for file in self.request.files):
            box.border_subtitle = Content(f"{hidden:,} hidden: a name begins with a dot")
        self._show_files()
        self.query_one("#offered", RequestList).focus()
        self._look_up_free()
        self.set_timer(ARMING, self.draw)
        self.draw()

    # -- drawing

    def draw(self) -> None:
        """Draw figures and buttons; close when the request is no longer waiting."""
        if not self.is_mounted or not self.is_attached:
            return
        waiting = [row.id for row in self.store.requests]
        if self.request.id not in waiting:
            if self.is_current:
                self.dismiss()
            return
        self._answering = f"answer {self.request.id}" in self.store.busy
        self.query_one("#figures", Words).show(self._figures())
        self.query_one("#problem", Words).show(self._problem_line())
        accept = self.query_one("#accept", Button)
        accept.disabled = self._answering or not self._armed or not self._fits or not any(self._yes)
        self.query_one("#decline", Button).disabled = self._answering or not self._armed
        more = f"{len(waiting) - 1} more waiting" if len(waiting) > 1 else ""
        self.query_one("#more", Words).show(Content(more))

    def _show_files(self) -> None:
        pairs = tuple(zip(self.request.files, self._yes, strict=True))
        self.query_one("#offered", RequestList).show(pairs)

    @property
    def _wanted_bytes(self) -> int:
        return sum(e.size for e, yes in zip(self.request.files, self._yes, strict=True) if yes)

    @property
    def _fits(self) -> bool:
        return self._free is None or self._wanted_bytes <= self._free

    def _figures(self) -> Content:
        count = sum(self._yes)
        free = "…" if self._free is None else size_text(self._free)
        one = len(self._yes) == 1
        return Content.assemble(
            ("1 file" if one and count else f"{count:,} of {len(self._yes):,} files", "bold"),
            (f" · {size_text(self._wanted_bytes)}", "bold"),
            (f"   {free} free on the disk", "$foreground 70%" if self._fits else "$error bold"),
            ("  ✓ fits" if self._fits and self._free is not None else "", "$success"),
        )

    def _problem_line(self) -> Content:
        if self._problem:
            return Content.assemble(("✗ ", "$error bold"), (self._problem, "$error"))
        if not self._fits:
            return Content.assemble(
                ("✗ It does not fit. ", "$error bold"),
                ("Say no to some files or choose another folder.", "$error"),
            )
        if not any(self._yes):
            return Content.assemble(("No file has a yes. Press d to decline.", "$warning"))
        return Content("")

    # -- a key only answers after a moment without keys

    @property
    def _armed(self) -> bool:
        now = self.clock()
        return now - self._quiet_since >= ARMING or now - self._up_since >= SEEN

    def _may_answer(self) -> bool:
        """Say whether a key counts; one that came too soon starts the moment anew."""
        if self._armed:
            return True
        self._quiet_since = self.clock()
        self.set_timer(ARMING, self.draw)
        return False

    # -- what the keys do

    def action_choose(self) -> None:
        """Turn the yes of one file into a no, or back."""
        offered = self.query_one("#offered", RequestList)
        if self._may_answer() and self._yes:
            self._yes[offered.cursor] = not self._yes[offered.cursor]
            self._changed()

    def action_all(self, yes: bool) -> None:
        """Say yes, or no, to every file."""
        if self._may_answer():
            self._yes = [yes] * len(self._yes)
            self._changed()

    def _changed(self) -> None:
        self._problem = ""
        self._show_files()
        self.draw()

    def action_accept(self) -> None:
        """Say yes to the files that have one."""
        if self._may_answer() and not self._answering and any(self._yes):
            if self._fits:
                self._answer(self._yes)
            else:
                self.app.bell()

    def action_decline(self) -> None:
        """Say no to everything."""
        if self._may_answer() and not self._answering:
            self._answer([False] * len(self._yes))

    def _answer(self, accepted: list[bool]) -> None:
        self._answering = True
        self.post_message(
            AnswerRequest(self.request.id, tuple(accepted), self._target or self._folder)
        )

    def refuse(self, error: FileSendError) -> None:
        """The answer could not be given; the request is still open."""
        self._answering = False
        self._problem = f"{error.message} {error.hint}"
        self._look_up_free()
        self.draw()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "accept":
            self.action_accept()
        else:
            self.action_decline()

    @on(LineList.Pressed, "#offered")
    def _clicked(self) -> None:
        self.action_choose()

    # -- the folder

    def action_folder(self) -> None:
        """Put the keys into the folder's field."""
        if self._may_answer():
            self.query_one("#folder", Input).focus()

    def on_key(self, event: events.Key) -> None:
        """Esc in the folder's field leaves the field; it declines nothing."""
        if event.key == "escape" and self.query_one("#folder", Input).has_focus:
            event.stop()
            event.prevent_default()
            self.query_one("#folder", Input).value = short_path(self._folder)
            self.query_one("#offered", RequestList).focus()

    @on(Input.Submitted, "#folder")
    def _folder_chosen(self, event: Input.Submitted) -> None:
        event.stop()
        self._take_folder(event.value)
        self.query_one("#offered", RequestList).focus()

    @on(Input.Blurred, "#folder")
    def _folder_left(self, event: Input.Blurred) -> None:
        self._take_folder(event.value)

    def _take_folder(self, text: str) -> None:
        folder = Path(text.strip() or ".").expanduser().absolute()
        if folder != self._folder:
            self._folder = folder
            self._problem = ""
            self._target = self._free = None
            self._look_up_free()
            self.draw()

    @work(exclusive=True, group="free", exit_on_error=False)
    async def _look_up_free(self) -> None:
        self._target, self._free = await asyncio.to_thread(_look_at, self._folder)
        self.draw()


def _look_at(folder: Path) -> tuple[Target | None, int | None]:
    """Return a folder as it is now, and the bytes free there; None where nobody can tell."""
    target = free = None
    with suppress(OSError, ValueError):  # the answer says what is wrong with it
        target = Target.of(folder)
    with suppress(StorageFailed):
        free = free_space(folder)
    return target, free
