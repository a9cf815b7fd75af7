"""Errors a person can act on: each has a stable code, a sentence, and a hint what to do next.

Every failure that may reach a face is one of these. They never contain secrets (codes, keys).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from filesend_tui.core.util.text import clean

_MAX_TEXT = 4096


class FileSendError(Exception):
    """Something went wrong that is reported to a person.

    Args:
        message: One sentence that says what happened.
        hint: One sentence that says what to do next; the class's own if empty.
    """

    #: Stable name of the kind of failure; part of the `--json` interface.
    code = "failed"
    default_hint = "Try again; if it keeps failing, run with --log-level debug."

    def __init__(self, message: str, hint: str = "") -> None:
        # It may contain names of local files, which strangers may have chosen too.
        self.message = clean(message, _MAX_TEXT)
        self.hint = clean(hint, _MAX_TEXT) or self.default_hint
        super().__init__(self.message)


def broken(error: BaseException) -> FileSendError:
    """Return the error for a fault of this program; the log has the details."""
    return FileSendError(f"Something in this program broke: {type(error).__name__}.")


class RelayUnreachable(FileSendError):
    """The relay does not answer, or the connection to it was lost."""

    code = "relayUnreachable"
    default_hint = "Check the address and the network, or start a relay with `filesend relay`."


class PairingFailed(FileSendError):
    """The two sides could not be paired, for none of the reasons that have a code of their own."""

    code = "pairingFailed"
    default_hint = "Ask the other person for a new code."


class UnknownCode(PairingFailed):
    """No such code is open at this relay."""

    code = "unknownCode"
    default_hint = "Check the number, and that both of you use the same relay."


class NameplateTaken(PairingFailed):
    """The number that was wanted for a code is not free at this meeting place."""

    code = "nameplateTaken"
    default_hint = "Ask for a code once more: it gets another number."


class UsedCode(PairingFailed):
    """The code was already claimed by somebody."""

    code = "usedCode"
    default_hint = "A code works once. Ask for a new one."


class ExpiredCode(PairingFailed):
    """Nobody used the code in time."""

    code = "expiredCode"
    default_hint = "Ask for a new code and use it within ten minutes."


class WrongCode(PairingFailed):
    """The words did not match; the code is burned."""

    code = "wrongCode"
    default_hint = "One wrong guess burns a code. Ask for a new one and check the words."


class WrongSecret(PairingFailed):
    """The other side of a meeting does not hold the secret that two people share."""

    code = "wrongSecret"
    default_hint = "Nothing was told to them. Try again through another relay, or pair by a code."


class InvalidCode(PairingFailed):
    """What was typed is not a code."""

    code = "invalidCode"
    default_hint = "A code is a number and two words, like 4711-apple-violin."


class NotVerified(PairingFailed):
    """The two people compared their verification words, and they differ."""

    code = "notVerified"
    default_hint = "Somebody may be in between. Make a new code, and use a relay that you trust."


class UnknownContact(FileSendError):
    """Nobody of this name is remembered."""

    code = "unknownContact"
    default_hint = "filesend contacts lists whom you remember."


class ContactDoubted(PairingFailed):
    """Somebody else has used a copy of what two people remember of each other."""

    code = "contactDoubted"
    default_hint = (
        "Both of you forget the other, pair by a code, and remember each other anew: a copy of "
        "what one of you had was used, or one of you went back to an older copy."
    )


class ContactAway(FileSendError):
    """A contact did not come in time."""

    code = "contactAway"
    default_hint = "They must run filesend, or filesend listen. Ask them, and try again."


class NotPaired(FileSendError):
    """Nobody is at the other end."""

    code = "notPaired"
    default_hint = "Pair with somebody first."


class SeveralPartners(FileSendError):
    """This side is paired with several people, and the command names none of them."""

    code = "severalPartners"
    default_hint = "Say which of them it is for, by the id of the session."


class PartnerGone(FileSendError):
    """The other person left or their connection was lost."""

    code = "partnerGone"
    default_hint = "Pair again and send again; nothing half-done was left in the folder."


class PartnerSilent(FileSendError):
    """The other machine is there, and does not do what is its turn."""

    code = "partnerSilent"
    default_hint = "Ask the other person whether their machine works; then have it sent again."


class OutOfStep(FileSendError):
    """One side of a session has forgotten words of it: its journal is an old copy."""

    code = "outOfStep"
    default_hint = "Pair again, and send what is left of it again."


class RelayTampered(FileSendError):
    """What the relay delivered is not what the other person sent, or not in their order."""

    code = "relayTampered"
    default_hint = "You were disconnected. Do not trust this relay: pair again through another."


class RequestGone(FileSendError):
    """A request that was to be answered has ended, or never existed."""

    code = "requestGone"
    default_hint = "Ask the other person to send again."


class UnderWay(FileSendError):
    """Something unfinished is what another process is at."""

    code = "underWay"
    default_hint = "End that process, or wait until it is done."


class Declined(FileSendError):
    """The other person said no."""

    code = "declined"
    default_hint = "Talk to them, then ask again."


class Cancelled(FileSendError):
    """One side gave the transfer up."""

    code = "cancelled"
    default_hint = "Send again when you are both ready."


class NoSpace(FileSendError):
    """The disk has no room for what was offered.

    Args:
        message: As for every error.
        missing: How many bytes more would be enough, where that is known.
    """

    code = "noSpace"
    default_hint = "Free some room or choose another folder."

    def __init__(self, message: str, hint: str = "", *, missing: int = 0) -> None:
        super().__init__(message, hint)
        self.missing = missing


class BadMagnet(FileSendError):
    """What was given is not a magnet link this program can use."""

    code = "badMagnet"
    default_hint = "A magnet link starts with magnet:?xt=urn:btih: and names at least one tracker."


class BadSharePage(FileSendError):
    """What was given is not a page that a share link can point to."""

    code = "badSharePage"
    default_hint = "Give the whole address of the page, such as https://instant.io/."


class BadMetadata(FileSendError):
    """A torrent's info dictionary is malformed, unsafe, or not what was offered."""

    code = "badMetadata"
    default_hint = "Ask the sender to send again; do not trust this one."


class Offender(NamedTuple):
    """Something that cannot be sent. why: the reason, such as `may not be read`."""

    path: Path
    why: str


class BadSource(FileSendError):
    """Something chosen to be sent cannot be read, or changed while it was read.

    Args:
        message: As for every error.
        hint: As for every error.
        offenders: All that cannot be sent, if the whole choice was checked.
        told: The text for the other person; it names nothing but what was offered.
    """

    code = "badSource"
    default_hint = "Check that it exists and that you may read it."

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        offenders: Iterable[Offender] = (),
        told: str = "",
    ) -> None:
        super().__init__(message, hint)
        self.offenders = tuple(offenders)
        self.told = told


class StorageFailed(FileSendError):
    """Files cannot be written to their folder, or read from it."""

    code = "storageFailed"
    default_hint = "Check the folder's permissions and the disk, then try again."


class StreamDamaged(FileSendError):
    """The hash of a stream that arrived is not that of the stream that was sent."""

    code = "streamDamaged"
    default_hint = "Do not use what came of it; have it sent again."


class ReaderGone(FileSendError):
    """The program that reads a received stream has closed it before its end."""

    code = "readerGone"
    default_hint = "The rest of it was not taken; have it sent again if you need that."


class TrackerFailed(FileSendError):
    """A tracker does not answer or refuses this swarm."""

    code = "trackerFailed"
    default_hint = "Check the tracker's address, or use a relay of your own."


class NoPeers(FileSendError):
    """The other machine, or any peer that has the files, was not reached in time."""

    code = "noPeers"
    default_hint = "Check that the other side is still there and that no firewall blocks UDP."


class ChannelFailed(FileSendError):
    """A connection to one peer could not be made, or broke; or settings contradict each other."""

    code = "channelFailed"
    default_hint = "The transfer goes on with other peers where there are any."
