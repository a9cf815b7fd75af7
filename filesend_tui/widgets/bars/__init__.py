"""The lines that stay: title, notices, requests, talk, keys."""
