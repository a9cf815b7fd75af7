"""Notices: the lines shown to a person when something ends or goes wrong, and what to do next.

Pure functions from an event or a row to a sentence and a hint. The store decides when one is shown.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.events import TransferId, TransferPhase
from filesend_tui.core.util.figures import size_text
from filesend_tui.core.util.text import visible
from filesend_tui.keys import shown
from filesend_tui.state.figures import limits_words, resumed_text, short_path, who_words
from filesend_tui.state.views import Level, Notice, ShareRow, TransferRow, named
from filesend_tui.system.file_manager import path_of

#: Subjects of a notice, besides a transfer or a command.
RELAY: Final = "relay"
PARTNER: Final = "partner"
CODE: Final = "code"
TALK: Final = "talk"
UNFINISHED: Final = "unfinished"
#: The person's last action on the screen.
HERE: Final = "here"

#: Characters of a message that a notice shows.
_FIRST_WORDS: Final = 44

#: Transfers that are listed when the screens close.
MAX_RECEIPTS: Final = 50

RELAY_LOST: Final = Notice(
    Level.ERROR,
    "The connection to the relay was lost.",
    f"It is tried again by itself; {shown('try again')} tries at once.",
    "relayUnreachable",
    RELAY,
)
RELAY_AWAY: Final = Notice(
    Level.WARNING,
    "The relay is away; what is under way goes on.",
    f"It is tried again by itself; {shown('try again')} tries at once.",
    "relayAway",
    RELAY,
)
CODE_BURNED: Final = Notice(
    Level.WARNING,
    "Your code was used up by a wrong try.",
    f"Press {shown('new code')} for a new one, and tell that.",
    about=CODE,
)
SCREEN_FAULT: Final = Notice(
    Level.ERROR,
    "A part of the screen is broken; your transfers go on.",
    "What broke is told when you quit: please report it.",
    "screenFault",
)

#: The consequences of using a relay that another user of this machine runs.
RELAY_OF_ANOTHER: Final = (
    "Whoever runs a relay sees when you meet whom, and how much goes, but not what. Without it: "
    "start one with filesend relay --port N, and name it with --relay."
)

#: Sent to the partner where the compared words differ.
DIFFERENT_WORDS: Final = "The words to compare are different here, so I disconnected."

#: Why a code that may have been given away was replaced without the person asking.
_REPLACED: Final = {
    "relay": "the connection to the relay was lost",
    "joined": "you typed another person's",
}

_GONE: Final = {
    "left": "{} left.",
    "lost": "The connection to {} was lost.",
    "relay": "The relay went away, and with it the link to {}.",
    "self": "You disconnected from {}.",
}


def exposed_login(path: Path) -> Notice:
    """Return the notice that other people can read a password in the settings file."""
    return Notice(
        Level.WARNING,
        f"Others on this machine can read the password in {path}.",
        f"Keep it to yourself: chmod 600 {shlex.quote(str(path))}",
    )


def somebody_here(partner: str) -> Notice:
    """Return the notice of somebody who came beside a partner, or whom one knows."""
    return Notice(Level.GOOD, f"{partner} is here, too.", f"{shown('people')} shows everybody.")


def asks_nearby(person: str) -> Notice:
    """Return the notice that somebody nearby was asked to pair."""
    message = f"{person} sees that you would like to pair."
    return Notice(Level.INFO, message, "Tell them your code, so that you know it is them.")


def asked_nearby(person: str) -> Notice:
    """Return the notice that somebody who says that they are nearby asks to pair."""
    message = f"{person}, nearby, would like to pair."
    hint = f"Ask them for the code on their screen; {shown('type code')} types it."
    return Notice(Level.INFO, message, hint)


def waits_for(people: Sequence[str]) -> Notice:
    """Return the notice that these are waited for, to send to them."""
    message = f"It goes to {named(people)} once they are here."
    return Notice(Level.INFO, message, f"{shown('people')} shows who is waited for.")


def waits_no_longer(person: str) -> Notice:
    """Return the notice that somebody is not waited for any more."""
    return Notice(Level.INFO, f"Nothing is sent to {person}: they are no longer waited for.")


def turned_to(partner: str) -> Notice:
    """Return the notice that the screens are about another partner now."""
    return Notice(Level.GOOD, f"What you send and write now is for {partner}.", about=HERE)


def partner_gone(event: events.PartnerGone, *, known: bool) -> Notice:
    """Return the notice of how the pairing ended. known: they can be met without a code."""
    message = _GONE.get(event.reason, _GONE["lost"]).format(event.partner)
    level = Level.INFO if event.reason == "self" else Level.WARNING
    pair = f"ress {shown('pair')} to pair again."
    reach = f"{shown('people')} reaches them again, without a code."
    if event.reason == "relay":
        hint = f"It is looked for again by itself; then {reach if known else f'p{pair}'}"
        return Notice(level, message, hint, "partnerGone", RELAY)
    return Notice(level, message, reach if known else f"P{pair}", "partnerGone")


def partner_away(event: events.PartnerAway) -> Notice:
    """Return the notice that the partner is away."""
    return Notice(
        Level.WARNING,
        f"{event.partner} is away.",
        "What was going on continues when they are back.",
        "partnerAway",
        PARTNER,
    )


def partner_again(partner: str) -> Notice:
    """Return the notice that the partner of an earlier run is there."""
    return Notice(Level.GOOD, f"{partner} is here: what was unfinished goes on.")


def unfinished(left: Sequence[events.Unfinished]) -> Notice:
    """Return the notice of what earlier runs did not finish."""
    one = len(left) == 1
    what = f"{left[0].name} is unfinished." if one else f"{len(left)} transfers are unfinished."
    it = "it" if one else "them"
    hint = f"{shown('resume')} goes on with {it}, {shown('unfinished')} shows {it}."
    return Notice(Level.INFO, what, hint, about=UNFINISHED)


def expired(event: events.Forgotten) -> Notice:
    """Return the notice that something unfinished was forgotten after a month."""
    gone = f"What arrived of it was in {event.path}." if event.path is not None else ""
    message = f"Nobody went on with {event.name or 'a transfer'} for a month: it is forgotten."
    return Notice(Level.INFO, message, gone)


def goes_on(left: Sequence[events.Unfinished]) -> Notice:
    """Return the notice that these go on, and for whom they wait."""
    what = left[0].name if len(left) == 1 else f"{len(left)} transfers"
    partners = list(dict.fromkeys(each.partner for each in left))
    there = f"{named(partners)} {'is' if len(partners) == 1 else 'are'} there, too"
    hint = f"It waits until {there}; meanwhile all else works."
    return Notice(Level.INFO, f"Going on with {what}.", hint, about=HERE)


def at_another_relay(relay: str) -> Notice:
    """Return the notice that what is unfinished was at another relay than this run is at."""
    message = f"What is unfinished was at another relay, {relay}."
    return Notice(Level.WARNING, message, f"{shown('resume')} goes there, too.", about=UNFINISHED)


def code_changed(reason: str) -> Notice | None:
    """Return the notice that the code changed, and why; None where the person knows."""
    if (why := _REPLACED.get(reason)) is None:
        return None
    message = f"Your code changed, the old one no longer works: {why}."
    return Notice(Level.WARNING, message, "Tell the new one.")


def error(event: events.Error) -> Notice:
    """Return the notice of an error."""
    about = RELAY if event.code == "relayUnreachable" else event.transfer or ""
    return Notice(Level.ERROR, event.message, event.hint, event.code, about)


def message(event: events.Message) -> Notice:
    """Return the notice of a message: its sender and its first words."""
    words = event.text
    if len(words) > _FIRST_WORDS:
        words = words[: _FIRST_WORDS - 1].rstrip() + "…"
    hint = f"{shown('message')} shows the talk."
    return Notice(Level.INFO, f"{event.partner}: {words}", hint, about=TALK)


def text(event: events.Text) -> Notice:
    """Return the notice of a text: its sender, and how long it is."""
    lines = event.text.count("\n") + (not event.text.endswith("\n"))
    size = "a line" if lines == 1 else f"{lines:,} lines"
    return Notice(
        Level.INFO,
        f"{event.partner} sent you a text of {size}.",
        f"{shown('text')} shows it.",
        about=TALK,
    )


def already_there(event: events.AlreadyThere) -> Notice:
    """Return the notice of files that are not received, as they are there."""
    files = "1 file is" if event.count == 1 else f"{event.count:,} files are"
    rest = "Nothing is left to receive." if event.everything else "The rest is received."
    return Notice(Level.INFO, f"{files} there already, with the same size and time.", rest)


def left_out(event: events.LeftOut) -> Notice:
    """Return the notice of chosen things that are not sent."""
    first = event.things[0]
    if event.count == 1:
        message = f"Left out: {first.path} {first.reason}."
    else:
        message = f"{event.count:,} things are left out, such as {first.path}: it {first.reason}."
    return Notice(Level.WARNING, message, "The rest is sent.")


def journal_trouble(event: events.JournalTrouble) -> Notice:
    """Return the notice that the journal fails."""
    return Notice(Level.WARNING, event.message, event.hint)


def leftover(event: events.Leftover) -> Notice:
    """Return the notice of an earlier run's leftovers, and whether they were removed."""
    level = Level.INFO if event.removed or event.resumable else Level.WARNING
    return Notice(level, event.message, event.hint)


def resumed(event: events.Metadata) -> Notice | None:
    """Return the notice that a download goes on with what an earlier run left, if it does."""
    if not (text := resumed_text(event)):
        return None
    return Notice(
        Level.INFO, f"{event.name} {text}.", "Only the rest is fetched.", about=event.transfer or ""
    )


def storage_waits(event: events.StorageWaits) -> Notice:
    """Return the notice that a download waits for its disk."""
    return Notice(
        Level.WARNING, event.message, event.hint, "storageWaits", about=event.transfer or HERE
    )


def storage_back(event: events.StorageBack) -> Notice:
    """Return the notice that it goes on."""
    message = "The disk can be written to again: the download goes on."
    return Notice(Level.INFO, message, "", about=event.transfer or HERE)


def paused(row: TransferRow) -> Notice:
    """Return the notice that the partner paused a transfer."""
    hint = "It goes on when they let it." if not row.paused_here else "You have paused it too."
    return Notice(Level.INFO, f"{row.partner} paused {row.name}.", hint, about=row.id)


def resumed_by_partner(row: TransferRow) -> Notice:
    """Return the notice that the partner lets a transfer go on."""
    return Notice(Level.INFO, f"{row.partner} lets {row.name} go on.", about=row.id)


def files_paused(row: TransferRow) -> Notice:
    """Return the notice that the partner leaves files of a transfer out for now."""
    if not row.paused_files:
        return Notice(Level.INFO, f"{row.partner} fetches all of {row.name} again.", about=row.id)
    message = f"{row.partner} leaves out {_files(row.paused_files)} of {row.name} for now."
    return Notice(Level.INFO, message, "The rest goes on.", about=row.id)


def _files(which: Sequence[int]) -> str:
    return "one file" if len(which) == 1 else f"{len(which):,} files"


def wish(transfer: TransferId) -> str:
    """Return the subject of the notice that a transfer was asked for once more."""
    return f"again {transfer}"


def send_again(row: TransferRow, *, known: bool) -> Notice:
    """Return the notice that a transfer was asked for once more, by the partner or here.

    known: Whether it is known from which paths it was sent.
    """
    if not row.sending:
        message = f"You asked {row.partner} to send {row.name} again."
        return Notice(Level.GOOD, message, "They decide.", about=wish(row.id))
    hint = f"{shown('transfers')}, then {shown('try again')}, sends it."
    if not known:
        hint = f"{shown('send files')} leads to your files, to choose it there."
    message = f"{row.partner} asks you to send {row.name} again."
    return Notice(Level.INFO, message, hint, about=wish(row.id))


def arrived(row: TransferRow) -> Notice:
    """Return the notice that a transfer arrived here."""
    hint = f"Press {shown('open folder')} to open its folder."
    return Notice(Level.GOOD, f"{row.name} arrived.", hint, about=row.id)


def share_stopped(row: ShareRow) -> Notice:
    """Return the notice that something is no longer shared openly."""
    return Notice(Level.INFO, f"{row.name} is no longer shared.", "Who took it keeps it.")


def ended(row: TransferRow) -> Notice | None:
    """Return the notice of how a transfer ended; None where the row or another event shows it."""
    match row.phase:
        case TransferPhase.DECLINED if row.sending:
            message = f"{row.partner} said no to {row.name}."
            hint = "Talk to them, then ask again."
            return Notice(Level.WARNING, message, hint, "declined", "request")
        case TransferPhase.CANCELLED:
            why = f" ({row.reason})" if row.reason else ""
            who = who_words(row.ended_by, row.partner, you="You")
            message = f"{who} cancelled {row.name}" if who else f"{row.name} was cancelled"
            message += f"{why}."
            return Notice(
                Level.WARNING, message, "Send again when you are both ready.", about=row.id
            )
        case TransferPhase.FAILED if not row.hint:
            why = f": {row.reason}" if row.reason else "."
            message = f"{row.name} did not arrive{why}"
            return Notice(Level.ERROR, message, "Send it again.", about=row.id)
        case TransferPhase.DONE if row.sending:
            return Notice(Level.GOOD, f"{row.partner} has {row.name}.", about=row.id)
        case _:
            return None


def dropped(names: Sequence[str], refused: Sequence[str]) -> Notice:
    """Return the notice of dropped files. refused: those that cannot be sent, with reasons."""
    if not refused:
        return Notice(Level.GOOD, f"Chosen: {named(names)}.")
    chosen = f"Chosen: {named(names)}. " if names else ""
    return Notice(Level.WARNING, f"{chosen}{named(refused)} cannot be sent.")


def unsendable_question(reasons: Sequence[tuple[str, str]], most: int) -> tuple[str, str]:
    """Return a question about sending without these, and the first `most` with their reasons."""
    count = len(reasons)
    listed = [f"{name} {why}" for name, why in reasons[:most]]
    if count > most:
        listed.append(f"and {count - most:,} more")
    these = "this one" if count == 1 else f"these {count:,}"
    return f"Send without {these}?", "\n".join(listed)


def receipts(rows: Sequence[TransferRow]) -> list[str]:
    """Return a line for each transfer that arrived here: its name, size and path.

    They are printed after the screens close, without terminal control characters.
    """
    came = [row for row in rows if row.url and row.phase is TransferPhase.DONE]
    lines = [
        f"Received {visible(row.name)} ({size_text(row.wanted_bytes)})"
        f" → {short_path(path_of(row.url))}"
        for row in came[-MAX_RECEIPTS:]
    ]
    more = len(came) - len(lines)
    return [f"Received {more} more before.", *lines] if more else lines


def comparing_question(words: str, partner: str) -> tuple[str, str]:
    """Return the verification words as a question, and how to compare them."""
    return (
        f"Your words: {words}",
        f"Compare them with {partner}, by voice or face to face. Where both of you see the same "
        "words, nobody is in between. Different words: disconnect, and use another relay.",
    )


def ending_question(
    verb: str, running: Sequence[TransferRow], shares: Sequence[ShareRow]
) -> tuple[str, str] | None:
    """Return a question and the effect of a yes; None where nothing would end."""
    doing, ends = [], []
    if running:
        doing.append("a transfer is running" if len(running) == 1 else "transfers are running")
        ends.append(f"{_names(running)} will be cancelled on both sides.")
    if shares:
        doing.append("files are shared openly")
        known = [row for row in shares if not row.preparing]
        ends.append(f"The link to {_names(known) if known else 'them'} will stop working.")
    return (f"{verb} while {' and '.join(doing)}?", " ".join(ends)) if doing else None


def quitting_question(
    running: Sequence[TransferRow], shares: Sequence[ShareRow]
) -> tuple[str, str]:
    """Return a question about quitting while transfers run, and what becomes of them."""
    asked = ending_question("Quit", running, shares)
    assert asked is not None
    it = "it" if len(running) == 1 else "them"
    known = [row for row in shares if not row.preparing]
    share = f" The link to {_names(known) if known else 'them'} will stop working." * bool(shares)
    return asked[0], (
        f"{_names(running)}: keep {it} for later, and {shown('resume')} goes on with {it} once you "
        f"are both there again; or give {it} up, on both sides.{share}"
    )


def unsent_question(people: Sequence[str]) -> tuple[str, str] | None:
    """Return a question about quitting while these are waited for; None for nobody."""
    if not people:
        return None
    return "Quit before it is sent?", f"{named(people)}: what you chose for them is not sent then."


def _names(rows: Sequence[TransferRow | ShareRow]) -> str:
    return named([row.name for row in rows])


def limited(upload: int | None, download: int | None) -> str:
    """Return how fast this run may be, in a sentence."""
    return f"{limits_words(upload, download)}, until you quit."
