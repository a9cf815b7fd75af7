"""What screens raise: an app that goes on where Textual would end it, and transfers with it.

Textual ends the app at the first exception that a handler, a timer, a layout or a drawing lets out.
Here all of them are caught in one place, each widget by itself, so that the others are drawn. What
people are told of it is the app's, and what a transfer is, nobody here knows.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any, Final

from rich.segment import Segment, Segments
from textual.app import App
from textual.dom import DOMNode
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

_log = logging.getLogger(__name__)

#: What stands in place of a widget that cannot be drawn.
_INSTEAD: Final = "✗ cannot be shown"


class SteadyApp(App[None]):
    """An app that outlives the faults of its screens as long as it is `steady`.

    Each fault is logged with its traceback once, and the first is told again when the app ends;
    after that a place in the program that fails over and over costs what it costs to try again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: set[tuple[type[Exception], CodeType | None, int]] = set()

    # -- for the app

    @property
    def steady(self) -> bool:
        """Whether something would be lost with the app; else a fault ends it."""
        return self._running and not self._exit

    def fault_seen(self) -> None:
        """Tell the person; called once for each place that fails, and never while drawing."""

    @contextmanager
    def steadily(self) -> Iterator[None]:
        """Go on after this block, whatever it raises."""
        try:
            yield
        except Exception as error:
            self._handle_exception(error)

    # -- where Textual lets exceptions out

    def _handle_exception(self, error: Exception) -> None:
        if not self.steady:
            super()._handle_exception(error)
            return
        if self._exception is None:
            self._exception = error  # which a pilot raises at the end of its test
        place = _place(error)
        if place in self._places:
            return
        if not self._places:
            self._tell_at_the_end(error)
        self._places.add(place)
        _log.error("the screens had a fault; the rest goes on", exc_info=error)
        self.call_later(self.fault_seen)

    def _fatal_error(self) -> None:
        if (error := sys.exc_info()[1]) is not None:
            self._tell_at_the_end(error)
        self._close_messages_no_wait()

    def _tell_at_the_end(self, error: BaseException) -> None:
        from rich.traceback import Traceback  # late: slow to import

        # Textual prints every local variable along with a traceback; some of ours are secrets.
        crash = Traceback.from_exception(
            type(error), error, error.__traceback__, width=None, show_locals=False
        )
        self._exit_renderables.append(Segments(self.console.render(crash, self.console.options)))

    # -- what Textual would stop at, or stop drawing

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if not self.steady:
                raise
            self._handle_exception(error)

    def _register(self, parent: DOMNode, *widgets: Widget, **how: Any) -> list[Widget]:
        for widget in widgets:
            self._guard(widget)
        return super()._register(parent, *widgets, **how)

    def _start_widget(self, parent: Widget, widget: Widget) -> None:
        self._guard(widget)
        super()._start_widget(parent, widget)

    def _guard(self, widget: Widget) -> None:
        """Let nothing out of this widget, Textual's own ones too."""
        if "_dispatch_message" in vars(widget):
            return
        dispatch = widget._dispatch_message

        async def dispatched(message: Message) -> None:
            try:
                await dispatch(message)
            except Exception as error:
                self._handle_exception(error)

        guarded: dict[str, Callable[..., Any]] = {
            "_dispatch_message": dispatched,
            "render_lines": self._safe(widget.render_lines, _instead),
            "get_content_width": self._safe(widget.get_content_width, _nothing),
            "get_content_height": self._safe(widget.get_content_height, _nothing),
        }
        for name, method in guarded.items():
            setattr(widget, name, method)

    def _safe(self, method: Callable[..., Any], instead: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any) -> Any:
            try:
                return method(*arguments)
            except Exception as error:
                self._handle_exception(error)
                return instead(*arguments)

        return guarded


def _instead(crop: Region) -> list[Strip]:
    """Return lines to stand in that part of a widget."""
    width = crop.right
    first = Strip([Segment(_INSTEAD)]).adjust_cell_length(width)
    lines = [first if y == 0 else Strip.blank(width) for y in range(crop.y, crop.bottom)]
    return [line.crop(crop.x, width) for line in lines]


def _nothing(*_: Size | int) -> int:
    """Return how many cells a widget takes that cannot say it."""
    return 0


def _place(error: Exception) -> tuple[type[Exception], CodeType | None, int]:
    """Return what tells one fault from another: its kind, and the line that raised it."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return type(error), None, 0
    return type(error), traceback.tb_frame.f_code, traceback.tb_lineno
