"""The headless face: commands for scripts and for people without a screen.

Commands go to the Client, events come back; what a run amounts to is an exit code. Knows neither
textual nor anything of the core but its door, its events, its errors and its config.
"""
