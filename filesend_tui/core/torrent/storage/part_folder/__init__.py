"""The folder of an unfinished download: its name, lock and owner."""
