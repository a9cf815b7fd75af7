"""Two people: codes, pairing, sealed words. Not the meaning of the words."""
