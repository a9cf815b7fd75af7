"""What a person sends: found on the disk, hashed, described, read."""
