"""What faces draw, fed by events: no Textual, no I/O and no clock of its own."""
