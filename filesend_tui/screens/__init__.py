"""Screens: what fills the terminal, one file a screen. They draw the store and call the Client."""
