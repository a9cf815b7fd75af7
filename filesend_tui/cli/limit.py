"""`filesend limit`: options in, the headless face's `limits` run, an exit code out."""

from __future__ import annotations

import typer

from filesend_tui.cli.common import Refused, settle
from filesend_tui.cli.options import (
    LOG,
    DownloadOption,
    JsonOption,
    PidOption,
    UploadOption,
    takes,
)


@takes(*LOG)
def limit(
    context: typer.Context,
    *,
    upload: UploadOption = None,
    download: DownloadOption = None,
    pid: PidOption = None,
    json: JsonOption = False,
) -> None:
    """Limit how fast running filesend processes send and receive, or show how they are limited.

    It holds until they end, or are limited again; settings stay as they are.
    """
    settings = settle(context.obj)
    import msgspec

    from filesend_tui.cli import compose
    from filesend_tui.headless import limits
    from filesend_tui.runtime.programs import Wish
    from filesend_tui.settings import parse

    def meant(option: str, text: str | None) -> int | msgspec.UnsetType | None:
        if text is None:
            return msgspec.UNSET
        try:
            return parse.limit_now(text)
        except ValueError as error:
            raise Refused(f"{option}: {error}") from None

    wish = Wish(upload=meant("--upload", upload), download=meant("--download", download))
    raise typer.Exit(limits.run(compose.state_of(settings), wish, pid, json=json))
