"""Every option and argument of the command line, each declared once.

Options of settings are made from settings/schema.py; `takes` adds them to a command. Their use is
the command's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from filesend_tui import __version__
from filesend_tui.settings.schema import BY_KEY, Setting

#: People who can be sent the same at once.
MOST_PEOPLE: Final = 64
#: The settings of how two people's machines, or those of a swarm, connect.
SWARM: Final = (
    "ice_servers",
    "road",
    "webrtc",
    "upload_limit",
    "download_limit",
    "on_hangup",
    "history",
    "notify",
    "stay_awake",
)
CONNECTION: Final = (
    "ice_servers",
    "road",
    "port_mapping",
    "webrtc",
    "upload_limit",
    "download_limit",
    "at_once",
    "away_limit",
    "on_hangup",
    "history",
    "notify",
    "stay_awake",
)
#: The settings of how files are found and sent, and how they are put where they go.
SENT: Final = ("links", "exclude", "respect_gitignore", "times")
SHARED: Final = ("links", "exclude", "respect_gitignore")
RECEIVED: Final = ("times", "overwrite", "skip_existing")
LOG: Final = ("log_level", "log_file")

#: Instead of a path: standard input, or standard output.
STDIN: Final = "-"
#: For those that are paths: what typer refuses before the command runs.
_PATHS: Final[dict[str, dict[str, Any]]] = {
    "output": {"file_okay": False},
    "log_file": {"dir_okay": False},
    "turn_secret_file": {"dir_okay": False},
    "ban_file": {"dir_okay": False},
    "tls_cert": {"dir_okay": False},
    "tls_key": {"dir_okay": False},
    "page_key_file": {"dir_okay": False},
    "store_file": {"dir_okay": False},
}


def of_setting(key: str, about: str | None = None, **more: Any) -> Any:
    """Return a setting as an option.

    Args:
        key: The setting's key.
        about: The help text, where it differs from the setting's.
        more: Further arguments of typer.Option.
    """
    setting = BY_KEY[key]
    flag, *others = setting.flags
    return typer.Option(
        flag,
        *others,
        metavar=setting.metavar,
        help=_help(setting, about or setting.about),
        show_default=False,
        **_PATHS.get(key, {}),
        **more,
    )


def _help(setting: Setting, about: str) -> str:
    told = f"env: {setting.variable}" if setting.variable else ""
    if setting.default:
        told += f", else {setting.default}"
    if setting.many:
        about = f"{about.removesuffix('.')}; may be repeated."
    return f"{about} ({told})" if told else about


def takes(*keys: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of these settings to a command, after its own.

    Values given go into `context.obj`, by key, and override those given before the command.
    """

    def taking(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def taken(context: typer.Context, **given: Any) -> None:
            said = {key: value for key in keys if (value := _said(key, given.pop(key))) is not None}
            context.obj = {**(context.obj or {}), **said}
            command(context, **given)

        signature = inspect.signature(command, eval_str=True)
        options = [
            inspect.Parameter(
                key,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[_kind(BY_KEY[key]), of_setting(key)],
            )
            for key in keys
        ]
        parameters = [*signature.parameters.values(), *options]
        # typer reads these instead of the function's source.
        dressed: Any = taken
        dressed.__signature__ = signature.replace(parameters=parameters)
        dressed.__annotations__ = {each.name: each.annotation for each in parameters}
        return taken

    return taking


def _said(key: str, value: Any) -> Any:
    """Return what an option says, None where it was not given.

    That of a switch which stands for a value is True or None; of one that may be repeated, a list.
    """
    means = BY_KEY[key].means
    return (means if value else None) if means is not None else (None if value == [] else value)


def _kind(setting: Setting) -> Any:
    if setting.key in _PATHS:
        return Path | None
    if setting.many:
        return list[str] | None
    return bool | None if setting.stored is bool or setting.means is not None else str | None


def _path(text: str) -> Path:
    # A script's unset variable; as a Path it would be the whole current folder.
    if not text:
        raise typer.BadParameter("an empty path names nothing; the current folder is .")
    # `-` alone is standard input; a file of that name is ./-
    path = Path(text)
    return path.absolute() if text != STDIN and str(path) == STDIN else path


def size_of(text: str | None) -> int | None:
    """Return a number of bytes that was typed. Raises typer.BadParameter."""
    from filesend_tui.core.util.figures import parse_rate

    if text is None:
        return None
    try:
        return parse_rate(text)
    except ValueError as error:
        raise typer.BadParameter(f"--max: {error}") from None


def wait_of(text: str | None) -> float | None:
    """Return the seconds that were typed; None for no end. Raises typer.BadParameter."""
    from filesend_tui.settings.parse import duration

    if text is not None and text.strip().lower() == "none":
        return None
    try:
        return duration("10m" if text is None else text)
    except ValueError as error:
        raise typer.BadParameter(f"--wait: {error}") from None


def places_in(context: typer.Context, at: list[str] | None) -> list[str]:
    """Return what `--at` says, of the command or before it."""
    before: list[str] = context.meta.setdefault("filesend.at", [])
    before += at or []
    return before


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"filesend {__version__}")
        raise typer.Exit


PathsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="PATH", help="Files and folders.", show_default=False, parser=_path),
]
SendPathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH",
        help="Files and folders; - alone is a stream of any length, read from standard input.",
        show_default=False,
        parser=_path,
    ),
]
TextOption = Annotated[
    str | None,
    typer.Option(
        "--text",
        metavar="TEXT",
        help="Send this text, at most 64 KiB, instead of files; - reads it from standard input.",
        show_default=False,
    ),
]
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="NAME",
        help="What the stream is called, and a file that it becomes. (else stream)",
        show_default=False,
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="With -o -: write even to a terminal, whatever comes.")
]
MakeCodeOption = Annotated[
    bool,
    typer.Option(
        "--make-code",
        help="Make a code for who sends, who then types it: filesend send PATH --code CODE.",
    ),
]
CodeArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="CODE",
        help="The other person's code, also CODE@HOST or a link; asked for, or read, without it.",
    ),
]
MagnetArgument = Annotated[str, typer.Argument(metavar="MAGNET", help="A magnet link.")]
SendCodeOption = Annotated[
    str | None,
    typer.Option(
        "--code",
        metavar="CODE",
        help="The other person's code, CODE@HOST or link, or - to read it. Without it, make one.",
    ),
]
LinkOption = Annotated[
    bool,
    typer.Option(
        "--link", help="Make a link for the other person's browser, which needs nothing installed."
    ),
]
ReceiversOption = Annotated[
    int | None,
    typer.Option(
        "--receivers",
        metavar="N",
        min=1,
        max=MOST_PEOPLE,
        help="Send to so many people beside those of --to, one after another: by codes, by which "
        "they help each other, or by one --link.",
        show_default=False,
    ),
]
AtOption = Annotated[
    list[str] | None,
    typer.Option(
        "--at",
        metavar="PLACE",
        help="Meet there alone: at relay, own, nearby, trackers, or a URL; may be repeated. "
        "(else at all of them)",
        show_default=False,
    ),
]
VerifyOption = Annotated[
    bool,
    typer.Option(
        "--verify", help="Compare words with the other person first. A no ends it (exit code 5)."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Accept without asking.")]
ResumeOption = Annotated[
    bool | None,
    typer.Option(
        "--resume/--no-resume",
        help="Go on with what an earlier run of the same command did not finish, or begin anew. "
        "Without either it is asked about; where nobody can be asked, a new transfer begins.",
        show_default=False,
    ),
]
SkipOption = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable",
        help="Leave out what cannot be sent, and say what, instead of refusing.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print each event as a JSON object on a line.")
]
IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="A transfer's id, or how it begins.", show_default=False),
]
ListOption = Annotated[bool, typer.Option("--list", help="Only show what is unfinished.")]
AllOption = Annotated[bool, typer.Option("--all", help="Forget all that is unfinished.")]
SaveOption = Annotated[
    str | None,
    typer.Option(
        "--save",
        metavar="URL|none",
        help="Run none, but remember this relay in the settings; none forgets it.",
    ),
]
CheckConfigOption = Annotated[
    bool,
    typer.Option(
        "--check-config",
        help="Serve nothing: read what the options and settings name, and say whether a relay "
        "would start.",
    ),
]
RelayArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="URL", help="The relay; without one that of the settings, or this machine's."
    ),
]
ClearOption = Annotated[bool, typer.Option("--clear", help="Delete the whole history.")]
CountOption = Annotated[
    int, typer.Option("-n", metavar="N", min=1, max=10_000, help="How many entries, the newest.")
]
UploadOption = Annotated[
    str | None,
    typer.Option(
        "--upload",
        metavar="RATE|none",
        help="Send at most so much a second, such as 500k or 1.5 MB/s; none for no limit.",
    ),
]
DownloadOption = Annotated[
    str | None,
    typer.Option("--download", metavar="RATE|none", help="Receive at most so much a second."),
]
PageFileOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write it there, and ask before a file is replaced. (else standard output)",
        show_default=False,
    ),
]
CheckPageOption = Annotated[
    Path | None,
    typer.Option(
        "--check",
        metavar="FILE",
        help="Only say whether a file is what this program makes, to the byte.",
        show_default=False,
    ),
]
ReplaceOption = Annotated[bool, typer.Option("--yes", "-y", help="Replace FILE without asking.")]
PidOption = Annotated[
    int | None,
    typer.Option("--pid", metavar="PID", min=1, help="Only this process; all, if not given."),
]
TrackerOption = Annotated[
    list[str] | None,
    typer.Option("--tracker", metavar="URL", help="A WebSocket tracker; may be repeated."),
]
HostOption = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")
]
AnnounceOption = Annotated[
    bool | None,
    typer.Option(
        "--announce/--no-announce",
        help="Tell this network of the relay by mDNS. Without either: where others reach it.",
        show_default=False,
    ),
]
PortOption = Annotated[
    int | None, of_setting("port", "The port; 0 for any free one.", min=0, max=65535)
]
ToOption = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="NAME",
        help="Send to somebody you remember, with no code: wait for them; may be repeated.",
        show_default=False,
    ),
]
WaitOption = Annotated[
    str | None,
    typer.Option(
        "--wait",
        metavar="TIME|none",
        help="How long to wait with --to, such as 90s, 10m or 2h; none for as long as it takes. "
        "(else 10m)",
    ),
]
RememberOption = Annotated[
    bool,
    typer.Option(
        "--remember", help="Ask the other person to remember each other, so that --to works."
    ),
]
FromOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="NAME",
        help="Wait for this person alone; may be repeated. (else all you remember)",
        show_default=False,
    ),
]
MaxOption = Annotated[
    str | None,
    typer.Option("--max", metavar="SIZE", help="At most so much at once, such as 500M or 2 GB."),
]
ExecOption = Annotated[
    str | None,
    typer.Option(
        "--exec",
        metavar="COMMAND",
        help="Run this for each transfer that arrived, with its path behind; never by a shell.",
    ),
]
InstallOption = Annotated[
    bool,
    typer.Option(
        "--install", help="Only write a user unit of systemd that runs this with these options."
    ),
]
OverwriteUnitOption = Annotated[bool, typer.Option("--force", help="Overwrite another unit.")]
OnlineOption = Annotated[
    bool,
    typer.Option("--online", help="Look who is there: it takes some seconds, and they see it."),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Tell nobody.")]
NothingOption = Annotated[bool, typer.Option("--nothing", help="Ask about everything again.")]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="DIR", help="Where it goes.", file_okay=False, show_default=False
    ),
]
KindsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kinds",
        metavar="GLOB",
        help="Only files of such names, as '*.jpg'; may be repeated.",
        show_default=False,
    ),
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Somebody you remember.", show_default=False)
]
NewNameArgument = Annotated[
    str, typer.Argument(metavar="NEW", help="The new name.", show_default=False)
]
VersionOption = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print it and exit."),
]
