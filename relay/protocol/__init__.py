"""What client and relay share: words, tracker frames, their bounds. Imports nothing of ours."""
