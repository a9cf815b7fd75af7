"""Every key of the screens, in one table: what it is, what it does, and where.

The bindings, the line at the bottom, the help page, the palette, and the keys that sentences name
are made from it. One key has one meaning everywhere, so that a key pressed a moment too late, or
once too often, does the same or nothing: tests/tui/test_keys.py holds that. Actions that should not
happen by mistake (send, share, disconnect, give up one's code) have a capital letter. No Textual
ever lives here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple


class Key(NamedTuple):
    """One action and the keys for it.

    does: its meaning, in a word or two; a key has one such meaning in the whole table. keys: as
    Textual names them, with commas between; sentences and the bottom line name the first. action:
    the method, as Textual names it. label: two words at most, for the bottom line; empty where it
    is not shown there. about: what it does, for help and palette; empty where another entry
    describes it. first: shown first where the bottom line is short. priority: works also while a
    field has the focus.
    """

    does: str
    keys: str
    action: str
    label: str = ""
    about: str = ""
    first: bool = False
    priority: bool = False

    @property
    def shown(self) -> str:
        """The first key as people read it."""
        return as_read(self.keys.split(",")[0])

    @property
    def title(self) -> str:
        """The name in the palette."""
        return self.label or self.does.capitalize()

    @property
    def all_shown(self) -> str:
        """All keys as people read them, for the help page."""
        return " ".join(as_read(key) for key in self.keys.split(","))


class Group(NamedTuple):
    """The keys of one place, box, or kind of widget; those that matter most first."""

    title: str
    keys: tuple[Key, ...]


#: Keys that mean "go on", "this one", "away from here" or a direction everywhere, and those that
#: edit a field. All others have one meaning.
PLAIN: Final = frozenset(
    {"enter", "space", "escape", "tab", "backspace", "up", "down", "left", "right"}
    | {"pageup", "pagedown", "home", "end"}
)

TABLE: Final[dict[str, Group]] = {
    "pair": Group(
        "Pair",
        (
            Key("type code", "enter", "type_code", "Type their code", "type the other's code"),
            Key("copy", "c", "copy", "Copy code", "copy your code"),
            Key("new code", "N", "new_code", "New code", "another code; the old one ends"),
        ),
    ),
    "send": Group(
        "Send",
        (
            Key("send", "S", "send", "Send", "ask the other person to take what is chosen"),
            Key(
                "share", "O", "share", "Share openly", "share it: anyone with the link can download"
            ),
            Key("open", "enter,right", "open", "Open", "go into the folder"),
            Key("up a folder", "left,backspace", "up", "Up", "go to the folder above"),
            Key("find", "slash", "filter", "Find", "show only names with this in them"),
            Key("order", "z", "order", "", "sort by name, size or date"),
            Key("recent", "e", "recent", "", "go to a folder that you chose something in lately"),
            Key("path", "tilde,ctrl+l", "type_path", "", "type or paste a path"),
            Key("hidden", "full_stop", "hidden", "", "show or hide what begins with a dot"),
            Key("without", "w", "without", "", "send without what cannot be sent"),
            Key("none", "u", "clear", "", "choose nothing"),
            Key("look again", "f5", "reload", "", "look at the folder again"),
            Key("away", "escape", "back_out"),
        ),
    ),
    "picker": Group(
        "Choosing",
        (
            Key("choose", "space", "choose", "Choose", "choose or unchoose; also whole folders"),
            Key("all", "a", "all", "", "choose all that is shown"),
            Key("range", "b", "range", "", "begin a range, and end it"),
            Key("choose up", "shift+up,K", "stretch('move', -1)", "", "choose, and go up"),
            Key("choose down", "shift+down,J", "stretch('move', 1)", "", "choose, and go down"),
            Key("choose page up", "shift+pageup", "stretch('page', -1)"),
            Key("choose page down", "shift+pagedown", "stretch('page', 1)"),
            Key("choose to first", "shift+home", "stretch('jump', 0)"),
            Key("choose to last", "shift+end", "stretch('jump', -1)"),
        ),
    ),
    "recent": Group(
        "Recent folders",
        (
            Key("open", "enter,right", "go", "Go there", "go to this folder", first=True),
            Key("away", "escape", "dismiss", "Close", first=True),
            Key("recent", "e", "dismiss"),
        ),
    ),
    "filter": Group(
        "A filter",
        (
            Key("done", "enter,down", "leave(True)", "To the list", "to the list; it stays"),
            Key("leave", "escape", "leave(False)", "Show all", "show all again"),
        ),
    ),
    "transfers": Group(
        "Transfers",
        (
            Key("open folder", "o", "open", "Open folder", "open the folder of what arrived"),
            Key("copy", "c", "copy_link", "Copy link", "copy the link of an open share"),
            Key("copy magnet", "C", "copy_magnet", "Copy magnet", "copy its magnet link"),
            Key("copy", "c", "copy_path", "Copy path", "copy where what arrived is"),
            Key(
                "pause",
                "space",
                "pause",
                "Pause",
                "let no bytes go, on both sides; on a file: leave it out for now",
            ),
            Key("go on", "space", "go_on", "Go on", "let what you paused go on"),
            Key("sooner", "plus", "move(-1)", "Sooner", "send it before others that wait"),
            Key("in its turn", "minus", "move(1)", "", "send it after others that wait"),
            Key("end", "x", "stop", "Stop sharing", "share it no longer"),
            Key("end", "x", "cancel", "Cancel", "give the transfer up, on both sides"),
            Key("try again", "r", "again", "Send again", "send again what is over"),
            Key("try again", "r", "ask_again", "Ask again", "ask for what did not come once more"),
            Key("details", "i", "details", "Details", "pieces and peers, or no longer"),
        ),
    ),
    "app": Group(
        "Anywhere",
        (
            Key("look", "f2", "look", "", "see what somebody asks, and answer", first=True),
            Key("pair", "p", "go('pair')", "", "your code, and a field for theirs"),
            Key("send files", "s", "go('send')", "", "choose what to send"),
            Key("transfers", "t", "go('transfers')", "", "what goes out and comes in"),
            Key("message", "m", "write", "Message", "write a line, and read what was said"),
            Key("verify", "v", "verify", "Verify", "words to compare: equal if nobody is between"),
            Key("remember", "M", "remember", "", "remember each other: then no code is needed"),
            Key("disconnect", "D", "disconnect", "Disconnect", "end the pairing"),
            Key("try again", "r", "retry", "Try again", "look for the relay again"),
            Key("text", "f4", "text", "", "read and copy a text that somebody sent you"),
            Key("history", "H", "history", "", "what was sent and received before"),
            Key("resume", "f3", "resume", "Go on", "go on with all that is unfinished", first=True),
            Key("unfinished", "U", "unfinished", "", "what is unfinished: go on, or forget it"),
            Key("settings", "comma", "settings", "", "colours, name, folder, limits"),
            Key("narrow", "L", "narrow", "", "keep this machine's relay to this machine"),
            Key("limit", "l", "limits", "", "how fast this run may send and receive"),
            Key("commands", "ctrl+p", "command_palette", "", "everything by name", priority=True),
            Key(
                *("suspend", "ctrl+z", "suspend", "", "back to the shell; fg brings it back"),
                priority=True,
            ),
            Key("away", "escape", "dismiss", "", "hide the notice, close a box, leave a field"),
            Key("help", "question_mark,f1", "help", "Help", "this page", first=True),
            Key("quit", "q", "quit", "Quit", "quit; asks while something runs"),
            Key("quit", "ctrl+q", "quit", priority=True),
            Key("people", "P", "people", "People", "everybody you are paired with, or know"),
        ),
    ),
    "request": Group(
        "A request",
        (
            Key("accept", "enter", "accept", "Accept", "take what has a yes", first=True),
            Key("decline", "d", "decline", "Decline", "take nothing", first=True),
            Key("later", "escape", "later", "Later", "close it; it stays open", first=True),
            Key("choose", "space", "choose", "Yes/no", "yes or no to a file or a folder"),
            Key("replace", "W", "replace", "Replace", "replace what is there, or keep it"),
            Key("all", "a", "all(True)", "All", "yes to all that is shown"),
            Key("none", "u", "all(False)", "None", "no to all that is shown"),
            Key("folder", "f", "folder", "Folder", "where to save it"),
            Key("find", "slash", "find", "Find", "show only names with this in them"),
            Key("replace all", "A", "replace_all", "", "replace all that is there, or keep it"),
            Key("left", "left", "fold", "", "close a folder"),
            Key("right", "right", "unfold", "", "open a folder"),
            Key("help", "question_mark,f1", "app.help", "Help", "", first=True),
        ),
    ),
    "question": Group(
        "A question",
        (
            Key("yes", "y", "answer(True)", "Yes", "yes; counts once you had time to read"),
            Key("no", "n,escape", "answer(False)", "No", "no"),
            Key("left", "left", "app.focus_previous", "", "the other button"),
            Key("right", "right", "app.focus_next"),
            Key("up", "up,k", "scroll(-1)"),
            Key("down", "down,j", "scroll(1)"),
        ),
    ),
    "quitting": Group(
        "Quitting",
        (
            Key("yes", "y", "answer(True)", "Keep", "quit; what runs can be gone on with"),
            Key("end", "x", "cancel", "Give up", "quit, and give up what runs, on both sides"),
            Key("no", "n,escape", "answer(False)", "Stay", "do not quit"),
            Key("left", "left", "app.focus_previous", "", "the other button"),
            Key("right", "right", "app.focus_next"),
            Key("up", "up,k", "scroll(-1)"),
            Key("down", "down,j", "scroll(1)"),
        ),
    ),
    "comparing": Group(
        "Comparing words",
        (
            Key("same", "equals_sign,escape", "answer(False)", "The same", "the same words"),
            Key("different", "exclamation_mark", "answer(True)", "Different", "other words"),
            Key("left", "left", "app.focus_previous", "", "the other button"),
            Key("right", "right", "app.focus_next"),
            Key("up", "up,k", "scroll(-1)"),
            Key("down", "down,j", "scroll(1)"),
        ),
    ),
    "talk": Group(
        "Talk",
        (
            Key("say", "enter", "submit", "Send the line", "send the line"),
            Key("leave", "escape", "close", "Close", "close the field; what is in it stays"),
            Key("up", "up", "talk(-1, False)", "Earlier", "what was said before"),
            Key("down", "down", "talk(1, False)", "", "what was said after"),
            Key("page up", "pageup", "talk(-1, True)", "", "a page of it before"),
            Key("page down", "pagedown", "talk(1, True)", "", "a page of it after"),
        ),
    ),
    "code": Group("A code", (Key("done", "enter", "submit", "Pair"),)),
    "field": Group(
        "A field",
        (
            Key("done", "enter", "submit", "Done", ""),
            Key("complete", "tab", "complete", "Complete the word", "complete the word"),
            Key("leave", "escape", "leave", "Leave the field", ""),
        ),
    ),
    "list": Group(
        "A list",
        (
            Key("up", "up,k", "move(-1)", "", "up"),
            Key("down", "down,j", "move(1)", "", "down"),
            Key("page up", "pageup", "page(-1)", "", "a page up"),
            Key("page down", "pagedown", "page(1)", "", "a page down"),
            Key("first", "home,g", "jump(0)", "", "the first"),
            Key("last", "end,G", "jump(-1)", "", "the last"),
        ),
    ),
    "settings": Group(
        "Settings",
        (
            Key(
                "save", "ctrl+s", "save", "Save", "save them, and close", first=True, priority=True
            ),
            Key("away", "escape", "close", "Leave as it was", "close, and change nothing"),
            Key("help", "f1", "app.help", "Help"),
        ),
    ),
    "limits": Group(
        "Limits",
        (
            Key("done", "enter", "set", "Set", "limit it from now on, and close", first=True),
            Key("away", "escape", "dismiss", "Leave", "close, and change nothing"),
            Key("help", "f1", "app.help", "Help"),
        ),
    ),
    "rate": Group(
        "A rate",
        (
            Key("up", "up", "step(1)", "", "the next higher of the usual rates"),
            Key("down", "down", "step(-1)", "", "the next lower"),
            Key("done", "enter", "submit", "Set", first=True),
        ),
    ),
    "history": Group(
        "History",
        (
            Key("open folder", "enter,o", "open", "Open folder", "open its folder", first=True),
            Key("find", "slash", "filter", "Find", "show only names with this in them"),
            Key("end", "x", "clear", "Delete all", "delete the whole history; files stay"),
            Key("away", "escape", "dismiss", "Close", first=True),
            Key("history", "H", "dismiss"),
        ),
    ),
    "unfinished": Group(
        "Unfinished",
        (
            Key("resume this", "enter", "choose", "Go on", "go on with this one", first=True),
            Key("resume", "f3", "resume", "All", "go on with all of them", first=True),
            Key("end", "x", "forget", "Forget", "forget it, with what arrived of it", first=True),
            # With `Esc` the line is too long for the narrowest screen by two cells.
            Key("unfinished", "U", "dismiss", "Close", first=True),
            Key("away", "escape", "dismiss"),
        ),
    ),
    "people": Group(
        "People",
        (
            Key("send to", "enter", "send", "Send", "send them what is chosen", first=True),
            Key(
                "ask nearby",
                "enter",
                "meet",
                "Ask to pair",
                "ask who is nearby to pair",
                first=True,
            ),
            Key("choose", "space", "mark", "Mark", "them, too, or not", first=True),
            Key("turn to", "T", "turn", "Turn to", "the other screens are about them from now on"),
            Key("rename", "R", "rename", "Rename", "your own name for them"),
            Key("end", "x", "stop", "Stop waiting", "wait for them no longer"),
            Key("end", "x", "forget", "Forget", "forget each other: a code is needed again"),
            Key("disconnect", "D", "disconnect", "Disconnect", "end the pairing"),
            Key("allow", "Y", "allow", "Allow", "what filesend listen takes of them unasked"),
            Key("visible", "V", "be_seen", "Nearby", "see who is nearby, and be seen; or neither"),
            Key("people", "P", "dismiss", "Close", first=True),
            Key("away", "escape", "dismiss"),
        ),
    ),
    "naming": Group(
        "Renaming",
        (Key("away", "escape", "dismiss", "Leave", "close, and change nothing", first=True),),
    ),
    "allowing": Group(
        "What is allowed",
        (
            Key("done", "enter", "set", "Set", "keep it, and close", first=True),
            Key("away", "escape", "dismiss", "Leave", "close, and change nothing", first=True),
            Key("help", "f1", "app.help", "Help"),
        ),
    ),
    "allow": Group("A bound", (Key("done", "enter", "submit", "Set", first=True),)),
    "name": Group("A name", (Key("done", "enter", "submit", "Rename", first=True),)),
    "turning": Group(
        "A choice of a few",
        (
            Key("left", "left", "turn(-1)", "", "the one before"),
            Key("right", "right,space", "turn(1)", "Next", "the next"),
        ),
    ),
    "text": Group(
        "A text",
        (
            Key("copy", "c", "copy", "Copy", "copy all of the text"),
            Key("left", "left", "turn(-1)", "", "the text before"),
            Key("right", "right", "turn(1)", "", "the text after"),
            Key("away", "escape", "dismiss", "Close"),
            Key("text", "f4", "dismiss"),
            Key("help", "question_mark,f1", "app.help", "Help"),
        ),
    ),
    "help": Group(
        "Help",
        (
            Key("away", "escape,enter", "dismiss", "Close"),
            Key("help", "question_mark,f1", "dismiss"),
        ),
    ),
}

#: Groups of the widgets that a place always contains.
WITHIN: Final = {"send": ("picker",)}

_READ: Final = {
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "tab": "Tab",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "backspace": "Backspace",
    "question_mark": "?",
    "exclamation_mark": "!",
    "equals_sign": "=",
    "slash": "/",
    "tilde": "~",
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "comma": ",",
}


def shown(does: str) -> str:
    """Return the key that does this, for sentences. Raises KeyError where nothing does it."""
    return _BY_MEANING[does].shown


def every() -> Iterator[tuple[str, Key]]:
    """Yield each place with each of its keys."""
    for place, group in TABLE.items():
        for key in group.keys:
            yield place, key


def as_read(key: str) -> str:
    """Return a key of Textual's naming as people read it."""
    if key.startswith("ctrl+"):
        return f"Ctrl+{key[5:].upper()}"
    if key.startswith("shift+"):
        return f"⇧{as_read(key[6:])}"
    if key.startswith("f") and key[1:].isdecimal():
        return key.upper()
    return _READ.get(key, key)


_BY_MEANING: Final = {key.does: key for _, key in reversed(list(every()))}
