"""CLI: one file per command: parse, wire, call one flow function, show.

A command holds no logic of its own; heavy imports (boto3, scipy, altair) happen inside it, so
that ``tuner --help`` is quick. To add a command: a file here and one line in ``app.py``.
"""
