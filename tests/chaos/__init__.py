"""What may go wrong goes wrong, at random moments: nothing is lost, and nothing is left behind.

Real processes, a real relay, real disks and networks. Each test has a short form, which `make test`
runs, and a long one, marked `long`, which `make chaos` runs and whose figures go to
docs/reliability.md (figures.py). What is random comes from one seed (chance.py), and every test
ends with the same look at what is left (Stage.all_well).

The faults of the journal itself are brought about where it is tested, in tests/journal: processes
killed at every commit in test_interrupted.py, files cut short and flipped bits in test_damaged.py,
full disks in test_disk.py, older and newer schemas in test_versions.py.
"""
