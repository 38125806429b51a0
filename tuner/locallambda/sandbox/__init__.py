"""Sandboxes: processes that run handlers in Lambda's way and words, and the guard that ends them.

``host`` makes a ``sandbox``, whose ``runtime`` is a process that the ``guard`` has started. It does
not know who calls, nor which sandbox serves whom.
"""
