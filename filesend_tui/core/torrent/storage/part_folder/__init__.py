"""The folder of what is half there: its name, lock and owner."""
