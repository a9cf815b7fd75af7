"""The operating system besides files and sockets: terminals, threads, ports, core dumps."""
