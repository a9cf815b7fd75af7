"""What the operating system is asked beside files and sockets: terminals, threads, ports, dumps."""
