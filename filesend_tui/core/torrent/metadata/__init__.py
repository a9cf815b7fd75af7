"""How a torrent's description comes from its peers (BEP 9)."""
