"""The commands of people who are remembered: `contacts` and what is below it, and `listen`."""
