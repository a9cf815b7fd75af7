"""Widgets that show the progress of transfers and open shares."""
