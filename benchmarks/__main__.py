"""`python -m benchmarks`: run every benchmark with its defaults, one after the other."""

from benchmarks.webrtc.__main__ import main

main()
