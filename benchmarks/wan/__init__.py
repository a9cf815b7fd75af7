"""A slow, long or lossy link between two network namespaces of this machine.

`network.py` makes one around any pair of commands; `python -m benchmarks.wan` is its command line;
`link.c` is the link itself, compiled when it is first needed. Linux, root and a C compiler.
"""

from benchmarks.wan.network import Link, Unavailable, Wan, why_unavailable

__all__ = ["Link", "Unavailable", "Wan", "why_unavailable"]
