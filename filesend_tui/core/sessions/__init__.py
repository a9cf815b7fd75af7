"""Two people: codes, pairing, sealed words. Not what the words are about."""
