"""`filesend send`: options in, the headless face's `send` run, an exit code out."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import typer

from filesend_tui.cli.common import Refused, check_there, settle
from filesend_tui.cli.options import (
    CONNECTION,
    LOG,
    MOST_PEOPLE,
    SENT,
    STDIN,
    AsOption,
    AtOption,
    JsonOption,
    LinkOption,
    ReceiversOption,
    RememberOption,
    ResumeOption,
    SendCodeOption,
    SendPathsArgument,
    SkipOption,
    TextOption,
    ToOption,
    VerifyOption,
    WaitOption,
    places_in,
    takes,
    wait_of,
)

if TYPE_CHECKING:
    from filesend_tui.core.client import Client
    from filesend_tui.headless import paired
    from filesend_tui.headless.contacts.calling import Whom
    from filesend_tui.headless.several.sending import Audience

#: What a stream is called that has no name.
STREAM_NAME: Final = "stream"


@takes("relay", "listen", "trackers", "name", "copy", *SENT, *CONNECTION, *LOG)
def send(
    context: typer.Context,
    paths: SendPathsArgument = None,
    *,
    text: TextOption = None,
    stream_name: AsOption = None,
    code: SendCodeOption = None,
    link: LinkOption = False,
    to: ToOption = None,
    wait: WaitOption = None,
    remember: RememberOption = False,
    at: AtOption = None,
    receivers: ReceiversOption = None,
    resume: ResumeOption = None,
    verify: VerifyOption = False,
    skip_unreadable: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Send files and folders, a text or a stream, to whom you pair with or whom you remember."""
    paths, to, patience = paths or [], to or [], wait_of(wait)
    stream = [str(each) for each in paths] == [STDIN]
    if wait is not None and not to:
        raise Refused("--wait goes with --to: a code has its own time.")
    several = _check_people(code, to, receivers, remember=remember)
    if remember and (text is not None or stream):
        raise Refused("--remember goes with files, and not with a text or a stream.")
    if link and (code is not None or to or stream):
        raise Refused("--link goes instead of --code and --to; it takes no stream.")
    who = _Who(code, to, (receivers or 0) if several else 0, patience, link)
    if text is not None:
        if paths or stream_name is not None or resume:
            raise Refused("--text goes alone: without paths, --as and --resume.")
        raise typer.Exit(_send_text(context, text, who, at, verify=verify, json=json))
    if stream:
        if several:
            raise Refused(
                "A stream is read once, and so has one receiver. Write it into a file, and send "
                "that to several."
            )
        _check_stream(code, stream_name, resume=resume, verify=verify)
        raise typer.Exit(_send_stream(context, stream_name, who, at, json=json))
    if not paths or any(str(each) == STDIN for each in paths):
        raise Refused("Name what to send: PATH…, files and folders; or - alone for a stream.")
    if stream_name is not None:
        raise Refused("--as names a stream: it goes with - alone.")
    check_there(paths, skip_unreadable=skip_unreadable)
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.core.checks import look_at_all
    from filesend_tui.headless import paired, resuming
    from filesend_tui.headless.asking import Asker
    from filesend_tui.headless.several import sending
    from filesend_tui.runtime.going_on import sends

    asker, chosen = Asker.on_standard_input(), look_at_all(paths)
    names = {each.casefold() for each in to}

    def begin(client: Client, places: paired.Places) -> Coroutine[Any, Any, None]:
        how: Any = {"verify": verify, "skip_unreadable": skip_unreadable}
        if (audience := who.audience()) is not None:
            return sending.send(client, places, chosen, audience, asker, **how)
        how |= {"to": who.whom(), "remember": remember, "link": link}
        return paired.send(client, places, chosen, code, asker, **how)

    ended = compose.run_at_places(
        lambda client, places: resuming.or_begin(
            client,
            places,
            lambda each: sends(each, paths) and (not names or each.partner.casefold() in names),
            lambda: begin(client, places),
            asker,
            folder=compose.folder_of(settings),
            wanted=compose.goes_on(settings, resume, verify=verify),
        ),
        settings,
        asker,
        only=places_in(context, at),
        code=code,
        counterpart="receive",
        json=json,
        program="send",
    )
    raise typer.Exit(ended)


class _Who(NamedTuple):
    """Who is to get it: by one's own code, theirs or a link, or contacts and so many codes."""

    code: str | None
    names: list[str]
    codes: int
    wait: float | None
    link: bool

    def audience(self) -> Audience | None:
        """Return them, where they are several."""
        from filesend_tui.headless.several.sending import Audience

        several = len(self.names) + self.codes > 1
        return Audience(self.names, self.codes, self.wait, self.link) if several else None

    def whom(self) -> Whom | None:
        """Return the one contact, where it is one."""
        from filesend_tui.headless.contacts.calling import Whom

        return Whom(self.names[0], self.wait) if self.names else None


def _check_people(
    code: str | None, to: list[str], receivers: int | None, *, remember: bool
) -> bool:
    """Return whether it is for several people. Raises Refused: these do not go together."""
    if to and code is not None:
        raise Refused("--to and --code exclude each other: a contact needs no code.")
    if to and remember:
        raise Refused("--to names somebody you remember already: it goes with no --remember.")
    # Beside contacts one code is one more person; alone it is what a send does anyway.
    size = len(to) + (receivers or 0)
    if size <= 1:
        return False
    if code is not None:
        raise Refused("--receivers makes codes: whoever has a code of their own is one receiver.")
    if remember:
        raise Refused("--remember asks one person, and not several: it goes with no --receivers.")
    if size > MOST_PEOPLE:
        raise Refused(f"At most {MOST_PEOPLE} people at once: send to the others after that.")
    return True


def _send_text(
    context: typer.Context,
    text: str,
    who: _Who,
    at: list[str] | None,
    *,
    verify: bool,
    json: bool,
) -> int:
    from filesend_tui.core.checks import longest_text

    most = longest_text()
    if text == STDIN:
        if who.code == STDIN or verify:
            raise Refused("--text - reads standard input, and --code - and --verify would too.")
        # One more than a text may have, so that a longer one is refused and not cut.
        data = sys.stdin.buffer.read(most + 1)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            if len(data) <= most:
                raise Refused("--text -: that is no text in UTF-8. Send it with - alone.") from None
            text = data.decode(errors="replace")
    if not text.strip():
        raise Refused("--text: there is no text.")
    if len(text.encode(errors="replace")) > most:
        raise Refused("--text: that is over 64 KiB. Send it as a file, or with - alone.")
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless import paired
    from filesend_tui.headless.asking import Asker
    from filesend_tui.headless.several import sending

    asker = Asker.on_standard_input()

    def begin(client: Client, places: paired.Places) -> Coroutine[Any, Any, None]:
        if (audience := who.audience()) is not None:
            return sending.send_text(client, places, text, audience, asker, verify=verify)
        whom = who.whom()
        return paired.send_text(
            client, places, text, who.code, asker, verify=verify, to=whom, link=who.link
        )

    return compose.run_at_places(
        begin,
        settings,
        asker,
        only=places_in(context, at),
        code=who.code,
        counterpart="receive",
        json=json,
        program="send",
    )


def _check_stream(code: str | None, name: str | None, *, resume: bool | None, verify: bool) -> None:
    """Refuse what would read from the stream, or go on with one. Raises Refused."""
    if code == STDIN:
        raise Refused("--code - would read the code from the stream: give it as --code CODE.")
    if verify:
        raise Refused("--verify asks on standard input, which is the stream here.")
    if resume:
        raise Refused("A stream cannot be gone on with: what was read from a pipe is gone.")
    if name is not None and (not name or "/" in name or name in (".", "..")):
        raise Refused(f"--as: {name!r} is no name of a file.")


def _send_stream(
    context: typer.Context, name: str | None, who: _Who, at: list[str] | None, *, json: bool
) -> int:
    settings = settle(context.obj)
    from filesend_tui.cli import compose
    from filesend_tui.headless.asking import Asker
    from filesend_tui.headless.ends import pipes
    from filesend_tui.system.standard_streams import take_input

    asker = Asker.on_standard_input()
    return compose.run_at_places(
        lambda client, places: pipes.send_stream(
            client,
            places,
            take_input(),
            name or STREAM_NAME,
            code=who.code,
            asker=asker,
            to=who.whom(),
        ),
        settings,
        asker,
        only=places_in(context, at),
        code=who.code,
        counterpart="receive",
        json=json,
        program="send",
    )
