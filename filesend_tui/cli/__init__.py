"""The command line: it starts the screens, or a command; one file each. Imports every face."""
