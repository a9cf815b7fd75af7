"""The page for people who have only a browser: what web/ is built to, as the relay serves it."""
