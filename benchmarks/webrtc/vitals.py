"""What a process feels while it is measured: its memory, and how long its event loop stands still.

Measured by a task beside the work, so that the product needs no hook for it.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Final, Self

import psutil

#: Seconds between two beats of the heart.
BEAT: Final = 0.010
#: Beats between two looks at the memory.
_LOOK_EVERY: Final = 5


class Vitals:
    """Measures from `async with` to its end.

    Attributes:
        peak_rss: Largest resident set seen, in bytes.
        longest_stall: Longest time beyond BEAT between two beats, in seconds.
        cpu_seconds: Processor time used by all threads of this process.
    """

    def __init__(self) -> None:
        self.peak_rss = 0
        self.longest_stall = 0.0
        self.cpu_seconds = 0.0
        self._process = psutil.Process()

    async def __aenter__(self) -> Self:
        self._cpu_before = time.process_time()
        self._heart = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._heart.cancel()
        self._look()
        self.cpu_seconds = time.process_time() - self._cpu_before

    def report(self) -> dict[str, float]:
        """Return the figures as a worker's answer carries them."""
        return {
            "peakRss": self.peak_rss,
            "longestStall": self.longest_stall,
            "cpuSeconds": self.cpu_seconds,
        }

    async def _beat(self) -> None:
        beats = 0
        last = time.perf_counter()
        while True:
            if beats % _LOOK_EVERY == 0:
                self._look()
            beats += 1
            await asyncio.sleep(BEAT)
            now = time.perf_counter()
            self.longest_stall = max(self.longest_stall, now - last - BEAT)
            last = now

    def _look(self) -> None:
        self.peak_rss = max(self.peak_rss, self._process.memory_info().rss)
