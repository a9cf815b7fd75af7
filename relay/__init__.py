"""The relay: introduces people, routes words, tracks swarms. Never imports filesend_tui."""
