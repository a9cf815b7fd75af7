"""What the picker of files is made of."""
