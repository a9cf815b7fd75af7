"""What a person chose about how files are sent, and how they arrive: frozen values.

Where they come from is settings/'s, and what follows from them that of who is given them: the
search for files (torrent/sources/), their storage (torrent/storage/), the journal.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Links(StrEnum):
    """What becomes of symbolic links in a folder that is sent.

    KEEP: they arrive as links, where they lead to something that is sent too. FOLLOW: the file that
    they lead to is sent in their place. SKIP: they are left out.
    """

    KEEP = "keep"
    FOLLOW = "follow"
    SKIP = "skip"


class Overwrite(StrEnum):
    """What becomes of a file that is there where one arrives.

    NEVER: it stays, and what arrives gets a number. ASK: a person is asked. OLDER: it is replaced
    where it is older than what arrives.
    """

    NEVER = "never"
    ASK = "ask"
    OLDER = "older"


class Sending(NamedTuple):
    """How chosen files are found and sent.

    exclude: globs, as in a .gitignore, of what is left out of chosen folders. gitignore: leave out
    what git ignores there. times: tell the receiver the modification times. skip: leave out what
    cannot be sent.
    """

    links: Links = Links.FOLLOW
    exclude: tuple[str, ...] = ()
    gitignore: bool = False
    times: bool = True
    skip: bool = False


class Stood(NamedTuple):
    """A file that may be replaced, as it was when somebody agreed to that.

    number: of the file in the request that replaces it. size: in bytes. modified_ns: its
    modification time, in nanoseconds since 1970.
    """

    number: int
    size: int
    modified_ns: int


class Arriving(NamedTuple):
    """How received files are put where they go.

    times: keep the sender's modification times. skip_existing: take nothing that is there with the
    same size and time. replace: what may be replaced although it is not older.
    """

    times: bool = True
    overwrite: Overwrite = Overwrite.NEVER
    skip_existing: bool = False
    replace: tuple[Stood, ...] = ()

    @property
    def merges(self) -> bool:
        """Whether what arrives goes into folders that are there, instead of beside them."""
        return self.skip_existing or self.overwrite is not Overwrite.NEVER


#: As nobody chose anything.
SENDING = Sending()
ARRIVING = Arriving()
