"""How a process is put together: settings, loop, logs, relay, signals. Decides nothing else."""
