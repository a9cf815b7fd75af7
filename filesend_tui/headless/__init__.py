"""The headless face: commands for scripts and for people without a screen.

Commands go to the Client, events come back; a run's result is an exit code. Imports neither textual
nor anything of the core but its Client, events, errors and config.
"""
