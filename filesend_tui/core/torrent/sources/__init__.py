"""Files to send: found on the disk, hashed, made into a torrent, read."""
