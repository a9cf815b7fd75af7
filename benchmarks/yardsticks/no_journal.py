"""`filesend` that keeps nothing: no journal and no history. The yardstick of what these cost."""

from __future__ import annotations

from typing import Any

from filesend_tui.__main__ import main
from filesend_tui.headless import running

_run = running.run


def _without(*arguments: Any, **options: Any) -> Any:
    return _run(*arguments, **options | {"state": None})


if __name__ == "__main__":
    running.run = _without
    main()
