"""How the program is started: the screens, or a command; one file each. Above every face."""
