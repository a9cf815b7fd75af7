"""One torrent: its files, its pieces, its peers."""
