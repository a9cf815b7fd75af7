"""What is taken of somebody who is remembered without asking, typed in a box."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input

from filesend_tui.core.events import Allowance
from filesend_tui.core.util.figures import parse_rate, typed_rate
from filesend_tui.screens.boxes.box import BoxScreen
from filesend_tui.widgets.bound import bindings
from filesend_tui.widgets.fields.completing_field import CompletingField
from filesend_tui.widgets.fields.folder_field import FolderField
from filesend_tui.widgets.turning import Turning
from filesend_tui.widgets.words import Words

_NO, _YES = _ANSWERS = ("ask first", "take it")
_LABELS: Final = {
    "whether": "Without asking",
    "size": "Up to",
    "kinds": "Only",
    "folder": "Into",
}


class AllowField(Input):
    """One line for a size, or for kinds of files."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("allow")


class AllowingScreen(BoxScreen[tuple[Allowance | None]]):
    """Whether something is taken without asking, and what; its result holds it.

    Args:
        name: Whose.
        allowed: What it is now; None for nothing.
    """

    PLACE = "allowing"
    BINDINGS: ClassVar[list[BindingType]] = bindings("allowing")

    def __init__(self, name: str, allowed: Allowance | None) -> None:
        super().__init__()
        self._name_of = name
        now = allowed or Allowance()
        folder = FolderField(now.folder or "", id="folder")
        folder.placeholder = "the usual folder"
        self._fields: dict[str, Turning | Input] = {
            "whether": Turning(_ANSWERS, _NO if allowed is None else _YES, id="whether"),
            "size": AllowField(
                typed_rate(now.size), placeholder="any size", compact=True, id="size"
            ),
            "kinds": AllowField(
                _typed(now.kinds), placeholder="*.jpg, *.mp4", compact=True, id="kinds"
            ),
            "folder": folder,
        }
        self._problem = Words(id="problem")

    def compose_box(self) -> ComposeResult:
        """Yield the answer, a field for each bound, and the problem."""
        with Vertical(id="page"):
            for id, field in self._fields.items():
                with Horizontal(classes="line"):
                    words = Words(_LABELS[id])
                    words.add_class("label")
                    yield words
                    yield field
            yield Words("For filesend listen; here you are asked.", id="usual")
        yield self._problem

    def on_mount(self) -> None:
        """Say whose files it is about."""
        super().on_mount()
        # Content: a plain string would be read as markup, and the name was a peer's.
        self.query_one("#box").border_title = Content(f"Files of {self._name_of}")
        self._problem.display = False
        self._fields["whether"].focus()

    def action_set(self) -> None:
        """Close with what was typed; where that is no size, say so and stay."""
        typed = {id: field.value.strip() for id, field in self._fields.items()}
        if typed["whether"] == _NO:
            self.dismiss((None,))
            return
        try:
            size = parse_rate(typed["size"]) if typed["size"] else None
        except ValueError:
            self._refuse("size", "write a size such as 500k, 20M or 4G, or nothing for any")
            return
        try:
            folder = Path(typed["folder"]).expanduser().absolute() if typed["folder"] else None
        except (RuntimeError, ValueError):  # `~name` of an unknown user
            self._refuse("folder", "there is no such person here")
            return
        told = str(folder) if folder is not None else None
        self.dismiss((Allowance(folder=told, size=size, kinds=_kinds(typed["kinds"])),))

    def _refuse(self, id: str, problem: str) -> None:
        self._problem.show(
            Content.assemble(("✗ ", "$error bold"), (f"{_LABELS[id]}: {problem}", "$error"))
        )
        self._problem.display = True
        self._fields[id].focus()

    @on(CompletingField.Left)
    def _left(self) -> None:
        self.dismiss()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        """Whoever says what is taken means that it is."""
        event.stop()
        whether = self._fields["whether"]
        if event.value and isinstance(whether, Turning) and whether.value == _NO:
            whether.action_turn(1)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_set()


def _typed(kinds: tuple[str, ...]) -> str:
    """Return kinds as they are typed: a comma ends each whose pattern has a space."""
    text = ", ".join(kinds)
    return f"{text}," if len(kinds) == 1 and " " in text else text


def _kinds(text: str) -> tuple[str, ...]:
    """Return the kinds in a text, between commas; between spaces where there is none."""
    parts = text.split(",") if "," in text else text.split()
    return tuple(filter(None, (part.strip() for part in parts)))
