"""The field for a folder to save in: typed with `~`; Tab completes the names of folders."""

from __future__ import annotations

import asyncio

from textual.suggester import Suggester

from filesend_tui.widgets.fields.completing_field import CompletingField
from filesend_tui.widgets.fields.path_field import complete_path


class _Folders(Suggester):
    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(complete_path, value, folders=True)


class FolderField(CompletingField):
    """One line for a folder, which need not exist yet."""

    def __init__(self, value: str = "", *, id: str | None = None) -> None:
        super().__init__(value, suggester=_Folders(), select_on_focus=False, compact=True, id=id)
