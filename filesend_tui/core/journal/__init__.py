"""What lasts: sessions, transfers and shares that are unfinished, and the history, in one file."""
