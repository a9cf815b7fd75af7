"""Streams of unknown length: read, held in a window, sent, taken, written. No torrent and no swarm.

One side reads (outflow.py), the other writes (inflow.py); between them is one connection to the
peer at a time (line.py), and after it another. What is read from and written to is pipes.py's and
into_folder.py's.
"""
