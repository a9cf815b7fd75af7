"""`python -m benchmarks.wan --rtt 20 --rate 1000 --loss 0 -- COMMAND A // COMMAND B`.

Runs two commands at the two ends of a link. `{a}` and `{b}` in them stand for the addresses. Waits
until both have ended. Without `//`, runs A alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.wan.network import Link, Unavailable, Wan

BETWEEN = "//"


def main() -> int:
    """Run both commands; return the larger exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wan", description=__doc__)
    parser.add_argument("--rtt", type=float, default=20, help="round trip in ms (20)")
    parser.add_argument(
        "--rate", type=float, default=1000, help="Mbit/s each way, 0 no limit (1000)"
    )
    parser.add_argument("--loss", type=float, default=0, help="percent of packets each way (0)")
    parser.add_argument("--queue", type=int, help="bytes that may wait (a round trip's worth)")
    parser.add_argument("--seed", type=int, default=1, help="which packets are lost (1)")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="A // B")
    options = parser.parse_args()
    words: list[str] = options.command
    cut = words.index(BETWEEN) if BETWEEN in words else len(words)
    commands = [command for command in (words[:cut], words[cut + 1 :]) if command]
    link = Link(
        rtt=options.rtt,
        rate=options.rate,
        loss=options.loss,
        queue=options.queue,
        seed=options.seed,
    )
    try:
        with Wan(link) as wan:
            a, b = wan.addresses
            ends = [
                subprocess.Popen(
                    wan.at(side, *(w.replace("{a}", a).replace("{b}", b) for w in command))
                )
                for side, command in enumerate(commands)
            ]
            codes = [end.wait() for end in ends]
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 3
    for way, carried in zip(("a to b", "b to a"), wan.carried or (), strict=False):
        print(f"{way}: {carried}", file=sys.stderr)
    return max(abs(code) for code in codes)


if __name__ == "__main__":
    sys.exit(main())
