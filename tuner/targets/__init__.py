"""Targets: what can be tuned, behind one seam (``seam.py``).

A target describes a function, makes a memory size callable, forces fresh sandboxes, and puts
everything back. It may import ``aws``, ``locallambda`` (to start it) and the words; it must never
invoke the function: the load engine does. To add one: a file here that implements ``Target``,
one line in ``tuner/experiment/wiring.py``, and its row in ``tests/contract/test_targets.py``.
"""
