"""The parts of a process: event loop, logs, relay, signals. Decides nothing else."""
