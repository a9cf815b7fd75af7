"""Meeting places: the servers at which people meet, and what is asked of several at once."""
