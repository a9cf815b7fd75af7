"""`listen --install`: a user unit of systemd, by which a standing receiver starts with the session.

Nothing is started here: what was written, and what starts it, is told.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from filesend_tui.core.errors import FileSendError

NAME: Final = "filesend-listen.service"
_UNIT: Final = """\
[Unit]
Description=FileSend: takes what contacts send

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=10
SuccessExitStatus=130
UMask=0077

[Install]
WantedBy=default.target
"""


class NotInstalled(FileSendError):
    """No unit was written."""

    code = "notInstalled"
    default_hint = "Start filesend listen by what starts programs on this machine."


def install(arguments: Sequence[str], *, force: bool) -> list[str]:
    """Write the unit; return what to tell.

    Args:
        arguments: Of `filesend listen`.
        force: Overwrite another one of this name.

    Raises:
        NotInstalled: There is no systemd, the file has other content, or it cannot be written.
    """
    if sys.platform != "linux" or shutil.which("systemctl") is None:
        raise NotInstalled("There is no systemd here.")
    command = (sys.executable, "-m", "filesend_tui", "listen", *arguments)
    text = _UNIT.format(command=" ".join(map(quoted, command)))
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    home = base if base.is_absolute() else Path.home() / ".config"
    file = home / "systemd" / "user" / NAME
    try:
        if not force and file.exists() and file.read_text(errors="replace") != text:
            raise NotInstalled(
                f"{file} is there already, with other content.", "Use --force to overwrite it."
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    except OSError as error:
        raise NotInstalled(
            f"{file} cannot be written: {error.strerror}.", "Check the folder's permissions."
        ) from error
    return [
        f"Wrote {file}:",
        *text.rstrip().split("\n"),
        "To start it now and with each session:",
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {NAME}",
        "To have it run while nobody is logged in: loginctl enable-linger",
    ]


def quoted(part: str) -> str:
    """Return an argument for ExecStart (systemd.service(5), command lines), taken as it is.

    Raises:
        NotInstalled: No unit can hold it.
    """
    if not part.isprintable():
        raise NotInstalled("An argument holds characters that no unit can hold.")
    escaped = part.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
