"""Model: curves, quantiles, comparisons. Arrays in, numbers out.

Imports numpy and the words; no I/O, no printing, no clock, and chance only from a generator
that is handed in. One file per curve family; each cites its source and says where its constants
come from. To add a family: a file here, its name in ``families``, a test, the replay benchmark.
"""
