"""Peak memory of either side with very large files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from benchmarks import measures, roads
from benchmarks.context import GB, MB, Context
from benchmarks.processes import Failed
from benchmarks.table import Result, Row

_SIZES = {
    Row(
        name=f"memory-{size}",
        title=f"peak memory of either side, {size} GB",
        at_most=150,
        unit="MB",
    ): size * GB
    for size in (4, 8)
}
ROWS = tuple(_SIZES)


def measure(context: Context, rows: Sequence[Row]) -> list[Result]:
    """Send each size once: the peak hardly varies. The file is sparse, the received one is not."""
    roads.require_direct()
    context = context.on_disk()  # files in memory would count as used memory
    results = []
    with measures.relay(context) as relay:
        for row in rows:
            size = context.size(_SIZES[row])
            source = context.file(size, random=False)
            try:
                free = shutil.disk_usage(context.folder).free
                if free < size + GB:
                    raise Failed(
                        f"{size / GB:.0f} GB do not fit on the disk, {free / GB:.0f} are free"
                    )
                transfer = measures.filesend(context, relay, source, *roads.DIRECT, seconds=600)
            except Failed as error:
                results.append(Result(row=row, why=str(error)))
                continue
            finally:
                source.unlink()
            sender, receiver = (peak / MB for peak in transfer.peaks)
            note = f"sender {sender:.0f}, receiver {receiver:.0f} MB, {transfer.rate:.0f} MB/s"
            context.say(f"{row.name}: {note}")
            results.append(
                Result(
                    row=row,
                    value=max(sender, receiver),
                    note=note,
                    figures={"sender": [sender], "receiver": [receiver]},
                )
            )
    return results
