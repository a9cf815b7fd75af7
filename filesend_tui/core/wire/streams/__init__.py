"""The messages of streams: bytes whose length nobody knows yet, from one peer to another."""
