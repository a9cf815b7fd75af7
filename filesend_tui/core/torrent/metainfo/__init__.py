"""What a torrent is: read, checked, made of files."""
