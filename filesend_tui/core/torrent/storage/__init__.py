"""Files on the disk: laid out, read, written, put in place."""
