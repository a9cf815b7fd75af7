"""View state for faces, updated by events: no Textual, no I/O and no clock of its own."""
