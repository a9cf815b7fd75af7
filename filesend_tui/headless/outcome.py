"""The outcome of one paired run. Pure: events in; done, or the error that ended it, out."""

from __future__ import annotations

from filesend_tui.core import events
from filesend_tui.core.errors import (
    Cancelled,
    Declined,
    FileSendError,
    PartnerGone,
    RelayUnreachable,
)
from filesend_tui.core.events import Direction, TransferPhase
from filesend_tui.headless.narration import cancelled_text, declined_text


class Outcome:
    """The state of a run's transfers, until all of them have ended.

    open_transfers: the ids of those that have not. expecting: whether more are to come, so that it
    is not over yet.
    """

    def __init__(self, *, expecting: bool = False) -> None:
        self.expecting = expecting
        self.open_transfers: set[str] = set()
        self._there: set[str] = set()
        self._any_ended = False
        self._failure: FileSendError | None = None
        self._broken: FileSendError | None = None
        self._errors: dict[str, FileSendError] = {}

    def see(self, event: events.Event) -> bool:
        """Take the next event; return whether everything is done.

        Raises:
            FileSendError: Everything has ended; this is the first failure.
        """
        match event:
            case events.FileRequest():
                self.open_transfers.add(event.transfer)
            case events.Error(transfer=str(transfer)):
                self._errors[transfer] = raised(event)
            case events.AlreadyThere(everything=True):
                self._there.add(event.transfer)
            case events.Error(torrent=None):
                self._broken = raised(event)
            case events.TransferState() if event.phase.ended:
                self._ended(event)
            case events.Text(outgoing=False):
                self._any_ended = True
            case events.PartnerGone():
                self._partner_gone(event)
        if self.open_transfers or self.expecting or not self._any_ended:
            return False
        if self._failure:
            raise self._failure
        return True

    def failed(self, error: FileSendError) -> None:
        """Record that something came to nothing; the first such is raised at the end."""
        self._failure = self._failure or error
        self._any_ended = True

    def _ended(self, event: events.TransferState) -> None:
        if event.transfer not in self.open_transfers:
            return
        self.open_transfers.discard(event.transfer)
        self._any_ended = True
        if event.phase is TransferPhase.FAILED:
            known = self._errors.get(event.transfer)
            self._failure = self._failure or known or _failure(event)
        elif event.phase is not TransferPhase.DONE and event.transfer not in self._there:
            self._failure = self._failure or _failure(event)

    def _partner_gone(self, event: events.PartnerGone) -> None:
        # Open transfers fail with events of their own; this counts where there are none.
        if not self._any_ended and not self.open_transfers:
            self._failure = self._why_broken(event.reason) or _departure(event)
            self._any_ended = True

    def _why_broken(self, reason: str) -> FileSendError | None:
        """Return the published error for which this side disconnected, if it did."""
        hung_up = self._broken is not None and self._broken.code == RelayUnreachable.code
        return self._broken if reason == "broken" or (reason == "relay" and hung_up) else None


class Told(FileSendError):
    """A failure that the event stream has reported, which is not reported again."""


def raised(event: events.Error) -> Told:
    """Return a published error as one that can be raised, with the same code and words."""
    error = Told(event.message, event.hint)
    error.code = event.code
    return error


def _failure(event: events.TransferState) -> FileSendError:
    why = f": {event.reason.rstrip('.')}" if event.reason else ""
    match event.phase:
        case TransferPhase.DECLINED:
            if event.direction is Direction.SEND:
                return Declined(declined_text(event))
            return Declined("You declined.", "Ask them to send again if you want the files.")
        case TransferPhase.CANCELLED:
            return Cancelled(cancelled_text(event))
    return FileSendError(f"The transfer failed{why}.")


def _departure(event: events.PartnerGone) -> FileSendError:
    match event.reason:
        case "relay":
            return RelayUnreachable("The connection to the relay was lost.")
        case "left":
            return PartnerGone(f"{event.partner} left before everything was done.")
    return PartnerGone(f"The connection to {event.partner} was lost.")
