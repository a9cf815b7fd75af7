"""How long what is unfinished is kept: by the journal, and in part folders. Nothing else."""

from __future__ import annotations

from typing import Final

#: Seconds for which something unfinished is kept after it was last gone on with.
UNFINISHED: Final = 30 * 24 * 3600.0
