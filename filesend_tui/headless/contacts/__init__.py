"""The commands of people who are remembered: whom, sending to them, and the standing receiver."""
