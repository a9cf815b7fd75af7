"""Real peers: webtorrent in Chromium, libtorrent, bittorrent-tracker and socket.io's own client."""
