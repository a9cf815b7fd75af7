"""What a person set, read and written. What follows from it is others'."""
