"""An app that survives exceptions of its screens, which in Textual would end it and its transfers.

Textual ends the app at the first exception that a handler, a timer, a layout or a drawing raises.
Here all of them are caught in one place, per widget, so that the others are drawn. The notice to
the person is the app's; nothing here knows what a transfer is.
"""

from __future__ import annotations

import codecs
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import CodeType
from typing import Any, Final

from rich.segment import Segment, Segments
from textual.app import App
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

_log = logging.getLogger(__name__)

#: Drawn in place of a widget that cannot be drawn.
_INSTEAD: Final = "✗ cannot be shown"


class LastingWriter(WriterThread):
    """Textual's writer, which goes on where the terminal is gone."""

    def run(self) -> None:
        """Write what comes until the end; drop what cannot be written."""
        while (text := self._queue.get()) is not None:
            with suppress(OSError):
                self._file.write(text)
                if self._queue.empty():
                    self._file.flush()
        with suppress(OSError):
            self._file.flush()


class SteadyApp(App[None]):
    """An app that survives faults of its screens while it is `steady`.

    Each fault is logged once with its traceback, and the first is printed again when the app ends.
    A place in the program that keeps failing is not logged again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: set[tuple[type[Exception], CodeType | None, int]] = set()

    # -- for the app

    @property
    def steady(self) -> bool:
        """Whether faults are survived; where False, a fault ends the app."""
        return self._running and not self._exit

    def fault_seen(self) -> None:
        """Notify the person; called once for each place that fails, never while drawing."""

    @contextmanager
    def steadily(self) -> Iterator[None]:
        """Handle any Exception that this block raises, and continue after it."""
        try:
            yield
        except Exception as error:
            self._handle_exception(error)

    # -- where Textual reads the terminal, and writes to it

    def get_driver_class(self) -> type[Driver]:
        """Return the driver, which from now on survives what a terminal may do to it.

        Bytes that are no UTF-8 are read as U+FFFD: Textual decodes strictly, and one such byte,
        typed or pasted, would end the app. What cannot be written is dropped: Textual's writer ends
        at the first error, and whoever writes then waits for it for ever.
        """
        driver = super().get_driver_class()
        module = sys.modules[driver.__module__]
        if hasattr(module, "WriterThread"):
            module.WriterThread = LastingWriter  # type: ignore[attr-defined]
        if hasattr(module, "getincrementaldecoder"):  # Windows delivers characters
            module.getincrementaldecoder = _tolerant_decoder  # type: ignore[attr-defined]
        return driver

    # -- where Textual handles exceptions

    def _handle_exception(self, error: Exception) -> None:
        if not self.steady:
            super()._handle_exception(error)
            return
        if self._exception is None:
            self._exception = error  # a Textual pilot raises it at the end of its test
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

        # Textual prints local variables along with a traceback; some of ours are secrets.
        crash = Traceback.from_exception(
            type(error), error, error.__traceback__, width=None, show_locals=False
        )
        self._exit_renderables.append(Segments(self.console.render(crash, self.console.options)))

    # -- where an exception would end Textual's message loop or drawing

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
        """Catch exceptions in this widget's methods; also in Textual's own widgets."""
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
    """Return the lines that replace this part of a widget."""
    width = crop.right
    first = Strip([Segment(_INSTEAD)]).adjust_cell_length(width)
    lines = [first if y == 0 else Strip.blank(width) for y in range(crop.y, crop.bottom)]
    return [line.crop(crop.x, width) for line in lines]


def _nothing(*_: Size | int) -> int:
    """Return the size in cells of a widget that cannot compute it."""
    return 0


def _place(error: Exception) -> tuple[type[Exception], CodeType | None, int]:
    """Return what identifies a fault: its type, and the line that raised it."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return type(error), None, 0
    return type(error), traceback.tb_frame.f_code, traceback.tb_lineno


def _tolerant_decoder(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    return partial(codecs.getincrementaldecoder(encoding), errors="replace")
