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

#: The settings of how two people's machines, or those of a swarm, connect.
SWARM: Final = (
    "ice_servers",
    "road",
    "webrtc",
    "upload_limit",
    "download_limit",
    "on_hangup",
    "history",
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
)
LOG: Final = ("log_level", "log_file")

#: For those that are paths: what typer refuses before the command runs.
_PATHS: Final[dict[str, dict[str, Any]]] = {
    "output": {"file_okay": False},
    "log_file": {"dir_okay": False},
    "turn_secret_file": {"dir_okay": False},
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
            said = {key: value for key in keys if (value := given.pop(key)) is not None}
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


def _kind(setting: Setting) -> Any:
    if setting.key in _PATHS:
        return Path | None
    if setting.many:
        return list[str] | None
    return bool | None if setting.stored is bool else str | None


def _path(text: str) -> Path:
    # A script's unset variable; as a Path it would be the whole current folder.
    if not text:
        raise typer.BadParameter("an empty path names nothing; the current folder is .")
    return Path(text)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"filesend {__version__}")
        raise typer.Exit


PathsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="PATH", help="Files and folders.", show_default=False, parser=_path),
]
CodeArgument = Annotated[
    str | None,
    typer.Argument(metavar="CODE", help="The other person's code; asked for, or read, without it."),
]
MagnetArgument = Annotated[str, typer.Argument(metavar="MAGNET", help="A magnet link.")]
SendCodeOption = Annotated[
    str | None,
    typer.Option(
        "--code",
        metavar="CODE",
        help="The other person's code, or - to read it. Without it, make one.",
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
PortOption = Annotated[
    int | None, of_setting("port", "The port; 0 for any free one.", min=0, max=65535)
]
VersionOption = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print it and exit."),
]
