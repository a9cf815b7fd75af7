"""What outlives the process: sessions and transfers to records of the journal, and back."""
