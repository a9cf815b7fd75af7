"""A torrent's info dictionary, fetched from its peers (BEP 9)."""
