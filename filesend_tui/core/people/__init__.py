"""People: codes, pairing, the session of two paired users, and the exchange of one request."""
