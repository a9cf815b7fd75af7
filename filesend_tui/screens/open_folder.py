"""Opening the folder of what arrived; where there is no file manager, its path is copied."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Final

from textual.app import App

from filesend_tui.keys import shown
from filesend_tui.state.figures import short_path
from filesend_tui.state.views import Level, Notice
from filesend_tui.system.file_manager import CannotOpen, open_folder_of, opener

_COPY: Final = f"Press {shown('copy')} to copy the path."


async def open_folder(app: App[Any], path: Path) -> Notice:
    """Show the folder that a file is in; return what to say about it."""
    where = short_path(path)
    program = await asyncio.to_thread(opener)
    if program is None:
        app.copy_to_clipboard(str(path))
        return Notice(Level.GOOD, f"It is here: {where}", "Copied; many terminals open the link.")
    folder = short_path(path.parent)
    try:
        await open_folder_of(path, program, os.environ)
    except CannotOpen as error:
        return Notice(Level.WARNING, f"{folder} did not open: {error}", _COPY)
    return Notice(Level.GOOD, f"{folder} is open.", f"{where} is in it.")
