"""The bars that every place has: title, notices, requests, talk, keys."""
