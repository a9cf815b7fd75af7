"""The command line: options in, one of the faces started, an exit code out.

Only what `--help` and `--version` need is imported at the top: neither textual nor aiortc nor
socket.io. What the commands do lives in headless/, and the screens in app.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from filesend_tui import __version__
from filesend_tui.core.util.text import clean
from filesend_tui.runtime import start

if TYPE_CHECKING:
    from filesend_tui.settings.load import Settings

#: How many paths an error names; the rest is counted.
_NAMED = 10
#: Characters of a refusal; paths are long.
_LONGEST: Final = 4096

cli = typer.Typer(
    name="filesend",
    help="Hand files to another person: pair with a code, ask, get a yes, and they arrive.",
    epilog="Without a command, the screens open.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # they print local variables, and codes and keys among them
    context_settings={"help_option_names": ["-h", "--help"]},
)


RelayOption = Annotated[
    str | None,
    typer.Option("--relay", metavar="URL", help="The relay. (env: FILESEND_RELAY)"),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="How the other person sees you. (env: FILESEND_NAME)"),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        file_okay=False,
        help="Where files go; Downloads/FileSend if not said. (env: FILESEND_OUTPUT)",
    ),
]
IceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--ice-server",
        metavar="URL",
        help="A STUN or TURN server, or none; may be repeated. (env: FILESEND_ICE_SERVERS)",
    ),
]
RoadOption = Annotated[
    str | None,
    typer.Option(
        "--road",
        metavar="ROAD",
        help="auto, direct or webrtc: how the files may go. (env: FILESEND_ROAD)",
    ),
]
MappingOption = Annotated[
    bool | None,
    typer.Option(
        "--port-mapping/--no-port-mapping",
        help="Ask the router for a way in (UPnP). (env: FILESEND_PORT_MAPPING)",
        show_default=False,
    ),
]
WebRtcOption = Annotated[
    str | None,
    typer.Option(
        "--webrtc",
        metavar="STACK",
        help="auto, aiortc, or native with filesend-tui[fast]. (env: FILESEND_WEBRTC)",
    ),
]
UploadLimitOption = Annotated[
    str | None,
    typer.Option(
        "--upload-limit",
        metavar="RATE",
        help="Send at most so much a second, such as 500k or 2M. (env: FILESEND_UPLOAD_LIMIT)",
    ),
]
DownloadLimitOption = Annotated[
    str | None,
    typer.Option(
        "--download-limit",
        metavar="RATE",
        help="Fetch at most so much a second. (env: FILESEND_DOWNLOAD_LIMIT)",
    ),
]
WebOption = Annotated[
    str | None,
    typer.Option(
        "--web",
        metavar="URL",
        help="A page that opens share links in a browser. (env: FILESEND_WEB)",
    ),
]
VerifyOption = Annotated[
    bool,
    typer.Option(
        "--verify", help="Compare words with the other person first. A no ends it (exit code 5)."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print each event as a JSON object on a line.")
]
LogLevelOption = Annotated[
    str | None,
    typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error."),
]
LogFileOption = Annotated[
    Path | None,
    typer.Option("--log-file", metavar="FILE", dir_okay=False, help="Where log lines go."),
]
SkipOption = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable",
        help="Leave out what cannot be sent, and say what, instead of refusing.",
    ),
]


def _path(text: str) -> Path:
    # What an unset variable of a script leaves; as a Path it is the current folder, all of it.
    if not text:
        raise typer.BadParameter("an empty path names nothing; the current folder is .")
    return Path(text)


PathsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="PATH", help="Files and folders.", show_default=False, parser=_path),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"filesend {__version__}")
        raise typer.Exit


@cli.callback(invoke_without_command=True)
def screens(
    context: typer.Context,
    *,
    relay: RelayOption = None,
    name: NameOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            file_okay=False,
            help="Where files go; Downloads/FileSend if not said. (env: FILESEND_OUTPUT)",
        ),
    ] = None,
    ice_server: IceOption = None,
    road: RoadOption = None,
    port_mapping: MappingOption = None,
    webrtc: WebRtcOption = None,
    upload_limit: UploadLimitOption = None,
    download_limit: DownloadLimitOption = None,
    web: WebOption = None,
    log_level: LogLevelOption = None,
    log_file: LogFileOption = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print it and exit."
        ),
    ] = False,
) -> None:
    """Open the screens, unless a command follows."""
    context.obj = {
        "relay": relay,
        "name": name,
        "output": output,
        "ice_servers": ice_server,
        "road": road,
        "port_mapping": port_mapping,
        "webrtc": webrtc,
        "upload_limit": upload_limit,
        "download_limit": download_limit,
        "web": web,
        "log_level": log_level,
        "log_file": log_file,
    }
    if context.invoked_subcommand is None:
        try:
            raise typer.Exit(start.screens(context.obj))
        except start.Refused as error:
            _refuse(error)


@cli.command()
def send(
    context: typer.Context,
    paths: PathsArgument,
    *,
    code: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="The other person's code, or - to read it. Without it, make one."
        ),
    ] = None,
    verify: VerifyOption = False,
    skip_unreadable: SkipOption = False,
    relay: RelayOption = None,
    name: NameOption = None,
    ice_server: IceOption = None,
    road: RoadOption = None,
    port_mapping: MappingOption = None,
    webrtc: WebRtcOption = None,
    upload_limit: UploadLimitOption = None,
    download_limit: DownloadLimitOption = None,
    json: JsonOption = False,
    log_level: LogLevelOption = None,
    log_file: LogFileOption = None,
) -> None:
    """Send files and folders to the person you pair with."""
    _check_there(paths, skip_unreadable=skip_unreadable)
    settings = _settings(
        context,
        relay=relay,
        name=name,
        ice_servers=ice_server,
        road=road,
        port_mapping=port_mapping,
        webrtc=webrtc,
        upload_limit=upload_limit,
        download_limit=download_limit,
        log_level=log_level,
        log_file=log_file,
    )
    from filesend_tui.runtime import compose

    raise typer.Exit(
        compose.send(
            settings, paths, code, verify=verify, skip_unreadable=skip_unreadable, json=json
        )
    )


@cli.command()
def receive(
    context: typer.Context,
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE", help="The other person's code; asked for, or read, if not given."
        ),
    ] = None,
    *,
    output: OutputOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept without asking.")] = False,
    verify: VerifyOption = False,
    relay: RelayOption = None,
    name: NameOption = None,
    ice_server: IceOption = None,
    road: RoadOption = None,
    port_mapping: MappingOption = None,
    webrtc: WebRtcOption = None,
    upload_limit: UploadLimitOption = None,
    download_limit: DownloadLimitOption = None,
    json: JsonOption = False,
    log_level: LogLevelOption = None,
    log_file: LogFileOption = None,
) -> None:
    """Receive what the person with this code sends."""
    settings = _settings(
        context,
        relay=relay,
        name=name,
        output=output,
        ice_servers=ice_server,
        road=road,
        port_mapping=port_mapping,
        webrtc=webrtc,
        upload_limit=upload_limit,
        download_limit=download_limit,
        log_level=log_level,
        log_file=log_file,
    )
    from filesend_tui.runtime import compose

    raise typer.Exit(compose.receive(settings, code, accept_all=yes, verify=verify, json=json))


@cli.command()
def seed(
    context: typer.Context,
    paths: PathsArgument,
    *,
    tracker: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A WebSocket tracker; may be repeated."),
    ] = None,
    skip_unreadable: SkipOption = False,
    relay: RelayOption = None,
    ice_server: IceOption = None,
    webrtc: WebRtcOption = None,
    upload_limit: UploadLimitOption = None,
    download_limit: DownloadLimitOption = None,
    web: WebOption = None,
    json: JsonOption = False,
    log_level: LogLevelOption = None,
    log_file: LogFileOption = None,
) -> None:
    """Serve files to anybody with the magnet link, until interrupted.

    Without --tracker, the relay's own tracker is used.
    """
    _check_there(paths, skip_unreadable=skip_unreadable)
    settings = _settings(
        context,
        relay=relay,
        ice_servers=ice_server,
        webrtc=webrtc,
        upload_limit=upload_limit,
        download_limit=download_limit,
        web=web,
        log_level=log_level,
        log_file=log_file,
    )
    from filesend_tui.core.meeting.rendezvous import usable_trackers
    from filesend_tui.runtime import compose

    for url in tracker or ():
        if not usable_trackers([url]):
            _refuse(start.Refused(f"--tracker: {url!r} is no WebSocket tracker; write wss://host"))
    raise typer.Exit(
        compose.seed(settings, paths, tracker or (), skip_unreadable=skip_unreadable, json=json)
    )


@cli.command()
def download(
    context: typer.Context,
    magnet: Annotated[str, typer.Argument(metavar="MAGNET", help="A magnet link.")],
    *,
    output: OutputOption = None,
    ice_server: IceOption = None,
    webrtc: WebRtcOption = None,
    upload_limit: UploadLimitOption = None,
    download_limit: DownloadLimitOption = None,
    json: JsonOption = False,
    log_level: LogLevelOption = None,
    log_file: LogFileOption = None,
) -> None:
    """Download what a magnet link names."""
    settings = _settings(
        context,
        output=output,
        ice_servers=ice_server,
        webrtc=webrtc,
        upload_limit=upload_limit,
        download_limit=download_limit,
        log_level=log_level,
        log_file=log_file,
    )
    from filesend_tui.runtime import compose

    raise typer.Exit(compose.download(settings, magnet, json=json))


@cli.command()
def relay(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="The port; 0 for any free one. (env: FILESEND_PORT, else 8421)",
        ),
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="A proxy, or a network of them, whose X-Forwarded-For is believed; may be "
            "repeated. (env: FILESEND_TRUSTED_PROXIES)",
        ),
    ] = None,
    metrics_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Who may read /metrics, an address or a network; may be repeated. "
            "(env: FILESEND_METRICS_TO, else this machine)",
        ),
    ] = None,
    log_level: LogLevelOption = None,
) -> None:
    """Run a relay: it introduces people, and never sees a file."""
    settings = _settings(
        context,
        service=True,
        trusted_proxies=trusted_proxy,
        metrics_to=metrics_to,
        log_level=log_level,
    )
    from filesend_tui.system.terminal import TerminalWatch, on_terminal
    from relay.server import serve

    TerminalWatch(on_terminal())  # it ends with its terminal, as by the SIGHUP that may not come
    raise typer.Exit(
        serve(
            host,
            settings.port if port is None else port,
            settings.log_level,
            trusted_proxies=settings.trusted_proxies,
            metrics_to=settings.metrics_to,
        )
    )


def _check_there(paths: list[Path], *, skip_unreadable: bool) -> None:
    """Refuse paths that name nothing, all of them at once, as wrong usage."""
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing and not (skip_unreadable and len(missing) < len(paths)):
        named = ", ".join(str(path) for path in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        verb = "is" if len(missing) == 1 else "are"
        _refuse(start.Refused(f"{named}{more} {verb} not there. Check the spelling."))


def _settings(context: typer.Context, *, service: bool = False, **options: Any) -> Settings:
    """Return the settings. Options before the command count where the command gives none."""
    given = {key: value for key, value in options.items() if value is not None}
    try:
        return start.settle({**context.obj, **given}, service=service)
    except start.Refused as error:
        _refuse(error)


def _refuse(why: start.Refused) -> NoReturn:
    """End with a usage error, in one line that steers no terminal."""
    typer.echo(f"Error: {clean(str(why), _LONGEST)}", err=True)
    raise typer.Exit(2)
