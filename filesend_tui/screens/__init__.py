"""Screens: what fills the terminal, one file each. They draw the store and call the Client."""
