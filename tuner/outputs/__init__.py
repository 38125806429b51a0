"""Outputs: a ``tuner.bench/1`` as Markdown, JUnit, a badge, messages, and what trackers read.

Each file turns the stored document into one format, so every output can be made again; only
``message.post`` sends anything. ``lines`` words the gates for all of them. To add a format: a
file, and its line in ``write``.
"""
