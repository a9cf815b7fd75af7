"""`python -m filesend_tui`: the same as `filesend`."""

from __future__ import annotations

from filesend_tui.runtime.start import main

if __name__ == "__main__":
    main()
