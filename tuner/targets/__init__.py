"""Targets: what can be tuned, behind one seam (``seam.py``).

A target describes a function, makes Settings of it callable, forces fresh sandboxes, and restores
everything. Several functions (architectures, codes) are one target in ``composite.py``. It may
import ``aws``, ``locallambda`` (to start it) and the words; it never invokes the function: the
load engine does. To add one: a file here that implements ``Target``, one line in
``tuner/experiment/wiring.py``, and its row in ``tests/contract/test_targets.py``.
"""
